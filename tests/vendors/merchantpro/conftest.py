"""Fixtures for the tests of MerchantPro."""

import httpx
import pytest


@pytest.fixture
def shop(client: httpx.Client) -> httpx.Client:
    """Return a client of a shop in the test's own sandbox."""
    client.headers["Authorization"] = "Basic ZGVtbzpkZW1v"
    return client


@pytest.fixture
def control(shop: httpx.Client, sandbox: str) -> str:
    """Return the path of the test's sandbox in the control API."""
    assert shop.post("/_mock/sandboxes", json={"name": sandbox}).is_success
    return f"/_mock/sandboxes/{sandbox}"
