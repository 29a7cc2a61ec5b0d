"""Fixtures for the tests of Shoplazza: a client with the token, and control of the sandbox that it uses."""

from typing import Any

import httpx
import pytest

V1, V2 = "/openapi/2022-01", "/openapi/2026-01"
PAGE_PRODUCT, PAGE_VARIANT = "f854e9a2-986d-4e2b-9df0-8e4c139ae80e", "5723299f-238a-4491-8b42-a187462e748a"


@pytest.fixture
def shop(client: httpx.Client) -> httpx.Client:
    client.headers.update({"access-token": "demo"})
    return client


class Control:
    """The control API for one sandbox."""

    def __init__(self, client: httpx.Client, sandbox: str) -> None:
        self._client, self._path = client, f"/_mock/sandboxes/{sandbox}"

    def _send(self, method: str, path: str, **options: Any) -> None:
        response = self._client.request(method, self._path + path, **options)
        assert response.is_success, response.text

    def delete(self, collection: str, key: str) -> None:
        self._send("DELETE", f"/records/shoplazza/{collection}/{key}")

    def put(self, collection: str, key: str, record: Any) -> None:
        self._send("PUT", f"/records/shoplazza/{collection}/{key}", json=record)

    def edit(self, collection: str, key: str, fields: Any) -> None:
        self._send("PATCH", f"/records/shoplazza/{collection}/{key}", json=fields)

    def add_product(self, name: str, sku: str, **more: Any) -> None:
        self._send("POST", "/products", json={"name": name, "sku": sku, **more})

    def freeze(self, time: str) -> None:
        self._send("PUT", "/clock", json={"action": "freeze", "instant": time})


@pytest.fixture
def control(client: httpx.Client, sandbox: str) -> Control:
    client.post("/_mock/sandboxes", json={"name": sandbox}).raise_for_status()
    return Control(client, sandbox)


def every(shop: httpx.Client, path: str, name: str, **query: Any) -> list[dict[str, Any]]:
    """Return the records of all pages of a list."""
    found: list[dict[str, Any]] = []
    for _ in range(1000):
        response = shop.get(path, params=query)
        assert response.status_code == 200, response.text
        page = response.json().get("data", response.json())
        found += page[name]
        if not page["cursor"]:
            return found
        query["cursor"] = page["cursor"]
    raise AssertionError("the list does not end")
