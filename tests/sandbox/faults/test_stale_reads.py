"""Faults that only a stateful stand-in can do: reads that lag behind, pages that shift under a walk."""

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
def test_after_a_write_reads_are_stale_for_so_many_reads(
    client: httpx.Client, rules: Put, fault: dict[str, Any], seen: list[int]
) -> None:
    rules({"fault": {"type": "stale_reads", **fault}, "times": 1})
    set_stock(client, 3)
    assert [stock(client) for _ in seen] == seen


def test_after_a_write_reads_are_stale_for_so_many_seconds_of_the_clock(
    client: httpx.Client, made: str, rules: Put
) -> None:
    act(client, "PUT", f"{made}/clock", {"action": "freeze"})
    rules({"fault": {"type": "stale_reads", "seconds": 5}})
    set_stock(client, 3)
    assert [stock(client) for _ in range(3)] == [10] * 3
    act(client, "PUT", f"{made}/clock", {"action": "advance", "seconds": 4.9})
    adjusted = client.patch(WASHER, auth=AUTH, json={"stock": {"adjust_by": 1}})
    assert adjusted.json()["stock"] == 4, "writes see what is true"
    assert stock(client) == 3, "and begin a lag of their own"
    act(client, "PUT", f"{made}/clock", {"action": "advance", "seconds": 5})
    assert stock(client) == 4


def test_control_sees_the_truth_and_other_sandboxes_no_lag(
    client: httpx.Client, made: str, rules: Put
) -> None:
    rules({"fault": {"type": "stale_reads", "reads": 100}})
    set_stock(client, 3)
    assert act(client, "GET", f"{made}/records/merchantpro/inventory/10001")["stock"] == 3
    act(client, "POST", f"{made}/fork", {"name": f"{made}-child"})
    act(client, "DELETE", f"{made}/faults")
    assert stock(client) == 3, "without faults there is no lag"
    child = client.get(WASHER, auth=AUTH, headers={"X-Mock-Sandbox": f"{made}-child"})
    assert child.json()["stock"] == 10, "a fork has it, as it has all else"


def walk(client: httpx.Client, vendor: str) -> list[str]:
    """The ids on two pages of ten of a vendor's list."""
    of = app.load_contract(vendor).vendor
    if vendor == "sabi":
        paths = [f"/api/v1/products?page={n}&limit=10" for n in (1, 2)]
        pages = [client.get(path, headers=of.auth_headers("demo")).json()["products"] for path in paths]
        return [item["productId"] for page in pages for item in page]
    paths = [f"/products/inventory?altId=x&offset={n}&limit=10" for n in (0, 10)]
    pages = [client.get(path, headers=of.auth_headers("demo")).json()["inventory"] for path in paths]
    return [item["_id"] for page in pages for item in page]


@pytest.mark.parametrize("vendor", ["sabi", "highlevel"])
def test_an_item_removed_between_two_pages_hides_another(
    client: httpx.Client, rules: Put, vendor: str
) -> None:
    whole = walk(client, vendor)
    rules({"fault": {"type": "page_shift", "change": "remove"}, "times": 1})
    assert walk(client, vendor) == whole[:10] + walk(client, vendor)[10:]
    assert whole[10] not in walk(client, vendor)[10:]


@pytest.mark.parametrize("vendor", ["sabi", "highlevel"])
def test_an_item_inserted_between_two_pages_shows_another_twice(
    client: httpx.Client, rules: Put, vendor: str
) -> None:
    whole = walk(client, vendor)
    rules({"fault": {"type": "page_shift", "change": "insert"}, "times": 1})
    walked = walk(client, vendor)
    assert walked == whole[1:11] + whole[10:]
    assert len(set(walked)) == len(walked) - 1
    assert walk(client, vendor) == whole


def test_what_is_no_list_does_not_shift(client: httpx.Client, rules: Put) -> None:
    rules({"fault": {"type": "page_shift", "change": "remove"}})
    assert statuses(client, 2) == [200, 200]
