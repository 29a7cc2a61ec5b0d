"""The control API over HTTP: sandboxes, snapshots, clocks, documents, and who may use it."""

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

WASHER = "/api/v2/inventory/id/10001"


@pytest.fixture
def made(api: httpx.Client, sandbox: str) -> str:
    """The name of a sandbox made for this test."""
    assert api.post("/_mock/sandboxes", json={"name": sandbox}).status_code == 201
    return sandbox


def stock(api: httpx.Client, sandbox: str) -> int:
    return api.get(WASHER, auth=(f"sbx_{sandbox}", "")).json()["stock"]


def set_stock(api: httpx.Client, sandbox: str, quantity: int) -> None:
    response = api.patch(WASHER, auth=(f"sbx_{sandbox}", ""), json={"stock": quantity})
    assert response.status_code == 200


def act(api: httpx.Client, method: str, path: str, **body: Any) -> Any:
    response = api.request(method, f"/_mock/sandboxes/{path}".rstrip("/"), json=body or None)
    assert response.is_success, response.text
    return response.json() if response.content else None


def test_a_new_sandbox_comes_with_a_working_credential_for_every_vendor(
    api: httpx.Client, sandbox: str
) -> None:
    body = act(api, "POST", "", name=sandbox, seed=7, products=12)
    assert (body["name"], body["seed"], body["products"], body["calls"]) == (sandbox, 7, 12, 0)
    assert set(body["credentials"]) == set(app.vendor_names())
    for vendor, given in body["credentials"].items():
        sample = app.load_contract(vendor).vendor.sample
        assert httpx.get(given["base_url"] + sample, headers=given["headers"]).status_code == 200
    shown = act(api, "GET", sandbox)
    assert shown["calls"] == len(body["credentials"])


def test_seed_and_size_are_the_sandboxs_own(api: httpx.Client, sandbox: str) -> None:
    act(api, "POST", "", name=sandbox, seed=7, products=12)
    headers = {"Authorization": f"Bearer sbx_{sandbox}", "Version": "v3"}
    own = api.get("/products/inventory?altId=x", headers=headers).json()
    other = api.get("/products/inventory?altId=x", headers=headers | {"Authorization": "Bearer demo"}).json()
    assert (own["total"], other["total"]) == ({"total": 12}, {"total": 100})
    assert own["inventory"][1] != other["inventory"][1]


def test_a_sandbox_without_a_name_gets_one(api: httpx.Client) -> None:
    first, second = (act(api, "POST", "", products=5)["name"] for _ in range(2))
    assert first != second


def test_sandboxes_are_listed_by_name(api: httpx.Client, made: str) -> None:
    names = [one["name"] for one in act(api, "GET", "")["sandboxes"]]
    assert made in names
    assert names == sorted(names)


def test_a_deleted_sandbox_is_gone_and_its_credential_opens_a_fresh_one(api: httpx.Client, made: str) -> None:
    set_stock(api, made, 3)
    act(api, "DELETE", made)
    assert api.get(f"/_mock/sandboxes/{made}").status_code == 404
    assert stock(api, made) == 10


def test_reset_goes_back_to_the_beginning(api: httpx.Client, made: str) -> None:
    before = api.get("/products/inventory?altId=", headers=bearer(made)).text
    set_stock(api, made, 3)
    act(api, "PUT", f"{made}/clock", action="freeze", instant="2001-01-01T00:00:00Z")
    body = act(api, "POST", f"{made}/reset")
    assert (body["calls"], body["changes"], body["clock"]["frozen"]) == (0, 0, False)
    assert stock(api, made) == 10
    act(api, "POST", f"{made}/reset")
    assert api.get("/products/inventory?altId=", headers=bearer(made)).text == before, "trace ids begin anew"


def bearer(sandbox: str) -> dict[str, str]:
    return {"Authorization": f"Bearer sbx_{sandbox}", "Version": "v3"}


@pytest.mark.parametrize("way", ["fork", "create"])
def test_a_fork_begins_where_its_parent_stands_and_goes_its_own_way(
    api: httpx.Client, made: str, way: str
) -> None:
    set_stock(api, made, 3)
    child = f"{made}-child"
    if way == "fork":
        act(api, "POST", f"{made}/fork", name=child)
    else:
        act(api, "POST", "", name=child, fork=made)
    assert stock(api, child) == 3
    set_stock(api, child, 4)
    assert (stock(api, made), stock(api, child)) == (3, 4)


def test_a_snapshot_is_restored_as_often_as_wanted(api: httpx.Client, made: str) -> None:
    set_stock(api, made, 3)
    assert act(api, "PUT", f"{made}/snapshots/three")["snapshots"] == ["three"]
    for _ in range(2):
        set_stock(api, made, 99)
        act(api, "POST", f"{made}/snapshots/three/restore")
        assert stock(api, made) == 3
    assert act(api, "GET", f"{made}/snapshots") == {"snapshots": ["three"]}
    act(api, "DELETE", f"{made}/snapshots/three")
    assert api.post(f"/_mock/sandboxes/{made}/snapshots/three/restore").status_code == 404


