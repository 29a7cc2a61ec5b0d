"""The control API as Python objects, over a real socket."""

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.client import Client, Refused, Sandbox, Unreachable
from mockserver.client.transport import HttpTransport
from mockserver.pytest_plugin.fixtures import RunningServer
from mockserver.server.server import serving

WASHER = "/api/v2/inventory/id/10001"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def ask(sandbox: Sandbox, method: str = "GET", path: str = WASHER, **more: Any) -> httpx.Response:
    """A call of one of the vendors, in a sandbox."""
    access = sandbox.vendors["merchantpro"]
    headers = {**access.headers, **more.pop("headers", {})}
    return httpx.request(method, access.base_url + path, headers=headers, **more)


@pytest.fixture
def inventory(mock_sandbox: Sandbox) -> Any:
    return mock_sandbox.records("merchantpro", "inventory")


@pytest.mark.parametrize("name", app.vendor_names())
def test_a_sandbox_says_how_to_get_in_at_each_vendor(mock_sandbox: Sandbox, name: str) -> None:
    access = mock_sandbox.vendors[name]
    response = httpx.get(access.base_url + app.load_contract(name).vendor.sample, headers=access.headers)
    assert response.status_code == 200
    (call,) = mock_sandbox.requests
    assert (call.vendor, call.sandbox) == (name, mock_sandbox.name)


def test_its_credential_opens_it_too(mock_sandbox: Sandbox, mockserver: RunningServer) -> None:
    httpx.get(mockserver.url + WASHER, auth=(mock_sandbox.credential, ""))
    assert mock_sandbox.requests.count() == 1
    assert mockserver.client.sandbox().credential == "demo"


def test_sandboxes_are_made_found_listed_and_deleted(mockserver: RunningServer) -> None:
    client = mockserver.client
    with client.create("made-here", seed=7, products=3) as made:
        assert (made.name, made.seed, made.products) == ("made-here", 7, 3)
        assert client.sandbox("made-here").seed == 7
        assert "made-here" in [one.name for one in client.sandboxes()]
        with client.create(fork="made-here") as fork, made.fork("made-from-it") as other:
            assert (fork.seed, other.seed, other.name) == (7, 7, "made-from-it")
    with pytest.raises(Refused, match="there is no sandbox made-here"):
        client.sandbox("made-here")


def test_a_sandbox_is_made_with_all_that_is_wished_and_reset_to_it(mockserver: RunningServer) -> None:
    wishes: Any = {"frozen": MOMENT, "faults": [503], "limits": {"merchantpro": {"day": 2}}}
    with mockserver.client.create(products=3, ttl=timedelta(hours=1), **wishes) as made:
        for _ in range(2):
            assert (made.clock.now, made.clock.frozen) == (MOMENT, True)
            assert [fault.rule for fault in made.faults] == [{"fault": {"type": "status", "status": 503}}]
            assert made.limits.of("merchantpro")["day"].remaining == 2
            ask(made)
            made.faults.clear()
            made.clock.resume()
            made.limits.off()
            made.reset()


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"products": 0}, "body.products: minimum 1"),
        ({"fork": "demo", "seed": 1}, "a fork has the seed and the products of the sandbox that it forks"),
        ({"fork": "nobody"}, "there is no sandbox nobody"),
        ({"frozen": "soon"}, "soon is not a moment, such as 2026-01-02T03:04:05Z"),
        ({"faults": 503}, "body.faults: type array"),
        ({"faults": ["nix"]},
         "body.faults.0.fault: has none of the forms that it can have, see /_mock/openapi.json"),
        ({"limits": {"nobody": {}}}, "there is no vendor nobody"),
        ({"colour": "red"}, "body.colour: undeclared"),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_is_refused_in_words(
    mockserver: RunningServer, wishes: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused) as refused:
        mockserver.client.create("never-made", **wishes)
    assert str(refused.value) == words
    with pytest.raises(Refused, match="there is no sandbox never-made"):
        mockserver.client.sandbox("never-made")


def test_a_clock_is_frozen_set_advanced_and_resumed(mock_sandbox: Sandbox) -> None:
    clock = mock_sandbox.clock
    assert clock.frozen is False
    assert clock.freeze("2026-01-02T03:04:05Z") == clock.now == MOMENT
    assert clock.advance(timedelta(minutes=1)) == MOMENT + timedelta(minutes=1)
    assert clock.advance(30) == clock.now == MOMENT + timedelta(seconds=90)
    assert clock.set(MOMENT.replace(tzinfo=None)) == MOMENT
    assert clock.frozen is True
    assert clock.resume() >= MOMENT
    assert clock.frozen is False


