"""A client that keeps three vendors in step by their own endpoints, while calls are refused and lists shift.

The client is a program of its own, and knows nothing of the mock. The tests prepare what it meets, and look
at the agreement of the vendors afterwards.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.client import Client, Sandbox
from mockserver.server.server import serving
from tests.e2e.sync_client import SyncClient

VENDORS = ["shoplazza", "merchantpro", "highlevel"]
LOCATION = "6578278e879ad2646715ba9c"
LISTS = {"shoplazza": "list-products", "merchantpro": "list-products", "highlevel": "get-list-inventory"}
# Few enough that each vendor refuses calls.
LIMITS = {
    "enabled": True,
    "overrides": {"highlevel": {"burst": 5}, "merchantpro": {"second": 4}, "shoplazza": {"app": 2}},
}


@pytest.fixture(scope="module")
def control() -> Iterator[Client]:
    """Yield a client of the control API of a server that has the three vendors only."""
    with serving(app.build(names=VENDORS).application) as url, Client(url) as client:
        yield client


@pytest.fixture(params=["documented", "observed"])
def sandbox(request: pytest.FixtureRequest, control: Client) -> Iterator[Sandbox]:
    with control.create(products=60, frozen="2026-11-26T12:00:00Z", dialect=request.param) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[SyncClient]:
    """Yield a client that waits by the clock of the sandbox."""
    addresses = {name: (one.base_url, dict(one.headers)) for name, one in sandbox.vendors.items()}
    with closing(SyncClient(addresses, LOCATION, lambda seconds: sandbox.clock.advance(seconds))) as client:
        yield client


def sell(sandbox: Sandbox) -> int:
    """Set the stock of every third product at Shoplazza, as its shop would. Return their number."""
    access = sandbox.vendors["shoplazza"]
    with httpx.Client(base_url=access.base_url, headers=dict(access.headers)) as api:
        products = api.get("/openapi/2022-01/products", params={"per_page": 250}).json()["products"]
        variants = [one for product in products for one in product["variants"] if one["sku"]][::3]
        for number, variant in enumerate(variants):
            change = {"variant": {"inventory_quantity": 500 + number}}
            api.put(f"/openapi/2022-01/variants/{variant['id']}", json=change).raise_for_status()
    return len(variants)


def differing(sandbox: Sandbox) -> list[Any]:
    return list(sandbox.agreement(differing=True))


def test_three_vendors_are_in_step_after_a_run(sandbox: Sandbox, client: SyncClient) -> None:
    sold = sell(sandbox)
    assert len(differing(sandbox)) == sold > 15
    written = client.run()
    assert differing(sandbox) == []
    compared = [one for one in sandbox.agreement() if len(one.vendors) == 3]
    assert len(compared) == 59
    # MerchantPro shows no stock of products without inventory, and Shoplazza none below zero.
    shown = [[what.stock for what in one.vendors.values() if what.stock is not None] for one in compared]
    assert all(len({max(stock, 0) for stock in stocks}) == 1 for stocks in shown)
    assert sold < written <= 2 * sold
    assert client.run() == 0


def test_client_survives_refused_calls(sandbox: Sandbox, client: SyncClient) -> None:
    sell(sandbox)
    sandbox.limits.set(LIMITS)
    client.run()
    assert min(client.refused.values()) > 0
    assert differing(sandbox) == []


def run_while_a_list_shifts(sandbox: Sandbox, client: SyncClient, vendor: str, change: str) -> None:
    """Run the client once, while one record comes into a vendor's list or leaves it after the first page."""
    sell(sandbox)
    shift = {"type": "page_shift", "change": change}
    sandbox.faults.add(shift, vendor=vendor, operation=LISTS[vendor], after=1, times=1)
    client.run()
    assert [fault.fired for fault in sandbox.faults] == [1]


@pytest.mark.parametrize("vendor", VENDORS)
def test_client_survives_a_record_that_is_inserted_while_it_reads(
    sandbox: Sandbox, client: SyncClient, vendor: str
) -> None:
    run_while_a_list_shifts(sandbox, client, vendor, "insert")
    assert differing(sandbox) == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_client_survives_a_record_that_is_removed_while_it_reads(
    sandbox: Sandbox, client: SyncClient, vendor: str
) -> None:
    """All other products are in step; those that were removed are missing at one vendor."""
    run_while_a_list_shifts(sandbox, client, vendor, "remove")
    apart = differing(sandbox)
    assert {one.missing for one in apart} == {(vendor,)}
    assert {one.differs for one in apart} == {("missing",)}


def test_answer_that_is_lost_after_a_write_does_no_harm(sandbox: Sandbox, client: SyncClient) -> None:
    sell(sandbox)
    for vendor in ("merchantpro", "highlevel"):
        sandbox.faults.add("committed_reply_lost", vendor=vendor, times=2)
    client.run()
    assert [fault.fired for fault in sandbox.faults] == [2, 2]
    assert differing(sandbox) == []


@pytest.mark.parametrize(
    ("vendor", "operation", "status", "lost"),
    [("merchantpro", "update-inventory", 200, 1), ("highlevel", "update-inventory", 201, None)],
)
def test_write_that_the_vendor_loses_shows_in_the_agreement(
    sandbox: Sandbox, client: SyncClient, vendor: str, operation: str, status: int, lost: int | None
) -> None:
    """The vendor says that it wrote, and did not: the client cannot know, until it reads again."""
    sold = sell(sandbox)
    answer = {"type": "response", "status": status, "body": {"status": True}}
    sandbox.faults.add(answer, vendor=vendor, operation=operation, times=1)
    client.run()
    apart = differing(sandbox)
    assert len(apart) == (lost or min(sold, 25))  # HighLevel loses all items of one call
    for one in apart:
        shown = {name: what.stock for name, what in one.vendors.items()}
        assert one.differs == ("stock",)
        assert shown[vendor] != shown["shoplazza"]
        del shown[vendor]
        assert len({*shown.values()} - {None}) == 1
    assert client.run() == len(apart)
    assert differing(sandbox) == []
