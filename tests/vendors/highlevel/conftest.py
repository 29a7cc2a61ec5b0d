"""The client of HighLevel that its tests share."""

from collections.abc import Callable

import httpx
import pytest

from tests.vendors.highlevel.shop import Shop


@pytest.fixture
def shop(new_client: Callable[..., httpx.Client], sandbox: str) -> Shop:
    """Return a client of products, prices and inventory, in the test's own sandbox."""
    headers = {"Authorization": f"Bearer sbx_{sandbox}", "Version": "2021-07-28"}
    return Shop(new_client(headers=headers), sandbox)
