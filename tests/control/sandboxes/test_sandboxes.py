"""Sandboxes in the control API: lifecycle, snapshots, clocks and documents. Also the server's status."""

import json
import re
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.server import serving
from tests.conftest import exact
from tests.control.sandboxes.test_sandbox_list import sandbox_names

WASHER = "/api/v2/inventory/id/10001"


@pytest.fixture
def new_sandbox(api: httpx.Client, sandbox: str) -> str:
    """Create a sandbox for this test, and return its name."""
    assert api.post("/_mock/sandboxes", json={"name": sandbox}).status_code == 201
    return sandbox


def stock(api: httpx.Client, sandbox: str) -> int:
    return api.get(WASHER, auth=(f"sbx_{sandbox}", "")).json()["stock"]


def set_stock(api: httpx.Client, sandbox: str, quantity: int) -> None:
    response = api.patch(WASHER, auth=(f"sbx_{sandbox}", ""), json={"stock": quantity})
    assert response.status_code == 200


def request(api: httpx.Client, method: str, path: str, **body: Any) -> Any:
    """Send keyword arguments as a JSON body to /_mock/sandboxes/{path}. Return the parsed response."""
    response = api.request(method, f"/_mock/sandboxes/{path}".rstrip("/"), json=body or None)
    assert response.is_success, response.text
    return response.json() if response.content else None


def test_new_sandbox_has_a_credential_for_every_vendor(api: httpx.Client, sandbox: str) -> None:
    body = request(api, "POST", "", name=sandbox, seed=7, products=12)
    assert (body["name"], body["seed"], body["products"], body["calls"]) == (sandbox, 7, 12, 0)
    assert set(body["credentials"]) == set(app.vendor_names())
    for vendor, access in body["credentials"].items():
        sample = app.load_contract(vendor).vendor.sample
        assert httpx.get(access["base_url"] + sample, headers=access["headers"]).status_code == 200
    assert request(api, "GET", sandbox)["calls"] == len(body["credentials"])


def test_sandbox_has_its_own_seed_and_size(api: httpx.Client, sandbox: str) -> None:
    request(api, "POST", "", name=sandbox, seed=7, products=12)
    headers = {"Authorization": f"Bearer sbx_{sandbox}", "Version": "v3"}
    own = api.get("/products/inventory?altId=x", headers=headers).json()
    other = api.get("/products/inventory?altId=x", headers=headers | {"Authorization": "Bearer demo"}).json()
    assert (own["total"], other["total"]) == ({"total": 12}, {"total": 100})
    assert own["inventory"][1] != other["inventory"][1]


def test_sandbox_without_a_name_gets_one(api: httpx.Client) -> None:
    first, second = (request(api, "POST", "", products=5)["name"] for _ in range(2))
    assert first != second


def test_given_names_are_not_given_again(api: httpx.Client) -> None:
    first = api.post("/_mock/sandboxes", json={}).json()["name"]
    assert api.delete(f"/_mock/sandboxes/{first}").status_code == 204
    assert api.post("/_mock/sandboxes", json={}).json()["name"] != first


def test_credential_of_a_deleted_sandbox_creates_a_new_sandbox(api: httpx.Client, new_sandbox: str) -> None:
    set_stock(api, new_sandbox, 3)
    request(api, "DELETE", new_sandbox)
    assert api.get(f"/_mock/sandboxes/{new_sandbox}").status_code == 404
    assert stock(api, new_sandbox) == 10


def test_reset_restores_the_initial_state(api: httpx.Client, new_sandbox: str) -> None:
    before = api.get("/products/inventory?altId=", headers=bearer(new_sandbox)).text
    set_stock(api, new_sandbox, 3)
    request(api, "PUT", f"{new_sandbox}/clock", action="freeze", instant="2001-01-01T00:00:00Z")
    body = request(api, "POST", f"{new_sandbox}/reset")
    assert (body["calls"], body["changes"], body["clock"]["frozen"]) == (0, 0, False)
    assert stock(api, new_sandbox) == 10
    request(api, "POST", f"{new_sandbox}/reset")
    assert api.get("/products/inventory?altId=", headers=bearer(new_sandbox)).text == before, (
        "trace ids start again"
    )