def test_faults_are_added_replaced_counted_and_cleared(mock_sandbox: Sandbox) -> None:
    faults = mock_sandbox.faults
    faults.add(503, times=1)
    faults.add("empty_reply", operation="update-inventory")
    assert ask(mock_sandbox).status_code == 503
    assert ask(mock_sandbox).status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        ask(mock_sandbox, "PATCH", json={"stock": 1})
    assert [fault.fired for fault in faults] == [1, 1]
    faults.set({"fault": {"type": "problem", "kind": "not_found"}})
    assert ask(mock_sandbox).status_code == 404
    faults.clear()
    assert faults.list() == []


@pytest.mark.parametrize(
    ("terse", "rule"),
    [
        (429, {"fault": {"type": "status", "status": 429}}),
        ("reset", {"fault": {"type": "reset"}}),
        ({"fault": "reset", "every": 2}, {"fault": {"type": "reset"}, "every": 2}),
        ({"delay": 0.5}, {"delay": {"type": "fixed", "seconds": 0.5}}),
        ({"fault": 500, "until": MOMENT},
         {"fault": {"type": "status", "status": 500}, "until": "2026-01-02T03:04:05Z"}),
    ],
)  # fmt: skip
def test_a_rule_may_be_terse(mock_sandbox: Sandbox, terse: Any, rule: dict[str, Any]) -> None:
    mock_sandbox.faults.set(terse)
    assert [fault.rule for fault in mock_sandbox.faults] == [rule]


def test_limits_are_turned_on_counted_and_turned_off(mock_sandbox: Sandbox) -> None:
    limits = mock_sandbox.limits
    limits.on({"merchantpro": {"day": 1}})
    assert [ask(mock_sandbox).status_code for _ in range(2)] == [200, 429]
    day = limits.of("merchantpro")["day"]
    assert (day.most, day.remaining, day.seconds, day.per) == (1, 0, 86400, ("credential",))
    limits.off()
    assert limits.enabled is False
    assert ask(mock_sandbox).status_code == 200


def test_records_are_read_replaced_edited_made_and_deleted(mock_sandbox: Sandbox, inventory: Any) -> None:
    washer = inventory.get(10001)
    assert (
        len(inventory) == len(list(inventory)) == mock_sandbox.products + 2
    )  # the page has three of its own
    before = ask(mock_sandbox).text
    assert inventory.put(10001, washer) == washer
    assert ask(mock_sandbox).text == before, "a record that went through Python shows as it did"
    assert inventory.patch(10001, stock=3)["stock"] == 3
    assert ask(mock_sandbox).json()["stock"] == 3
    inventory.delete(10001)
    with pytest.raises(Refused, match="there is no such record"):
        inventory.get(10001)
    inventory.post(washer)
    assert inventory.get(10001) == washer


def test_a_key_may_be_any_text(mock_sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="there is no such record"):
        mock_sandbox.records("merchantpro", "inventory").get("a/b ?c")


def test_decimals_may_be_sent(inventory: Any) -> None:
    assert inventory.patch(10001, price_net=Decimal("10.50"))["price_net"] == 10.5


def test_a_vendor_that_there_is_not_is_told_with_those_that_there_are(mock_sandbox: Sandbox) -> None:
    with pytest.raises(KeyError, match=r"there is no vendor nobody; there are .*merchantpro"):
        mock_sandbox.vendors["nobody"]


def test_a_product_is_added_at_every_vendor(mock_sandbox: Sandbox) -> None:
    made = mock_sandbox.add_product("LAMP-1", "Lamp", quantity=3)
    assert made.keys() == mock_sandbox.vendors.keys()
    assert made["merchantpro"]["stock"] == 3


def test_snapshots_are_taken_restored_and_dropped(mock_sandbox: Sandbox, inventory: Any) -> None:
    mock_sandbox.snapshot("before")
    inventory.patch(10001, stock=3)
    assert mock_sandbox.snapshots == ["before"]
    mock_sandbox.restore("before")
    assert inventory.get(10001)["stock"] == 10
    mock_sandbox.drop_snapshot("before")
    assert mock_sandbox.snapshots == []


def test_a_sandbox_is_exported_and_loaded(
    mock_sandbox: Sandbox, inventory: Any, mockserver: RunningServer
) -> None:
    inventory.patch(10001, stock=3)
    with mockserver.client.load("loaded", mock_sandbox.export()) as loaded:
        assert loaded.records("merchantpro", "inventory").get(10001)["stock"] == 3


def test_calls_are_plain_values(mock_sandbox: Sandbox) -> None:
    mock_sandbox.clock.freeze(MOMENT)
    ask(mock_sandbox, "PATCH", f"{WASHER}?fields=id&x=1", json={"stock": 3})
    (call,) = mock_sandbox.requests
    assert (call.vendor, call.operation, call.method, call.path) == (
        "merchantpro", "update-inventory", "PATCH", WASHER,
    )  # fmt: skip
    assert (call.query, call.json(), call.headers["authorization"]) == (
        {"fields": "id", "x": "1"}, {"stock": 3}, "Basic ***",
    )  # fmt: skip
    assert (call.status, call.response.json(), call.time, call.fault) == (200, {"id": 10001}, MOMENT, None)
    assert call.id == f"{mock_sandbox.name}.{call.serial}"
    assert call.remarks == ("query parameter x is not in the spec",)
    (change,) = call.changes
    assert change.before and change.after
    assert (change.key, change.before["stock"], change.after["stock"]) == ("10001", 10, 3)


