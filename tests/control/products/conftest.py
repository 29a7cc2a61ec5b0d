"""A sandbox with products that the tests of products share."""

from urllib.parse import quote

import httpx
import pytest


@pytest.fixture
def shop(api: httpx.Client, sandbox: str) -> str:
    """Return the path of a new sandbox with 30 products."""
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 30}).raise_for_status()
    return f"/_mock/sandboxes/{sandbox}"


@pytest.fixture
def lamp(api: httpx.Client, shop: str) -> dict[str, str]:
    """Add a product with 3 pieces in stock at 12.50, and return the path of its record at each vendor."""
    product = {"sku": "LAMP-1", "name": "Lamp", "price": 12.5, "quantity": 3}
    created = api.post(f"{shop}/products", json=product).json()["records"]
    return {
        one["vendor"]: f"{shop}/records/{one['vendor']}/{one['collection']}/{quote(one['key'], '')}"
        for one in created
    }