def test_snapshots_are_bounded(api: httpx.Client, made: str) -> None:
    statuses = [api.put(f"/_mock/sandboxes/{made}/snapshots/s{n}").status_code for n in range(101)]
    assert statuses == [200] * 100 + [503]


def test_the_clock_is_frozen_set_advanced_and_resumed(api: httpx.Client, made: str) -> None:
    frozen = act(api, "PUT", f"{made}/clock", action="freeze", instant="2026-01-02T03:04:05+01:00")
    assert frozen == {"now": "2026-01-02T02:04:05.000Z", "frozen": True}
    assert (
        act(api, "PUT", f"{made}/clock", action="advance", seconds=86400.5)["now"]
        == "2026-01-03T02:04:05.500Z"
    )
    assert act(api, "PUT", f"{made}/clock", action="set", instant="2030-01-01T00:00:00Z")["frozen"]
    assert not act(api, "PUT", f"{made}/clock", action="resume")["frozen"]
    assert act(api, "GET", f"{made}/clock")["now"].startswith("2030-01-01T00:00")


def test_a_sandbox_that_nobody_uses_goes_away_by_its_own_clock(api: httpx.Client, sandbox: str) -> None:
    act(api, "POST", "", name=sandbox, ttl=60)
    set_stock(api, sandbox, 3)
    act(api, "PUT", f"{sandbox}/clock", action="advance", seconds=59)
    assert stock(api, sandbox) == 3, "a call keeps it alive"
    act(api, "PUT", f"{sandbox}/clock", action="advance", seconds=60)
    assert api.get(f"/_mock/sandboxes/{sandbox}").status_code == 404
    assert sandbox not in [one["name"] for one in act(api, "GET", "")["sandboxes"]]
    assert stock(api, sandbox) == 10, "the name opens a fresh one"


def test_a_day_passes_without_ending_a_sandbox_that_was_given_no_end(api: httpx.Client, made: str) -> None:
    set_stock(api, made, 3)
    act(api, "PUT", f"{made}/clock", action="advance", seconds=400 * 86400)
    assert stock(api, made) == 3


def test_an_exported_sandbox_is_imported_as_it_was(api: httpx.Client, made: str) -> None:
    set_stock(api, made, 3)
    act(api, "POST", f"{made}/products", sku="LAMP 1/2", name="Lamp", price=12.5, quantity=2)
    act(api, "DELETE", f"{made}/records/narvar/items/9999")
    act(api, "PUT", f"{made}/clock", action="freeze", instant="2026-01-02T03:04:05Z")
    document = api.get(f"/_mock/sandboxes/{made}/export").text
    copy = f"{made}-copy"
    response = api.put(
        f"/_mock/sandboxes/{copy}/import", content=document, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200, response.text
    assert exact(api.get(f"/_mock/sandboxes/{copy}/export").text) == exact(document)
    assert stock(api, copy) == 3
    found = api.get("/api/v2/inventory/sku/LAMP%201%2F2", auth=(f"sbx_{copy}", "")).text
    assert '"price_gross":12.50' in found
    assert api.get("/exchanges/inventory/9999", auth=(f"sbx_{copy}", "")).status_code == 404


def test_made_products_go_on_counting_after_an_import(api: httpx.Client, made: str) -> None:
    for sku in ("X0", "X1"):
        act(api, "POST", f"{made}/products", sku=sku, name=sku)
    act(api, "PUT", f"{made}-copy/import", **act(api, "GET", f"{made}/export"))
    act(api, "POST", f"{made}-copy/products", sku="X2", name="X2")
    for sku in ("X0", "X1", "X2"):
        found = api.get(f"/api/v2/inventory/sku/{sku}", auth=(f"sbx_{made}-copy", ""))
        assert found.status_code == 200


def test_a_large_world_is_imported_as_it_was_exported(api: httpx.Client, made: str) -> None:
    shops = [{"shopdomain": f"shop-{n}-" + "x" * 900, "active": True} for n in range(2000)]
    records = {"shoplazza": {"shops": {"changed": {}, "added": shops, "deleted": []}}}
    act(api, "PUT", f"{made}/import", **{**act(api, "GET", f"{made}/export"), "records": records})
    assert act(api, "GET", made)["changes"] == 2000


def test_an_import_keeps_the_journal_and_the_snapshots(api: httpx.Client, made: str) -> None:
    set_stock(api, made, 3)
    act(api, "PUT", f"{made}/snapshots/three")
    act(api, "PUT", f"{made}/import", **act(api, "GET", f"{made}/export"))
    assert act(api, "GET", made)["snapshots"] == ["three"]
    assert api.get("/_mock/requests", params={"sandbox": made}).json()["total"] == 1


def test_a_document_can_be_edited_by_hand(api: httpx.Client, made: str) -> None:
    document = act(api, "GET", f"{made}/export")
    shop = {"shopdomain": "closed", "active": False}
    document["records"] = {"shoplazza": {"shops": {"changed": {}, "added": [shop], "deleted": []}}}
    act(api, "PUT", f"{made}/import", **document)
    headers = {"Host": "closed.myshoplazza.com", "access-token": f"sbx_{made}"}
    answer = api.get(app.load_contract("shoplazza").vendor.sample, headers=headers)
    assert answer.json() == {"error": "store is not active"}


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ({"acme": {"x": {"changed": {}, "added": [], "deleted": []}}}, "no collection acme/x"),
        ({"sabi": {"x": {"changed": {}, "added": [], "deleted": []}}}, "no collection sabi/x"),
        ({"shoplazza": {"shops": {"changed": {}, "added": [{"a": 1}], "deleted": []}}}, "shoplazza/shops: "),
        ({"shoplazza": {"shops": {"changed": {}, "added": [], "deleted": ["x"]}}}, "has no x to delete"),
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
            "its key is y",
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
def test_a_document_that_does_not_fit_changes_nothing(
    api: httpx.Client, made: str, records: dict[str, Any], words: str
) -> None:
    set_stock(api, made, 3)
    document = act(api, "GET", f"{made}/export") | {"records": records}
    response = api.put(f"/_mock/sandboxes/{made}/import", json=document)
    assert response.status_code in (400, 404)
    assert words in response.json()["message"]
    assert stock(api, made) == 3


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
def test_what_cannot_be_is_refused_in_the_control_apis_own_words(
    api: httpx.Client, method: str, path: str, body: Any, status: int
) -> None:
    response = api.request(method, f"/_mock/{path}", json=body)
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "message"}
    assert response.json()["message"]


