"""Stale reads, and lists that change between two pages."""

from typing import Any

import httpx
import pytest

from mockserver import app
from tests.sandbox.faults.test_rules import AUTH, WASHER, Put, act, made, rules, statuses

__all__ = ["made", "rules"]  # fixtures


def stock(client: httpx.Client) -> int:
    return client.get(WASHER, auth=AUTH).json()["stock"]


def set_stock(client: httpx.Client, quantity: int) -> None:
    assert client.patch(WASHER, auth=AUTH, json={"stock": quantity}).json()["stock"] == quantity


@pytest.mark.parametrize(
    ("fault", "seen"),
    [({}, [10, 3]), ({"reads": 2}, [10, 10, 3]), ({"reads": 1, "seconds": 60}, [10, 3])],
)
def test_reads_after_a_write_are_stale_for_a_number_of_reads(
    client: httpx.Client, rules: Put, fault: dict[str, Any], seen: list[int]
) -> None:
    rules({"fault": {"type": "stale_reads", **fault}, "times": 1})
    set_stock(client, 3)
    assert [stock(client) for _ in seen] == seen


def test_reads_after_a_write_are_stale_for_a_number_of_seconds(
    client: httpx.Client, made: str, rules: Put
) -> None:
    act(client, "PUT", f"{made}/clock", {"action": "freeze"})
    rules({"fault": {"type": "stale_reads", "seconds": 5}})
    set_stock(client, 3)
    assert [stock(client) for _ in range(3)] == [10] * 3
    act(client, "PUT", f"{made}/clock", {"action": "advance", "seconds": 4.9})
    adjusted = client.patch(WASHER, auth=AUTH, json={"stock": {"adjust_by": 1}})
    assert adjusted.json()["stock"] == 4, "writes must see the current record"
    assert stock(client) == 3, "a write must make reads stale again"
    act(client, "PUT", f"{made}/clock", {"action": "advance", "seconds": 5})
    assert stock(client) == 4


def test_stale_reads_do_not_affect_the_control_api(client: httpx.Client, made: str, rules: Put) -> None:
    rules({"fault": {"type": "stale_reads", "reads": 100}})
    set_stock(client, 3)
    assert act(client, "GET", f"{made}/records/merchantpro/inventory/10001")["stock"] == 3
    act(client, "POST", f"{made}/fork", {"name": f"{made}-child"})
    act(client, "DELETE", f"{made}/faults")
    assert stock(client) == 3, "reads must be current once the rule is gone"
    child = client.get(WASHER, auth=AUTH, headers={"X-Mock-Sandbox": f"{made}-child"})
    assert child.json()["stock"] == 10, "a fork must copy the stale records"


def ids_on_two_pages(client: httpx.Client, vendor: str) -> list[str]:
    """Return the ids on the first two pages of a vendor's list, with ten items per page."""
    emulated = app.load_contract(vendor).vendor
    if vendor == "sabi":
        paths = [f"/api/v1/products?page={n}&limit=10" for n in (1, 2)]
        pages = [client.get(path, headers=emulated.auth_headers("demo")).json()["products"] for path in paths]
        return [item["productId"] for page in pages for item in page]
    paths = [f"/products/inventory?altId=x&offset={n}&limit=10" for n in (0, 10)]
    pages = [client.get(path, headers=emulated.auth_headers("demo")).json()["inventory"] for path in paths]
    return [item["_id"] for page in pages for item in page]


@pytest.mark.parametrize("vendor", ["sabi", "highlevel"])
def test_item_removed_between_two_pages_hides_another_item(
    client: httpx.Client, rules: Put, vendor: str
) -> None:
    unshifted = ids_on_two_pages(client, vendor)
    rules({"fault": {"type": "page_shift", "change": "remove"}, "times": 1})
    assert ids_on_two_pages(client, vendor) == unshifted[:10] + ids_on_two_pages(client, vendor)[10:]
    assert unshifted[10] not in ids_on_two_pages(client, vendor)[10:]


@pytest.mark.parametrize("vendor", ["sabi", "highlevel"])
def test_item_inserted_between_two_pages_repeats_another_item(
    client: httpx.Client, rules: Put, vendor: str
) -> None:
    unshifted = ids_on_two_pages(client, vendor)
    rules({"fault": {"type": "page_shift", "change": "insert"}, "times": 1})
    ids = ids_on_two_pages(client, vendor)
    assert ids == unshifted[1:11] + unshifted[10:]
    assert len(set(ids)) == len(ids) - 1
    assert ids_on_two_pages(client, vendor) == unshifted


def test_page_shift_affects_only_lists(client: httpx.Client, rules: Put) -> None:
    rules({"fault": {"type": "page_shift", "change": "remove"}})
    assert statuses(client, 2) == [200, 200]
