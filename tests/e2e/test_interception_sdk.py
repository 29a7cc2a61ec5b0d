"""Vendors' official SDKs, unmodified: their base URL is a constant, but interception reaches the mock."""

import asyncio

import pytest
from highlevel import HighLevel
from highlevel.error import GHLError

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
