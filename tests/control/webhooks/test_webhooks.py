"""Webhooks in the control API: who may register which address, and what the answers say."""

from collections.abc import Iterator

import httpx
import pytest

import mockserver
from mockserver import app
from mockserver.client import Client, Refused, Sandbox
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.server import serving
from tests.receiver import Receiver

ADDRESS = "http://127.0.0.1:9/webhook"
TOKEN = "t" * 32


@pytest.fixture(scope="module")
def open_url() -> Iterator[str]:
    """Yield the URL of a server whose webhooks may also call hosts that are not this machine."""
    mock = app.build(products=1, admin_token=TOKEN, webhook_hosts=frozenset({"app.internal", "10.0.0.5"}))
    with serving(mock.application) as url:
        yield url


def refusal(sandbox: Sandbox, url: str, vendor: str = "highlevel", **options: str) -> tuple[int, str]:
    """Try to register an address, and return status and message of the refusal."""
    with pytest.raises(Refused) as refused:
        sandbox.webhooks.create(vendor, url, **options)
    return refused.value.status, str(refused.value.answer["message"])


def test_webhooks_are_created_listed_and_deleted(mock_sandbox: Sandbox) -> None:
    everything = mock_sandbox.webhooks.create("highlevel", ADDRESS)
    one = mock_sandbox.webhooks.create(
        "highlevel", "http://localhost:9/a?token=hidden&b=1", ["PriceUpdate"], client_secret="mine"
    )
    assert [everything.id, one.id] == ["w1", "w2"]
    assert one.topics == ["PriceUpdate"] and set(one.topics) <= set(everything.topics)
    assert (one.url, one.client_secret) == ("http://localhost:9/a?token=***&b=1", "mine")
    assert [webhook.id for webhook in mock_sandbox.webhooks] == ["w1", "w2"]
    mock_sandbox.webhooks.delete(everything)
    assert [webhook.id for webhook in mock_sandbox.webhooks] == ["w2"]
    with pytest.raises(Refused, match="has no webhook w1"):
        mock_sandbox.webhooks.delete("w1")


def test_there_is_nothing_to_list_at_first(mock_sandbox: Sandbox) -> None:
    assert ([*mock_sandbox.webhooks], mock_sandbox.webhooks.deliveries()) == ([], [])
    with pytest.raises(Refused, match="has no webhook w1"):
        mock_sandbox.webhooks.delete("w1")


def test_a_sandbox_has_a_few_webhooks(mock_sandbox: Sandbox) -> None:
    for _ in range(10):
        mock_sandbox.webhooks.create("highlevel", ADDRESS)
    assert refusal(mock_sandbox, ADDRESS) == (503, "a sandbox has at most 10 webhooks; delete one first")


@pytest.mark.parametrize("url", [
    ADDRESS, "http://127.5.6.7/", "http://localhost/", "http://LOCALHOST.:80/x", "http://app.localhost:1",
    "http://[::1]:8080/", "https://localhost/", "http://[::ffff:127.0.0.1]/",
])  # fmt: skip
def test_this_machine_may_be_called(mock_sandbox: Sandbox, url: str) -> None:
    assert mock_sandbox.webhooks.create("highlevel", url).url == url


@pytest.mark.parametrize("url", [
    "http://example.com/", "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest",
    "http://0.0.0.0/", "http://[::]/", "http://[fe80::1]/", "http://[::ffff:10.0.0.1]/",
    "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/",
    "http://localhost.example.com/", "http://127.0.0.1.example.com/",
])  # fmt: skip
def test_other_hosts_may_not(mock_sandbox: Sandbox, url: str) -> None:
    status, message = refusal(mock_sandbox, url)
    assert status == 403
    assert message.startswith("webhooks may call only this machine: to allow another host")


@pytest.mark.parametrize("url", [
    "ftp://127.0.0.1/", "127.0.0.1:80", "http://", "http:///x", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
    "http://127.0.0.1:x/", "http://127.0.0.1/a b", "http://127.0.0.1/\xe9", "http://[::1/", "http://127.0.0.1\\@x/",
    "http://127.0.0.1/\r\nX-Injected: 1",
])  # fmt: skip
def test_what_is_no_url_is_refused(mock_sandbox: Sandbox, url: str) -> None:
    assert refusal(mock_sandbox, url) == (
        400, "url must be an http or https URL in ASCII, such as http://127.0.0.1:9000/webhook"
    )  # fmt: skip