def bearer(sandbox: str) -> dict[str, str]:
    return {"Authorization": f"Bearer sbx_{sandbox}", "Version": "v3"}


@pytest.mark.parametrize("way", ["fork", "create"])
def test_fork_is_a_copy_that_changes_independently(api: httpx.Client, new_sandbox: str, way: str) -> None:
    set_stock(api, new_sandbox, 3)
    child = f"{new_sandbox}-child"
    if way == "fork":
        request(api, "POST", f"{new_sandbox}/fork", name=child)
    else:
        request(api, "POST", "", name=child, fork=new_sandbox)
    assert stock(api, child) == 3
    set_stock(api, child, 4)
    assert (stock(api, new_sandbox), stock(api, child)) == (3, 4)


def test_snapshot_is_restored_twice(api: httpx.Client, new_sandbox: str) -> None:
    set_stock(api, new_sandbox, 3)
    assert request(api, "PUT", f"{new_sandbox}/snapshots/three")["snapshots"] == ["three"]
    for _ in range(2):
        set_stock(api, new_sandbox, 99)
        request(api, "POST", f"{new_sandbox}/snapshots/three/restore")
        assert stock(api, new_sandbox) == 3
    assert request(api, "GET", f"{new_sandbox}/snapshots") == {"snapshots": ["three"]}
    request(api, "DELETE", f"{new_sandbox}/snapshots/three")
    assert api.post(f"/_mock/sandboxes/{new_sandbox}/snapshots/three/restore").status_code == 404


def test_number_of_snapshots_is_bounded(api: httpx.Client, new_sandbox: str) -> None:
    statuses = [api.put(f"/_mock/sandboxes/{new_sandbox}/snapshots/s{n}").status_code for n in range(101)]
    assert statuses == [200] * 100 + [503]


def test_clock_freeze_set_advance_resume(api: httpx.Client, new_sandbox: str) -> None:
    frozen = request(api, "PUT", f"{new_sandbox}/clock", action="freeze", instant="2026-01-02T03:04:05+01:00")
    assert frozen == {"now": "2026-01-02T02:04:05.000Z", "frozen": True}
    assert (
        request(api, "PUT", f"{new_sandbox}/clock", action="advance", seconds=86400.5)["now"]
        == "2026-01-03T02:04:05.500Z"
    )
    assert request(api, "PUT", f"{new_sandbox}/clock", action="set", instant="2030-01-01T00:00:00Z")["frozen"]
    assert not request(api, "PUT", f"{new_sandbox}/clock", action="resume")["frozen"]
    assert request(api, "GET", f"{new_sandbox}/clock")["now"].startswith("2030-01-01T00:00")


@pytest.mark.finding("A14")
def test_unused_sandbox_expires_by_real_time(api: httpx.Client, sandbox: str) -> None:
    request(api, "POST", "", name=sandbox, ttl=1, frozen="2001-01-01T00:00:00Z")
    set_stock(api, sandbox, 3)
    while api.get(f"/_mock/sandboxes/{sandbox}").status_code == 200:
        pass
    assert sandbox not in sandbox_names(api)
    assert stock(api, sandbox) == 10, "a call with its name creates a new sandbox"


@pytest.mark.parametrize("options", [{}, {"ttl": 60}], ids=str)
def test_sandbox_survives_an_advance_of_its_clock(
    api: httpx.Client, sandbox: str, options: dict[str, int]
) -> None:
    made = request(api, "POST", "", name=sandbox, **options)
    set_stock(api, sandbox, 3)
    request(api, "PUT", f"{sandbox}/clock", action="advance", seconds=400 * 86400)
    assert stock(api, sandbox) == 3
    shown = request(api, "GET", sandbox)
    assert made["created"] == shown["created"] <= shown["used"] < shown["expires"]


