"""The client of the operator of a public demo."""

import pytest

from mockserver.client import Client, Refused
from mockserver.client.demo import DemoStatus
from tests.server.access.quotas.demo_server import TOKEN, running_demo


def test_operator_watches_pauses_and_wipes() -> None:
    with running_demo() as demo, Client(demo.url, token=TOKEN) as client:
        name = demo.visitor().name
        client.demo.pause()
        assert demo.create("192.0.2.1").status_code == 503
        assert client.demo.status == DemoStatus(True, 1, 1, 0, {"paused": 1})
        client.demo.resume()
        assert demo.create("192.0.2.1").status_code == 201
        client.sandbox(name).delete()
        assert client.demo.wipe() == 1
        assert [sandbox.name for sandbox in client.sandboxes()] == ["demo"]


def test_sandbox_is_kept_and_gets_a_new_token() -> None:
    with running_demo() as demo, Client(demo.url, token=TOKEN) as client:
        sandbox = client.sandbox(demo.visitor().name)
        sandbox.keep()
        token = sandbox.new_control_token()
        with Client(demo.url, token=token) as own:
            assert [one.name for one in own.sandboxes()] == [sandbox.name]
        assert sandbox.control_token == token


def test_server_without_a_demo_says_so(base_url: str) -> None:
    with Client(base_url) as client, pytest.raises(Refused, match="start it with --demo"):
        client.demo.pause()