def test_a_clock_cannot_leave_the_calendar(api: httpx.Client, made: str) -> None:
    act(api, "PUT", f"{made}/clock", action="set", instant="9999-12-31T00:00:00Z")
    response = api.put(f"/_mock/sandboxes/{made}/clock", json={"action": "advance", "seconds": 864000})
    assert (response.status_code, "9999" in response.json()["message"]) == (400, True)


@pytest.mark.parametrize("action", ["set", "freeze"])
@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z"])
def test_at_the_ends_of_the_calendar_everything_goes_on(
    api: httpx.Client, sandbox: str, action: str, instant: str
) -> None:
    act(api, "POST", "", name=sandbox, ttl=100)
    act(api, "PUT", f"{sandbox}/clock", action=action, instant=instant)
    assert api.get("/_mock/sandboxes").status_code == 200
    assert api.get(f"/_mock/sandboxes/{sandbox}/export").status_code in (200, 404)
    assert stock(api, sandbox) == 10


def test_a_taken_name_is_a_conflict(api: httpx.Client, made: str) -> None:
    assert api.post("/_mock/sandboxes", json={"name": made}).status_code == 409
    assert api.post("/_mock/sandboxes/demo/fork", json={"name": made}).status_code == 409


def test_health_ready_vendors_and_the_specification_are_there(api: httpx.Client) -> None:
    for path in ("health", "ready"):
        assert api.get(f"/_mock/{path}").json()["status"] == "ok"
        assert api.head(f"/_mock/{path}").status_code == 200
    vendors = api.get("/_mock/vendors").json()["vendors"]
    assert [vendor["name"] for vendor in vendors] == app.vendor_names()
    assert api.get("/_mock/openapi.json").json()["openapi"] == "3.0.3"


def test_metrics_count_the_calls_of_each_vendor_by_status(api: httpx.Client) -> None:
    def count() -> float:
        labels = 'operation="get-exchange-inventory",status="404",vendor="narvar"'
        found = re.search(rf"mockserver_requests_total\{{{labels}\}} (\S+)", api.get("/_mock/metrics").text)
        return float(found[1]) if found else 0.0

    before = count()
    api.get("/exchanges/inventory/1", auth=("demo", ""))
    assert count() == before + 1
    assert "mockserver_sandboxes " in api.get("/_mock/metrics").text
    assert api.get("/_mock/metrics").headers["content-type"].startswith("text/plain")


def test_control_calls_count_in_no_sandbox(api: httpx.Client, made: str) -> None:
    assert [act(api, "GET", made)["calls"] for _ in range(3)] == [0, 0, 0]


def test_the_number_of_sandboxes_is_bounded_and_deleting_makes_room() -> None:
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


def test_a_body_of_control_is_bounded_too(base_url: str) -> None:
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        body = json.dumps({"name": "x" * 40_000_000}).encode()
        head = f"POST /_mock/sandboxes HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with suppress(OSError):
            connection.sendall(head.encode() + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
