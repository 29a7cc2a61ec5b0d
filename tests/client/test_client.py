"""The Python client of the control API, over a real socket."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.client import Client, Refused, Sandbox, Unreachable
from mockserver.client.transport import HttpTransport
from mockserver.embedding.pytest_plugin.fixtures import RunningServer
from mockserver.server.server import serving

WASHER = "/api/v2/inventory/id/10001"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def call_vendor(sandbox: Sandbox, method: str = "GET", path: str = WASHER, **options: Any) -> httpx.Response:
    """Call a vendor in a sandbox."""
    access = sandbox.vendors["merchantpro"]
    headers = {**access.headers, **options.pop("headers", {})}
    return httpx.request(method, access.base_url + path, headers=headers, **options)


@pytest.fixture
def inventory(mock_sandbox: Sandbox) -> Any:
    return mock_sandbox.records("merchantpro", "inventory")


@pytest.mark.parametrize("name", app.vendor_names())
def test_sandbox_has_access_to_every_vendor(mock_sandbox: Sandbox, name: str) -> None:
    access = mock_sandbox.vendors[name]
    response = httpx.get(access.base_url + app.load_contract(name).vendor.sample, headers=access.headers)
    assert response.status_code == 200
    (request,) = mock_sandbox.requests
    assert (request.vendor, request.sandbox) == (name, mock_sandbox.name)


def test_credential_opens_the_sandbox(mock_sandbox: Sandbox, mockserver: RunningServer) -> None:
    httpx.get(mockserver.url + WASHER, auth=(mock_sandbox.credential, ""))
    assert mock_sandbox.requests.count() == 1
    assert mockserver.client.sandbox().credential == "demo"


def test_sandboxes_are_created_found_listed_and_deleted(mockserver: RunningServer) -> None:
    client = mockserver.client
    with client.create("created", seed=7, products=3) as created:
        assert (created.name, created.seed, created.products) == ("created", 7, 3)
        assert client.sandbox("created").seed == 7
        assert "created" in [sandbox.name for sandbox in client.sandboxes()]
        with client.create(fork="created") as fork, created.fork("its-fork") as other:
            assert (fork.seed, other.seed, other.name) == (7, 7, "its-fork")
    with pytest.raises(Refused, match="there is no sandbox created"):
        client.sandbox("created")


def test_reset_returns_to_the_options_of_create(mockserver: RunningServer) -> None:
    options: Any = {"frozen": MOMENT, "faults": [503], "limits": {"merchantpro": {"day": 2}}}
    options["dialect"] = "observed,sabi=documented"
    with mockserver.client.create(products=3, ttl=timedelta(hours=1), **options) as sandbox:
        for _ in range(2):
            assert (sandbox.clock.now, sandbox.clock.frozen) == (MOMENT, True)
            assert [fault.rule for fault in sandbox.faults] == [{"fault": {"type": "status", "status": 503}}]
            assert sandbox.limits.of("merchantpro")["day"].remaining == 2
            assert sandbox.dialect == "observed,sabi=documented"
            sandbox.set_dialect("documented")
            assert sandbox.dialect == "documented"
            call_vendor(sandbox)
            sandbox.faults.clear()
            sandbox.clock.resume()
            sandbox.limits.off()
            sandbox.reset()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"products": 0}, "body.products: must be at least 1, not 0"),
        ({"fork": "demo", "seed": 1}, "a fork takes its seed and products from its source; leave out both"),
        ({"fork": "nobody"}, "there is no sandbox nobody"),
        ({"frozen": "soon"}, "soon is not an ISO 8601 timestamp, such as 2026-01-02T03:04:05Z"),
        ({"faults": 503}, "body.faults: must be a list, not 503"),
        ({"faults": ["rset"]},
         "body.faults.0: must be one of committed_reply_lost, compressed, empty_reply, gateway,"
         " malformed_body, no_answer, reset, stale_reads, truncated_body, not rset; did you mean reset?"),
        ({"limits": {"nobody": {}}}, "there is no vendor nobody: use one of "
         "highlevel, merchantpro, narvar, sabi, shoplazza"),
        ({"colour": "red"}, "body.colour: is not known: use one of "
         "name, seed, products, fork, ttl, frozen, faults, limits, dialect, credential"),
    ],
)  # fmt: skip
def test_invalid_options_are_refused(
    mockserver: RunningServer, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused) as refused:
        mockserver.client.create("never-created", **options)
    assert str(refused.value) == message
    with pytest.raises(Refused, match="there is no sandbox never-created"):
        mockserver.client.sandbox("never-created")


def test_clock_freeze_set_advance_resume(mock_sandbox: Sandbox) -> None:
    clock = mock_sandbox.clock
    assert clock.frozen is False
    assert clock.freeze("2026-01-02T03:04:05Z") == clock.now == MOMENT
    assert clock.advance(timedelta(minutes=1)) == MOMENT + timedelta(minutes=1)
    assert clock.advance(30) == clock.now == MOMENT + timedelta(seconds=90)
    assert clock.set(MOMENT.replace(tzinfo=None)) == MOMENT
    assert clock.frozen is True
    assert clock.resume() >= MOMENT
    assert clock.frozen is False


def test_faults_add_set_count_and_clear(mock_sandbox: Sandbox) -> None:
    faults = mock_sandbox.faults
    faults.add(503, times=1)
    faults.add("empty_reply", operation="update-inventory")
    assert call_vendor(mock_sandbox).status_code == 503
    assert call_vendor(mock_sandbox).status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        call_vendor(mock_sandbox, "PATCH", json={"stock": 1})
    assert [fault.fired for fault in faults] == [1, 1]
    faults.set({"fault": {"type": "problem", "kind": "not_found"}})
    assert call_vendor(mock_sandbox).status_code == 404
    faults.clear()
    assert faults.list() == []


@pytest.mark.parametrize(
    ("short", "rule"),
    [
        (429, {"fault": {"type": "status", "status": 429}}),
        ("reset", {"fault": {"type": "reset"}}),
        ({"fault": "reset", "every": 2}, {"fault": {"type": "reset"}, "every": 2}),
        ({"delay": 0.5}, {"delay": {"type": "fixed", "seconds": 0.5}}),
        ({"fault": 500, "until": MOMENT},
         {"fault": {"type": "status", "status": 500}, "until": "2026-01-02T03:04:05Z"}),
    ],
)  # fmt: skip
def test_short_forms_of_rules(mock_sandbox: Sandbox, short: Any, rule: dict[str, Any]) -> None:
    mock_sandbox.faults.set(short)
    assert [fault.rule for fault in mock_sandbox.faults] == [rule]


def test_limits_on_and_off(mock_sandbox: Sandbox) -> None:
    limits = mock_sandbox.limits
    limits.on({"merchantpro": {"day": 1}})
    assert [call_vendor(mock_sandbox).status_code for _ in range(2)] == [200, 429]
    day = limits.of("merchantpro")["day"]
    assert (day.most, day.remaining, day.seconds, day.per) == (1, 0, 86400, ("credential",))
    limits.off()
    assert limits.enabled is False
    assert call_vendor(mock_sandbox).status_code == 200


def test_records_get_put_patch_post_delete(mock_sandbox: Sandbox, inventory: Any) -> None:
    washer = inventory.get(10001)
    assert (
        len(inventory) == len(list(inventory)) == mock_sandbox.products + 2
    )  # the vendor's docs show three records
    before = call_vendor(mock_sandbox).text
    assert inventory.put(10001, washer) == washer
    assert call_vendor(mock_sandbox).text == before, "writing back a record changes nothing"
    assert inventory.patch(10001, stock=3)["stock"] == 3
    assert call_vendor(mock_sandbox).json()["stock"] == 3
    inventory.delete(10001)
    with pytest.raises(Refused, match="there is no such record"):
        inventory.get(10001)
    inventory.post(washer)
    assert inventory.get(10001) == washer


def test_record_key_may_be_any_string(mock_sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="there is no such record"):
        mock_sandbox.records("merchantpro", "inventory").get("a/b ?c")


def test_decimals_can_be_sent(inventory: Any) -> None:
    assert inventory.patch(10001, price_net=Decimal("10.50"))["price_net"] == 10.5


def test_unknown_vendor_is_a_key_error_that_lists_the_vendors(mock_sandbox: Sandbox) -> None:
    with pytest.raises(KeyError, match=r"there is no vendor nobody; use one of .*merchantpro"):
        mock_sandbox.vendors["nobody"]


def test_add_product_at_every_vendor(mock_sandbox: Sandbox) -> None:
    created = mock_sandbox.add_product("LAMP-1", "Lamp", quantity=3)
    assert created.keys() == mock_sandbox.vendors.keys()
    assert created["merchantpro"]["stock"] == 3


def test_snapshots_take_restore_and_drop(mock_sandbox: Sandbox, inventory: Any) -> None:
    mock_sandbox.snapshot("before")
    inventory.patch(10001, stock=3)
    assert mock_sandbox.snapshots == ["before"]
    mock_sandbox.restore("before")
    assert inventory.get(10001)["stock"] == 10
    mock_sandbox.drop_snapshot("before")
    assert mock_sandbox.snapshots == []


def test_export_and_load(mock_sandbox: Sandbox, inventory: Any, mockserver: RunningServer) -> None:
    inventory.patch(10001, stock=3)
    with mockserver.client.load("loaded", mock_sandbox.export()) as loaded:
        assert loaded.records("merchantpro", "inventory").get(10001)["stock"] == 3


def test_journaled_request_has_all_fields(mock_sandbox: Sandbox) -> None:
    mock_sandbox.clock.freeze(MOMENT)
    call_vendor(mock_sandbox, "PATCH", f"{WASHER}?fields=id&x=1", json={"stock": 3})
    (request,) = mock_sandbox.requests
    assert (request.vendor, request.operation, request.method, request.path) == (
        "merchantpro", "update-inventory", "PATCH", WASHER,
    )  # fmt: skip
    assert (request.query, request.json(), request.headers["authorization"]) == (
        {"fields": "id", "x": "1"}, {"stock": 3}, "Basic ***",
    )  # fmt: skip
    assert (request.status, request.response.json(), request.time, request.fault) == (
        200,
        {"id": 10001},
        MOMENT,
        None,
    )
    assert request.id == f"{mock_sandbox.name}.{request.serial}"
    assert request.remarks == ("query parameter x is not in the spec",)
    (change,) = request.changes
    assert change.before and change.after
    assert (change.key, change.before["stock"], change.after["stock"]) == ("10001", 10, 3)


def test_requests_find_count_explain_and_clear(mock_sandbox: Sandbox, mockserver: RunningServer) -> None:
    requests = mock_sandbox.requests
    call_vendor(mock_sandbox)
    call_vendor(mock_sandbox, path=f"{WASHER}0?fields=id")
    assert requests.count() == 2
    (found,) = requests.find(status=404, query={"fields": "id"})
    (first, _) = requests
    assert [request.id for request in requests.after(first)] == [found.id]
    assert [request.id for request in requests.after(first.id)] == [found.id]
    assert [call.id for call in requests.summaries()] == [found.id, first.id], "newest first"
    refused = requests.summaries(status="4xx", vendor=["sabi", "merchantpro"], remarks=False)
    assert [call.refused_by for call in refused] == ["record"]
    assert requests.latest(1) == [found]
    explained = requests.explain(found)
    assert (explained.check, explained.why) == ("record", ("the sandbox has no record with this key",))
    assert f"/merchantpro{WASHER}0" in explained.curl
    assert found.id in [request.id for request in mockserver.client.requests]
    requests.clear()
    assert list(requests) == []


def test_client_uses_the_transport_passed_to_it() -> None:
    requests: list[tuple[str, str, Any]] = []

    def transport(method: str, path: str, body: Any) -> tuple[int, Any]:
        requests.append((method, path, body))
        return 200, {"status": "ok", "version": "1"}

    assert Client("https://acme.example", transport).health() == {"status": "ok", "version": "1"}
    assert requests == [("GET", "/_mock/health", None)]


def test_admin_token_is_sent() -> None:
    with serving(app.build(products=1, admin_token="s3cret").application) as url:
        with Client(url, token="s3cret") as client:
            assert client.sandbox().name == "demo"
        with pytest.raises(Refused, match="send the admin token as a bearer token") as refused, \
                Client(url) as client:  # fmt: skip
            client.sandbox()
        assert (refused.value.status, refused.value.code) == (401, "unauthorized")


def other_server(status: int, body: bytes, content_type: str) -> HTTPServer:
    """Return a server on a free port that is not a mockserver. It closes after every response."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    return HTTPServer(("127.0.0.1", 0), Handler)


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (500, b"<h1>Oh", "text/html"),
        (200, b"<h1>Hi", "text/html"),
        (404, b'{"detail": "no"}', "application/json"),
        (400, b"{", "application/json"),
    ],
)
def test_other_server_is_reported_as_unreachable(status: int, body: bytes, content_type: str) -> None:
    with other_server(status, body, content_type) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(Unreachable, match="mockserver"):
            Client(f"http://127.0.0.1:{server.server_port}").health()
        thread.join()