def test_calls_are_found_counted_explained_and_forgotten(
    mock_sandbox: Sandbox, mockserver: RunningServer
) -> None:
    requests = mock_sandbox.requests
    ask(mock_sandbox)
    ask(mock_sandbox, path=f"{WASHER}0?fields=id")
    assert requests.count() == 2
    (found,) = requests.find(status=404, query={"fields": "id"})
    assert [call.id for call in requests.after(found.serial - 1)] == [found.id]
    explained = requests.explain(found)
    assert (explained.check, explained.why) == ("record", ("the sandbox has no record with this key",))
    assert f"/merchantpro{WASHER}0" in explained.curl
    assert found.id in [call.id for call in mockserver.client.requests]
    requests.clear()
    assert list(requests) == []


def test_any_door_will_do() -> None:
    asked: list[tuple[str, str, Any]] = []

    def door(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked.append((method, path, body))
        return 200, {"status": "ok", "version": "1"}

    assert Client("https://acme.example", door).health() == {"status": "ok", "version": "1"}
    assert asked == [("GET", "/_mock/health", None)]


def test_a_token_is_sent() -> None:
    with serving(app.build(products=1, admin_token="s3cret").application) as url:
        with Client(url, token="s3cret") as client:
            assert client.sandbox().name == "demo"
        with pytest.raises(Refused, match="send the admin token as a bearer token") as refused, \
                Client(url) as client:  # fmt: skip
            client.sandbox()
        assert (refused.value.status, refused.value.code) == (401, "unauthorized")


def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> HTTPServer:
    """A server on a free port that is no mockserver."""
    do_get = {"do_GET": answer, "protocol_version": "HTTP/1.1", "log_message": lambda *_: None}
    return HTTPServer(("127.0.0.1", 0), type("Foreign", (BaseHTTPRequestHandler,), do_get))


def respond(status: int, body: bytes, kind: str, *, hang_up: bool) -> Callable[[Any], None]:
    def answer(line: Any) -> None:
        line.send_response(status)
        line.send_header("Content-Type", kind)
        line.send_header("Content-Length", str(len(body)))
        line.end_headers()
        line.wfile.write(body)
        line.close_connection = hang_up

    return answer


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b"<h1>Oh", "text/html"),
        (200, b"<h1>Hi", "text/html"),
        (404, b'{"detail": "no"}', "application/json"),
        (400, b"{", "application/json"),
    ],
)
def test_what_is_no_mockserver_is_told_from_one(status: int, body: bytes, kind: str) -> None:
    with answering(respond(status, body, kind, hang_up=True)) as foreign:
        thread = threading.Thread(target=foreign.handle_request)
        thread.start()
        with pytest.raises(Unreachable, match="mockserver"):
            Client(f"http://127.0.0.1:{foreign.server_port}").health()
        thread.join()


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again() -> None:
    with answering(respond(200, b'{"status": "ok"}', "application/json", hang_up=True)) as closing:
        threading.Thread(target=closing.serve_forever, kwargs={"poll_interval": 0.01}).start()
        with Client(f"http://127.0.0.1:{closing.server_port}") as client:
            assert [client.health()["status"] for _ in range(3)] == ["ok"] * 3
        closing.shutdown()


def test_a_connection_is_kept(mockserver: RunningServer) -> None:
    door = HttpTransport(mockserver.url)
    ports = set()
    for _ in range(3):
        door("GET", "/_mock/health")
        (line,) = door._idle
        ports.add(line.sock.getsockname())
    door.close()
    assert len(ports) == 1


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://here", "http://", "nonsense", "http://here:port"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not the URL of a server"):
        Client(url)


def test_nobody_there_is_one_clear_error(free_port: int) -> None:
    with pytest.raises(
        Unreachable, match=f"no mockserver answers at http://127.0.0.1:{free_port}: .*refused"
    ):
        Client(f"http://127.0.0.1:{free_port}").health()


@pytest.mark.parametrize(
    ("module", "ours"),
    [
        ("mockserver", ["mockserver"]),
        (
            "mockserver.pytest_plugin.plugin",
            ["mockserver", "mockserver.pytest_plugin", "mockserver.pytest_plugin.plugin"],
        ),
        ("mockserver.client", None),
    ],
)
def test_importing_it_imports_nothing_heavy(module: str, ours: list[str] | None) -> None:
    code = f"import pytest, sys; import {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert module in loaded
    heavy = {"asyncio", "click", "connexion", "faker", "flask", "httpx", "msgspec", "uvicorn", "yaml"}
    assert not heavy & set(loaded)
    assert ours is None or ours == [name for name in loaded if name.startswith("mockserver")]