@pytest.mark.parametrize("url", ["http://user:word@127.0.0.1/", "http://127.0.0.1/#part"])
def test_url_has_no_user_and_no_fragment(mock_sandbox: Sandbox, url: str) -> None:
    assert refusal(mock_sandbox, url) == (400, "url must have no user, no password and no fragment")


def test_vendor_must_have_webhooks(mock_sandbox: Sandbox) -> None:
    status, message = refusal(mock_sandbox, ADDRESS, "narvar")
    assert status == 400
    assert message.startswith("narvar has no webhooks; these vendors have some: highlevel")


def test_vendor_must_exist(mock_sandbox: Sandbox) -> None:
    assert refusal(mock_sandbox, ADDRESS, "highlevl")[0] == 404


def test_topic_must_exist(mock_sandbox: Sandbox) -> None:
    status, message = refusal(mock_sandbox, ADDRESS, topics=["PriceUpdat"])  # type: ignore[arg-type]
    assert status == 400
    assert message.startswith("highlevel has no topic PriceUpdat: use ")
    assert message.endswith("; did you mean PriceUpdate?")


@pytest.mark.parametrize("url", ["http://app.internal:8080/", "http://APP.internal/", "http://10.0.0.5/x"])
def test_operator_may_name_other_hosts(open_url: str, url: str) -> None:
    with Client(open_url, token=TOKEN).create() as sandbox:
        assert sandbox.webhooks.create("highlevel", url).url == url
        status, message = refusal(sandbox, "http://10.0.0.6/")
        assert status == 403
        assert message.startswith("webhooks may call only this machine and 10.0.0.5 and app.internal:")


def test_control_token_of_a_sandbox_needs_a_named_host(open_url: str) -> None:
    """This machine has more to it than the mock, and who controls one sandbox may be elsewhere."""
    with Client(open_url, token=TOKEN).create() as made:
        sandbox = Client(open_url, token=made.control_token).sandbox(made.name)
        status, message = refusal(sandbox, ADDRESS)
        assert (status, message[:59]) == (403, "webhooks may call only 10.0.0.5 and app.internal: to allow ")
        assert sandbox.webhooks.create("highlevel", "http://app.internal/").id == "w1"


def test_control_token_of_a_sandbox_opens_no_address_by_default(mock_sandbox: Sandbox, base_url: str) -> None:
    token = mock_sandbox.new_control_token()
    sandbox = Client(base_url, token=token).sandbox(mock_sandbox.name)
    assert refusal(sandbox, ADDRESS) == (
        403,
        "no webhook may be registered: to allow another host, start the server with --webhook-host 127.0.0.1",
    )


def test_demo_has_no_webhooks() -> None:
    with serving(app.build(products=1, admin_token=TOKEN, demo=DemoQuotas()).application) as url:
        visitor = httpx.post(f"{url}/_mock/demo/sandboxes", headers={"Origin": url}).json()
        tokens = {"admin": TOKEN, "visitor": visitor["control_token"]}
        for token in tokens.values():
            answer = httpx.post(
                f"{url}/_mock/sandboxes/{visitor['name']}/webhooks",
                json={"vendor": "highlevel", "url": ADDRESS},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert (answer.status_code, answer.json()["message"]) == (
                403, "a public demo calls nobody, so it has no webhooks"
            )  # fmt: skip


def test_fork_has_no_webhooks(mock_sandbox: Sandbox) -> None:
    mock_sandbox.webhooks.create("highlevel", ADDRESS)
    with mock_sandbox.fork() as fork:
        assert [*fork.webhooks] == []


def test_import_keeps_the_webhooks(mock_sandbox: Sandbox, base_url: str, receiver: Receiver) -> None:
    mock_sandbox.webhooks.create("highlevel", receiver.url)
    Client(base_url).load(mock_sandbox.name, mock_sandbox.export())
    mock_sandbox.records("highlevel", "inventory").patch("6241712be68f7a98102ba272", availableQuantity=1)
    mock_sandbox.webhooks.wait_for()
    assert [webhook.id for webhook in mock_sandbox.webhooks] == ["w1"]


def test_intercepted_mock_delivers_too(receiver: Receiver) -> None:
    with mockserver.intercept() as mock:
        mock.webhooks.create("highlevel", receiver.url)
        mock.records("highlevel", "inventory").patch("6241712be68f7a98102ba272", availableQuantity=1)
        assert [call.status for call in mock.webhooks.wait_for()] == [200]