def test_client_reconnects_after_the_server_closed() -> None:
    with other_server(200, b'{"status": "ok"}', "application/json") as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            assert [client.health()["status"] for _ in range(3)] == ["ok"] * 3
        server.shutdown()


def test_connection_is_reused(mockserver: RunningServer) -> None:
    transport = HttpTransport(mockserver.url)
    ports = set()
    for _ in range(3):
        transport("GET", "/_mock/health")
        (connection,) = transport._idle
        ports.add(connection.sock.getsockname())
    transport.close()
    assert len(ports) == 1


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://here", "http://", "nonsense", "http://here:port"])
def test_invalid_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="is not the URL of a server"):
        Client(url)


def test_no_server_is_unreachable(free_port: int) -> None:
    with pytest.raises(
        Unreachable, match=f"no mockserver answers at http://127.0.0.1:{free_port}: .*refused"
    ):
        Client(f"http://127.0.0.1:{free_port}").health()


@pytest.mark.parametrize(
    ("module", "ours"),
    [
        ("mockserver", ["mockserver"]),
        (
            "mockserver.embedding.pytest_plugin.plugin",
            [
                "mockserver",
                "mockserver.embedding",
                "mockserver.embedding.pytest_plugin",
                "mockserver.embedding.pytest_plugin.plugin",
            ],
        ),
        ("mockserver.client", None),
    ],
)
def test_import_loads_no_heavy_modules(module: str, ours: list[str] | None) -> None:
    code = f"import pytest, sys; import {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert module in loaded
    heavy = {"asyncio", "click", "connexion", "faker", "flask", "httpx", "msgspec", "uvicorn", "yaml"}
    assert not heavy & set(loaded)
    assert ours is None or ours == [name for name in loaded if name.startswith("mockserver")]


def test_sandboxes_of_all_pages_are_returned(
    monkeypatch: pytest.MonkeyPatch, mockserver: RunningServer
) -> None:
    monkeypatch.setattr("mockserver.client.PAGE_SIZE", 2)
    client, names = mockserver.client, [f"page-{number}" for number in range(3)]
    for name in names:
        client.create(name, products=1)
    assert [one.name for one in client.sandboxes() if one.name.startswith("page-")] == names


@pytest.mark.finding("C2")
def test_products_are_found_with_their_urls(mockserver: RunningServer, mock_sandbox: Sandbox) -> None:
    mock_sandbox.add_product("LAMP-1", "Lamp")
    (lamp,) = mock_sandbox.products(sku="LAMP-1")
    access = mock_sandbox.vendors["merchantpro"]
    answer = httpx.get(lamp.vendors["merchantpro"].url, headers=access.headers)
    assert answer.json()["sku"] == lamp.sku == "LAMP-1"
    listed = list(mock_sandbox.products)
    assert len(listed) > mock_sandbox.products == 100 and listed[-1] == lamp
    assert next(mockserver.client.products(q="t-shirt")).sku == "TSHIRT-MED-001"