def test_import_restores_an_export(api: httpx.Client, new_sandbox: str) -> None:
    set_stock(api, new_sandbox, 3)
    request(api, "POST", f"{new_sandbox}/products", sku="LAMP 1/2", name="Lamp", price=12.5, quantity=2)
    request(api, "DELETE", f"{new_sandbox}/records/narvar/items/9999")
    request(api, "PUT", f"{new_sandbox}/clock", action="freeze", instant="2026-01-02T03:04:05Z")
    document = api.get(f"/_mock/sandboxes/{new_sandbox}/export").text
    copy = f"{new_sandbox}-copy"
    response = api.put(
        f"/_mock/sandboxes/{copy}/import", content=document, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200, response.text
    assert exact(api.get(f"/_mock/sandboxes/{copy}/export").text) == exact(document)
    assert stock(api, copy) == 3
    found = api.get("/api/v2/inventory/sku/LAMP%201%2F2", auth=(f"sbx_{copy}", "")).text
    assert '"price_gross":12.50' in found
    assert api.get("/exchanges/inventory/9999", auth=(f"sbx_{copy}", "")).status_code == 404


def test_products_added_after_an_import_get_new_ids(api: httpx.Client, new_sandbox: str) -> None:
    for sku in ("X0", "X1"):
        request(api, "POST", f"{new_sandbox}/products", sku=sku, name=sku)
    request(api, "PUT", f"{new_sandbox}-copy/import", **request(api, "GET", f"{new_sandbox}/export"))
    request(api, "POST", f"{new_sandbox}-copy/products", sku="X2", name="X2")
    for sku in ("X0", "X1", "X2"):
        found = api.get(f"/api/v2/inventory/sku/{sku}", auth=(f"sbx_{new_sandbox}-copy", ""))
        assert found.status_code == 200


def test_import_of_a_large_document(api: httpx.Client, new_sandbox: str) -> None:
    shops = [{"shopdomain": f"shop-{n}-" + "x" * 900, "active": True} for n in range(2000)]
    records = {"shoplazza": {"shops": {"changed": {}, "added": shops, "deleted": []}}}
    request(
        api,
        "PUT",
        f"{new_sandbox}/import",
        **{**request(api, "GET", f"{new_sandbox}/export"), "records": records},
    )
    assert request(api, "GET", new_sandbox)["changes"] == 2000


def test_import_keeps_the_journal_and_the_snapshots(api: httpx.Client, new_sandbox: str) -> None:
    set_stock(api, new_sandbox, 3)
    request(api, "PUT", f"{new_sandbox}/snapshots/three")
    request(api, "PUT", f"{new_sandbox}/import", **request(api, "GET", f"{new_sandbox}/export"))
    assert request(api, "GET", new_sandbox)["snapshots"] == ["three"]
    (entry,) = api.get("/_mock/requests", params={"sandbox": new_sandbox}).json()["requests"]
    set_stock(api, new_sandbox, 3)
    newest = api.get("/_mock/requests", params={"sandbox": new_sandbox}).json()["requests"][0]
    assert (entry["id"], newest["id"]) == (f"{new_sandbox}.1", f"{new_sandbox}.2")


def test_document_can_be_edited_by_hand(api: httpx.Client, new_sandbox: str) -> None:
    document = request(api, "GET", f"{new_sandbox}/export")
    shop = {"shopdomain": "closed", "active": False}
    document["records"] = {"shoplazza": {"shops": {"changed": {}, "added": [shop], "deleted": []}}}
    request(api, "PUT", f"{new_sandbox}/import", **document)
    headers = {"Host": "closed.myshoplazza.com", "access-token": f"sbx_{new_sandbox}"}
    answer = api.get(app.load_contract("shoplazza").vendor.sample, headers=headers)
    assert answer.json() == {"error": "store is not active"}


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ({"acme": {"x": {"changed": {}, "added": [], "deleted": []}}}, "no collection acme/x"),
        ({"sabi": {"x": {"changed": {}, "added": [], "deleted": []}}}, "no collection sabi/x"),
        ({"shoplazza": {"shops": {"changed": {}, "added": [{"a": 1}], "deleted": []}}}, "shoplazza/shops: "),
        (
            {"shoplazza": {"shops": {"changed": {}, "added": [], "deleted": ["x"]}}},
            "has no record with key x to delete",
        ),
        (
            {
                "shoplazza": {
                    "shops": {
                        "changed": {"y": {"shopdomain": "z", "active": True}},
                        "added": [],
                        "deleted": [],
                    }
                }
            },
            "it must be equal to the key, y",
        ),
        (
            {
                "shoplazza": {
                    "shops": {
                        "changed": {},
                        "added": [{"shopdomain": "inactive", "active": True}],
                        "deleted": [],
                    }
                }
            },
            "list it as changed",
        ),
    ],
)
def test_invalid_document_changes_nothing(
    api: httpx.Client, new_sandbox: str, records: dict[str, Any], message: str
) -> None:
    set_stock(api, new_sandbox, 3)
    document = request(api, "GET", f"{new_sandbox}/export") | {"records": records}
    response = api.put(f"/_mock/sandboxes/{new_sandbox}/import", json=document)
    assert response.status_code in (400, 404)
    assert message in response.json()["message"]
    assert stock(api, new_sandbox) == 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "sandboxes/nobody", None, 404),
        ("DELETE", "sandboxes/nobody", None, 404),
        ("POST", "sandboxes/nobody/reset", None, 404),
        ("POST", "sandboxes/nobody/fork", {"name": "x"}, 404),
        ("PUT", "sandboxes/nobody/snapshots/a", None, 404),
        ("GET", "sandboxes/nobody/clock", None, 404),
        ("GET", "sandboxes/a%2Fb", None, 404),
        ("POST", "sandboxes", {"name": "a/b"}, 400),
        ("POST", "sandboxes", {"name": "x" * 65}, 400),
        ("POST", "sandboxes", {"products": 0}, 400),
        ("POST", "sandboxes", {"products": 10_000_001}, 400),
        ("POST", "sandboxes", {"fork": "demo", "seed": 3}, 400),
        ("POST", "sandboxes", {"fork": "nobody"}, 404),
        ("POST", "sandboxes", {"ttl": 0}, 400),
        ("POST", "sandboxes", {"color": "red"}, 400),
        ("POST", "sandboxes", ["name"], 400),
        ("PUT", "sandboxes/demo/clock", {"action": "stop"}, 400),
        ("PUT", "sandboxes/demo/clock", {"action": "set", "instant": "soon"}, 400),
        ("PUT", "sandboxes/demo/clock", {"action": "advance", "seconds": -1}, 400),
        ("GET", "nothing", None, 404),
        ("GET", "", None, 404),
        ("DELETE", "health", None, 405),
    ],
)
def test_invalid_requests_are_refused_as_json(
    api: httpx.Client, method: str, path: str, body: Any, status: int
) -> None:
    response = api.request(method, f"/_mock/{path}", json=body)
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "message"}
    assert response.json()["message"]


