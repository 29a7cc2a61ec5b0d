"""Vendors' official SDKs, unmodified: their base URL is a constant, but interception reaches the mock."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from highlevel import HighLevel
from highlevel.error import GHLError
from highlevel.storage import MemorySessionStorage

import mockserver

LOCATION = "6578278e879ad2646715ba9c"


async def list_inventory(sdk: HighLevel, **query: object) -> object:
    """Return a page of inventory, and close the SDK's connections."""
    try:
        return await sdk.products.get_list_inventory(LOCATION, "location", **query)
    finally:
        await sdk.http_client.aclose()


def test_highlevel_sdk_lists_inventory() -> None:
    with mockserver.intercept() as mock:
        sdk = HighLevel(private_integration_token=mock.credential)
        page = asyncio.run(list_inventory(sdk, limit=2, offset=1))
        assert page["total"] == {"total": 100}
        assert len(page["inventory"]) == 2
        (call,) = mock.requests
    assert (call.vendor, call.operation, call.status) == ("highlevel", "get-list-inventory", 200)
    assert call.query == {"limit": "2", "offset": "1", "altId": LOCATION, "altType": "location"}


def test_highlevel_sdk_created_before_the_block_is_intercepted() -> None:
    sdk = HighLevel(private_integration_token="nobody's")
    with mockserver.intercept(), pytest.raises(GHLError) as refused:
        asyncio.run(list_inventory(sdk))
    assert refused.value.status_code == 401


def test_highlevel_sdk_reports_a_reset_as_a_network_error() -> None:
    with mockserver.intercept() as mock, pytest.raises(GHLError, match="Network error"):
        mock.faults.add("reset")
        asyncio.run(list_inventory(HighLevel(private_integration_token=mock.credential)))


TOTALS = {"documented": {"total": 100}, "observed": [{"total": 100}]}
APP = "6578278e879ad2646715ba9c-lq2v8f3d"
# The SDK finds a stored token by the location. In calls with `altId`, only a header tells it the location.
HERE: dict[str, Any] = {"headers": {"x-location-id": LOCATION}}


class Sessions(MemorySessionStorage):
    """A storage of the app's own, which drops the old tokens when the SDK has refreshed them.

    Version 3.0.0 of the SDK merges the new tokens, named in camelCase, into the session, and goes on to read
    the old ones, named in snake_case. So with its own storage it sends an expired token in the next call.
    """

    async def set_session(self, resource_id: str, session_data: Any) -> None:
        if "accessToken" in session_data:
            session_data = {name: one for name, one in session_data.items() if "_token" not in name}
        await super().set_session(resource_id, session_data)


async def install(secret: str) -> HighLevel:
    """Return the SDK of an app that a location has installed: it holds the tokens for the location."""
    sdk = HighLevel(client_id=APP, client_secret=secret, session_storage=Sessions())
    body = {"client_id": APP, "client_secret": secret, "grant_type": "authorization_code", "code": "a code",
            "user_type": "Location"}  # fmt: skip
    await sdk.session_storage.set_session(LOCATION, await sdk.oauth.get_access_token(body))
    return sdk


async def sync(sdk: HighLevel, quantity: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Find a price by the list of products, write its stock, and return it and its item in the inventory."""
    products = await sdk.products.list_invoices(LOCATION, limit=20, sort_order="desc")
    assert products["total"] == [{"total": 41}]
    product = products["products"][0]["_id"]
    prices = await sdk.products.list_prices_for_product(product, LOCATION)
    price = prices["prices"][prices["total"] - 1]["_id"]
    items = [{"priceId": price, "availableQuantity": quantity}]
    body: Any = {"altId": LOCATION, "altType": "location", "items": items}
    assert (await sdk.products.update_inventory(body, HERE))["status"] is True
    page: Any = await sdk.products.get_list_inventory(LOCATION, "location", limit=0, options=HERE)
    return await sdk.products.get_price_by_id_for_product(product, price, LOCATION), page


@pytest.mark.parametrize("dialect", TOTALS)
@pytest.mark.parametrize("installed", [True, False], ids=["app", "private integration"])
def test_highlevel_sdk_writes_stock_and_reads_it_back(dialect: str, installed: bool) -> None:
    async def run(mock: mockserver.Sandbox) -> tuple[dict[str, Any], dict[str, Any]]:
        token = mock.credential
        sdk = await install(token) if installed else HighLevel(private_integration_token=token)
        try:
            return await sync(sdk, 123)
        finally:
            await sdk.http_client.aclose()

    with mockserver.intercept() as mock:
        mock.set_dialect(dialect)
        price, page = asyncio.run(run(mock))
        assert not [call.remarks for call in mock.requests if call.remarks]
    (item,) = (item for item in page["inventory"] if item["_id"] == price["_id"])
    assert (price["availableQuantity"], item["availableQuantity"]) == (123, 123)
    assert price["updatedAt"] == item["updatedAt"]
    assert page["total"] == TOTALS[dialect]


@pytest.mark.parametrize("dialect", TOTALS)
def test_highlevel_sdk_refreshes_its_tokens_by_the_clock_of_the_sandbox(dialect: str) -> None:
    async def run(mock: mockserver.Sandbox) -> None:
        sdk = await install(mock.credential)
        try:
            for day in range(3):
                price, _ = await sync(sdk, day)
                assert price["availableQuantity"] == day
                mock.clock.advance(timedelta(days=1))
        finally:
            await sdk.http_client.aclose()

    with mockserver.intercept() as mock:
        mock.set_dialect(dialect)
        asyncio.run(run(mock))
        calls = [(call.operation, call.status) for call in mock.requests]
    refresh = [("list-invoices", 401), ("get-access-token", 200), ("list-invoices", 200)]
    assert [call for call in calls if call[0] in ("list-invoices", "get-access-token")] == [
        ("get-access-token", 200), ("list-invoices", 200), *refresh, *refresh,
    ]  # fmt: skip
    assert {status for operation, status in calls if operation == "update-inventory"} == {201}
