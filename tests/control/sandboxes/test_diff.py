"""The differences of a sandbox between its beginning, its snapshots and now."""

from typing import Any

import httpx
import pytest

from mockserver.control.sandboxes.diff import MAX_FIELDS, changed_fields
from tests.conftest import decimals


@pytest.fixture
def shop(api: httpx.Client, sandbox: str) -> str:
    """Return the path of a new sandbox with 30 products."""
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 30}).raise_for_status()
    return f"/_mock/sandboxes/{sandbox}"


def diff(api: httpx.Client, shop: str, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = decimals(api.get(f"{shop}/diff", params=query).raise_for_status().text)
    return answer


def take(api: httpx.Client, shop: str, name: str) -> None:
    api.put(f"{shop}/snapshots/{name}").raise_for_status()


NOTHING = {
    "records": [],
    "total": 0,
    "next": None,
    "clock": None,
    "limits": None,
    "faults": None,
    "dialect": None,
}


def test_nothing_differs_at_first(api: httpx.Client, shop: str) -> None:
    take(api, shop, "before")
    assert diff(api, shop) == diff(api, shop, **{"from": "before"}) == NOTHING
    assert diff(api, shop, **{"from": "before", "to": "before"}) == NOTHING


def test_added_changed_and_deleted_records(api: httpx.Client, shop: str, client: httpx.Client) -> None:
    take(api, shop, "before")
    client.patch("/api/v2/inventory/id/10001", json={"stock": 3}, auth=("demo", "")).raise_for_status()
    api.delete(f"{shop}/records/sabi/products/1001").raise_for_status()
    new = {"shopdomain": "new", "active": True}
    api.post(f"{shop}/records/shoplazza/shops", json=new).raise_for_status()
    found = diff(api, shop, **{"from": "before"})
    assert [(one["vendor"], one["collection"], one["key"]) for one in found["records"]] == [
        ("merchantpro", "inventory", "10001"), ("sabi", "products", "1001"), ("shoplazza", "shops", "new"),
    ]  # fmt: skip
    changed, deleted, added = found["records"]
    assert changed["fields"] == [{"field": "stock", "before": 10, "after": 3}]
    assert changed["after"] == {**changed["before"], "stock": 3}
    assert (deleted["before"]["name"], deleted["after"], deleted["fields"]) == ("Organic Apple", None, [])
    assert (added["before"], added["after"], added["fields"]) == (None, new, [])
    assert diff(api, shop) == found, "the snapshot was taken at the beginning"
    take(api, shop, "later")
    backwards = diff(api, shop, **{"from": "later", "to": "before"})["records"]
    assert [(one["before"], one["after"]) for one in backwards] == [
        (one["after"], one["before"]) for one in found["records"]
    ]
    assert diff(api, shop, **{"from": "later"}) == NOTHING
    api.post(f"{shop}/snapshots/before/restore").raise_for_status()
    assert diff(api, shop) == NOTHING


def test_record_that_has_its_old_value_again_does_not_differ(api: httpx.Client, shop: str) -> None:
    path = f"{shop}/records/merchantpro/inventory/10001"
    for stock in (3, 10):
        api.patch(path, json={"stock": stock}).raise_for_status()
    assert diff(api, shop) == NOTHING


def test_clock_limits_and_faults(api: httpx.Client, shop: str) -> None:
    take(api, shop, "before")
    instant = "2026-01-02T03:04:05.000Z"
    api.put(f"{shop}/clock", json={"action": "freeze", "instant": instant}).raise_for_status()
    limits = {"enabled": True, "overrides": {"highlevel": {"daily": 9}}}
    api.put(f"{shop}/limits", json=limits).raise_for_status()
    api.put(f"{shop}/faults", json=[503]).raise_for_status()
    found = diff(api, shop, **{"from": "before"})
    assert found["clock"] == {"before": {"frozen": False}, "after": {"now": instant, "frozen": True}}
    assert found["limits"] == {"before": {"enabled": False, "overrides": {}}, "after": limits}
    assert found["faults"] == {"before": [], "after": [{"fault": {"type": "status", "status": 503}}]}
    assert found["records"] == []


def test_pages(api: httpx.Client, shop: str) -> None:
    for key in range(10004, 10011):
        api.patch(f"{shop}/records/merchantpro/inventory/{key}", json={"name": "x"}).raise_for_status()
    found, offset = [], 0
    while offset is not None:
        page = diff(api, shop, limit=3, offset=offset)
        assert page["total"] == 7 and len(page["records"]) <= 3
        found += page["records"]
        offset = page["next"]
    assert [one["key"] for one in found] == [str(key) for key in range(10004, 10011)]
    assert diff(api, shop)["records"] == found
    assert diff(api, shop, offset=7)["records"] == diff(api, shop, offset=10**9)["records"] == []


def test_page_has_at_most_8_mib(api: httpx.Client, shop: str) -> None:
    path = f"{shop}/records/sabi/products"
    for number in range(12):
        record = {**api.get(f"{path}/1001").json(), "productId": f"n{number}", "description": "x" * 1_000_000}
        api.post(path, json=record).raise_for_status()
    response = api.get(f"{shop}/diff").raise_for_status()
    page = response.json()
    assert len(response.content) < 9_000_000
    assert (len(page["records"]), page["total"], page["next"]) == (8, 12, 8)
    assert len(diff(api, shop, offset=8)["records"]) == 4


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("from=none", 404, "has no snapshot none"),
        ("to=none", 404, "has no snapshot none"),
        ("from=a/b", 400, "query.from"),
        ("limit=0", 400, "query.limit"),
        ("form=before", 400, "query.form"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    api: httpx.Client, shop: str, query: str, status: int, message: str
) -> None:
    refused = api.get(f"{shop}/diff?{query}")
    assert refused.status_code == status and message in refused.json()["message"]
    assert api.get("/_mock/sandboxes/nobody/diff").status_code == 404


FIELDS: dict[str, tuple[Any, Any, list[dict[str, Any]]]] = {
    "a value": ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [{"field": "b", "before": 2, "after": 3}]),
    "other digits": (
        decimals('{"a": 1.0}'),
        decimals('{"a": 1.00}'),
        [decimals('{"field": "a", "before": 1.0, "after": 1.00}')],
    ),
    "a number as a text": ({"a": 1}, {"a": "1"}, [{"field": "a", "before": 1, "after": "1"}]),
    "another type": ({"a": 1}, {"a": [1]}, [{"field": "a", "before": 1, "after": [1]}]),
    "a field more": ({}, {"a": None}, [{"field": "a", "after": None}]),
    "a field less": ({"a": None}, {}, [{"field": "a", "before": None}]),
    "inside": (
        {"a": [{"b": {"c": 1}}]}, {"a": [{"b": {"c": 2}}]}, [{"field": "a[0].b.c", "before": 1, "after": 2}],
    ),
    "an entry more": ({"a": [1]}, {"a": [1, {"b": 2}]}, [{"field": "a[1]", "after": {"b": 2}}]),
    "an entry less": ({"a": [1, 2]}, {"a": [1]}, [{"field": "a[1]", "before": 2}]),
    "the order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    "as many fields as are told one by one": (
        {"a": [0] * MAX_FIELDS}, {"a": [1] * MAX_FIELDS},
        [{"field": f"a[{n}]", "before": 0, "after": 1} for n in range(MAX_FIELDS)],
    ),
    "more than that": (
        {"a": [0] * (MAX_FIELDS + 1), "b": 1}, {"a": [1] * (MAX_FIELDS + 1), "b": 1},
        [{"field": "a", "before": [0] * (MAX_FIELDS + 1), "after": [1] * (MAX_FIELDS + 1)}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FIELDS)
def test_fields_that_differ(case: str) -> None:
    before, after, expected = FIELDS[case]
    assert changed_fields(before, after) == expected