def test_clock_cannot_pass_the_year_9999(api: httpx.Client, new_sandbox: str) -> None:
    request(api, "PUT", f"{new_sandbox}/clock", action="set", instant="9999-12-31T00:00:00Z")
    response = api.put(f"/_mock/sandboxes/{new_sandbox}/clock", json={"action": "advance", "seconds": 864000})
    assert (response.status_code, "9999" in response.json()["message"]) == (400, True)


@pytest.mark.parametrize("action", ["set", "freeze"])
@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z"])
def test_sandbox_works_at_the_first_and_last_date(
    api: httpx.Client, sandbox: str, action: str, instant: str
) -> None:
    request(api, "POST", "", name=sandbox, ttl=100)
    request(api, "PUT", f"{sandbox}/clock", action=action, instant=instant)
    assert api.get("/_mock/sandboxes").status_code == 200
    assert api.get(f"/_mock/sandboxes/{sandbox}/export").status_code in (200, 404)
    assert stock(api, sandbox) == 10


def test_taken_name_is_a_conflict(api: httpx.Client, new_sandbox: str) -> None:
    assert api.post("/_mock/sandboxes", json={"name": new_sandbox}).status_code == 409
    assert api.post("/_mock/sandboxes/demo/fork", json={"name": new_sandbox}).status_code == 409


