"""A client of HighLevel's products, prices and inventory, in a sandbox whose clock stands still."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

LOCATION = "6578278e879ad2646715ba9c"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Shop:
    """Calls of one client. `now` is the time by the sandbox's clock, as the vendor writes it."""

    now, seconds = "2026-05-04T12:00:00.000Z", int(NOON.timestamp())

    def __init__(self, api: httpx.Client, sandbox: str) -> None:
        self.api, self._control = api, f"/_mock/sandboxes/{sandbox}"
        self.api.post("/_mock/sandboxes", json={"name": sandbox}).raise_for_status()
        self.clock(action="freeze", instant=NOON.isoformat())

    def clock(self, **change: Any) -> None:
        self.api.put(f"{self._control}/clock", json=change).raise_for_status()

    def reset(self) -> None:
        """Begin again, at noon."""
        self.api.post(f"{self._control}/reset").raise_for_status()
        self.clock(action="freeze", instant=NOON.isoformat())

    def edit_record(self, collection: str, key: str, **fields: Any) -> None:
        """Change a record by the control API."""
        path = f"{self._control}/records/highlevel/{collection}/{key}"
        self.api.patch(path, json=fields).raise_for_status()

    def revert_record(self, collection: str, key: str) -> None:
        """Give a record its first value, by the control API."""
        path = f"{self._control}/records/highlevel/{collection}/{key}/revert"
        self.api.post(path).raise_for_status()

    def replace_record(self, collection: str, key: str, change: Callable[[dict[str, Any]], Any]) -> None:
        """Put a record after a function has changed it, by the control API."""
        path = f"{self._control}/records/highlevel/{collection}/{key}"
        record = self.api.get(path).json()
        change(record)
        self.api.put(path, json=record).raise_for_status()

    def add_everywhere(self, **product: Any) -> None:
        """Add a product at all vendors, by the control API."""
        self.api.post(f"{self._control}/products", json=product).raise_for_status()

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.api.get(path, params=query)

    def put(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.api.put(path, json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.api.delete(path, params={"locationId": LOCATION})

    def inventory(self, **query: Any) -> list[dict[str, Any]]:
        return list(
            self._json("/products/inventory", altId=LOCATION, altType="location", **query)["inventory"]
        )

    def products(self, **query: Any) -> list[dict[str, Any]]:
        return list(self._json("/products/", locationId=LOCATION, **query)["products"])

    def product(self, product_id: str) -> dict[str, Any]:
        return self._json(f"/products/{product_id}", locationId=LOCATION)

    def prices(self, product_id: str, **query: Any) -> list[dict[str, Any]]:
        return list(self._json(f"/products/{product_id}/price", locationId=LOCATION, **query)["prices"])

    def price(self, product_id: str, price_id: str) -> dict[str, Any]:
        return self._json(f"/products/{product_id}/price/{price_id}", locationId=LOCATION)

    def created(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a product, and return it."""
        response = self.api.post("/products/", json=body)
        assert response.status_code == 201, response.text
        return dict(response.json())

    def create_price(self, product_id: str, **fields: Any) -> dict[str, Any]:
        """Create a price, and return it."""
        body = {"name": "New", "type": "one_time", "currency": "USD", "amount": 5, "locationId": LOCATION}
        response = self.api.post(f"/products/{product_id}/price", json=body | fields)
        assert response.status_code == 201, response.text
        return dict(response.json())

    def write(self, items: list[Any]) -> httpx.Response:
        """Write stock."""
        body = {"altId": LOCATION, "altType": "location", "items": items}
        return self.api.post("/products/inventory", json=body)

    def _json(self, path: str, **query: Any) -> dict[str, Any]:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        return dict(response.json())
