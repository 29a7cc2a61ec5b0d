"""mockserver.serve: a server in a thread of this process."""

import socket
import subprocess
import sys
from typing import Any

import httpx
import httpx2
import pytest
import requests

import mockserver
from mockserver.contract.vendor_files import UnknownVendor
from tests.conftest import ROOT

pytestmark = pytest.mark.finding("C3")


def test_server_runs_on_a_free_port_until_the_end_of_the_block() -> None:
    with mockserver.serve(seed=7, products=5) as one, mockserver.serve() as other:
        assert one.url != other.url
        assert one.url.startswith("http://127.0.0.1:")
        sandbox = one.client.sandbox()
        assert (sandbox.seed, sandbox.products) == (7, 5)
        access = sandbox.vendors["merchantpro"]
        response = httpx.get(f"{access.base_url}/api/v2/inventory/id/10001", headers=access.headers)
        assert response.json()["stock"] == 10
        sandbox.assert_called(vendor="merchantpro", times=1)
        other.client.sandbox().assert_called(never=True)
    with pytest.raises(mockserver.Unreachable):
        mockserver.Client(one.url).health()


def test_server_stops_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), mockserver.serve(products=1) as server:
        raise ZeroDivisionError
    port = int(server.url.rpartition(":")[2])
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port))


def test_vendors_limits_and_dialect_can_be_chosen() -> None:
    with mockserver.serve(vendors="merchantpro", limits=True, dialect="observed") as server:
        assert server.client.sandbox().dialect == "observed"
        assert list(server.client.sandbox().vendors) == ["merchantpro"]
        assert server.client.sandbox().limits.enabled


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"vendors": ["acme"]}, UnknownVendor, "unknown vendor acme"),
        ({"products": 0}, ValueError, "products must be from 1 to 10,000,000, not 0"),
        ({"seed": "x"}, TypeError, "seed must be a whole number, not 'x'"),
        ({"dialect": "x"}, ValueError, "there is no dialect 'x'"),
        ({"dialect": "acme=observed"}, ValueError, "there is no vendor 'acme'"),
        ({"limits": "x"}, TypeError, "`limits` must be True or False, not 'x'"),
    ],
)
def test_invalid_arguments_raise_a_one_line_error(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised, mockserver.serve(**arguments):
        pytest.fail("the block was entered")
    assert "\n" not in str(raised.value)


def test_server_can_be_called_inside_an_interception() -> None:
    with mockserver.intercept() as mock, mockserver.serve() as server:
        access = server.client.sandbox().vendors["narvar"]
        url = f"{access.base_url}/exchanges/inventory/9999"
        for library in (httpx, httpx2, requests):
            assert library.get(url, headers=access.headers).status_code == 200
        with pytest.raises(mockserver.HostRefused):
            httpx.get("http://127.0.0.1:1")  # no server of ours
        mock.assert_called(never=True)


def test_script_ends_with_its_server() -> None:
    script = """
import mockserver, urllib.request
with mockserver.serve(products=1) as server:
    print(urllib.request.urlopen(server.url + "/_mock/health").status)
"""
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n", "")