@pytest.mark.parametrize(("method", "path", "body"), [
    ("POST", "", {"name": "newline\n"}),
    ("PUT", "{sandbox}/snapshots/newline%0A", None),
    ("POST", "{sandbox}/products", {"sku": "N-1", "name": "N", "ean": "0000000000000\n"}),
    ("PUT", "{sandbox}/faults", [{"fault": {"type": "response", "status": 200, "headers": {"X-A": "b\n"}}}]),
    ("PUT", "{sandbox}/faults", [{"fault": {"type": "response", "status": 200, "headers": {"X-A\n": "b"}}}]),
])  # fmt: skip
def test_value_with_a_newline_at_its_end_is_refused(
    api: httpx.Client, new_sandbox: str, method: str, path: str, body: Any
) -> None:
    request(api, "PUT", f"{new_sandbox}/clock", action="freeze", instant="2026-01-02T03:04:05Z")
    before = api.get(f"/_mock/sandboxes/{new_sandbox}/export").json()
    url = f"/_mock/sandboxes/{path.format(sandbox=new_sandbox)}".rstrip("/")
    response = api.request(method, url, json=body)
    assert response.status_code in (400, 404), response.text
    assert api.get(f"/_mock/sandboxes/{new_sandbox}/export").json() == before
    assert "newline\n" not in [one["name"] for one in api.get("/_mock/sandboxes").json()["sandboxes"]]


def test_health_ready_vendors_and_openapi(api: httpx.Client) -> None:
    for path in ("health", "ready"):
        assert api.get(f"/_mock/{path}").json()["status"] == "ok"
        assert api.head(f"/_mock/{path}").status_code == 200
    vendors = api.get("/_mock/vendors").json()["vendors"]
    assert [vendor["name"] for vendor in vendors] == app.vendor_names()
    assert api.get("/_mock/openapi.json").json()["openapi"] == "3.0.3"


def test_metrics_count_calls_by_vendor_and_status(api: httpx.Client) -> None:
    def count() -> float:
        labels = 'operation="get-exchange-inventory",status="404",vendor="narvar"'
        found = re.search(rf"mockserver_requests_total\{{{labels}\}} (\S+)", api.get("/_mock/metrics").text)
        return float(found[1]) if found else 0.0

    before = count()
    api.get("/exchanges/inventory/1", auth=("demo", ""))
    assert count() == before + 1
    assert "mockserver_sandboxes " in api.get("/_mock/metrics").text
    assert api.get("/_mock/metrics").headers["content-type"].startswith("text/plain")


def test_control_calls_are_not_counted(api: httpx.Client, new_sandbox: str) -> None:
    assert [request(api, "GET", new_sandbox)["calls"] for _ in range(3)] == [0, 0, 0]


def test_number_of_sandboxes_is_bounded() -> None:
    mock = app.build(names=["sabi"])
    sandboxes = Sandboxes(seed=1, products=10, max_sandboxes=2)
    with (
        serving(app.reuse(mock, sandboxes).application) as url,
        httpx.Client(base_url=url) as api,
    ):
        statuses = [api.post("/_mock/sandboxes", json={"name": f"s{n}"}).status_code for n in range(3)]
        assert statuses == [201, 201, 503]
        api.delete("/_mock/sandboxes/s0")
        assert api.post("/_mock/sandboxes", json={"name": "s2"}).status_code == 201


def test_large_control_body_is_413(base_url: str) -> None:
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        body = json.dumps({"name": "x" * 40_000_000}).encode()
        head = f"POST /_mock/sandboxes HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with suppress(OSError):
            connection.sendall(head.encode() + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
