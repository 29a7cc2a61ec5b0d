"""Official SDKs of vendors, unmodified: their base URL is a constant, so they reach the mock as they are."""

import asyncio

import pytest
from highlevel import HighLevel
from highlevel.error import GHLError

import mockserver

LOCATION = "6578278e879ad2646715ba9c"


async def listed(sdk: HighLevel, **asked: object) -> object:
    """A page of inventory, and no connection left."""
    try:
        return await sdk.products.get_list_inventory(LOCATION, "location", **asked)
    finally:
        await sdk.http_client.aclose()


def test_the_python_sdk_of_highlevel_lists_inventory() -> None:
    with mockserver.intercept() as mock:
        page = asyncio.run(listed(HighLevel(private_integration_token=mock.credential), limit=2, offset=1))
        assert page["total"] == {"total": 100}
        assert len(page["inventory"]) == 2
        (call,) = mock.requests
    assert (call.vendor, call.operation, call.status) == ("highlevel", "get-list-inventory", 200)
    assert call.query == {"limit": "2", "offset": "1", "altId": LOCATION, "altType": "location"}


def test_the_python_sdk_of_highlevel_made_before_gets_the_vendors_refusals() -> None:
    sdk = HighLevel(private_integration_token="nobody's")
    with mockserver.intercept(), pytest.raises(GHLError) as refused:
        asyncio.run(listed(sdk))
    assert refused.value.status_code == 401


def test_the_python_sdk_of_highlevel_sees_a_lost_connection_as_a_network_error() -> None:
    with mockserver.intercept() as mock, pytest.raises(GHLError, match="Network error"):
        mock.faults.add("reset")
        asyncio.run(listed(HighLevel(private_integration_token=mock.credential)))
