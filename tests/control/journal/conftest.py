"""Fixtures and helpers for tests of the journal operations."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

AUTH = ("demo", "")
WASHER = "/api/v2/inventory/id/10001"
PostQuery = Callable[..., httpx.Response]


@pytest.fixture
def control_client(base_url: str) -> Iterator[httpx.Client]:
    """Yield an HTTP client with the base URL /_mock."""
    with httpx.Client(base_url=f"{base_url}/_mock") as http_client:
        yield http_client


@pytest.fixture
def post_query(control_client: httpx.Client) -> PostQuery:
    """Return a function that posts its keyword arguments as JSON to /_mock/requests/{action}."""

    def post(action: str, **body: Any) -> httpx.Response:
        return control_client.post(f"/requests/{action}", json=body)

    return post


def entries(control_client: httpx.Client, sandbox: str, **filters: Any) -> list[dict[str, Any]]:
    """Return the entries of a sandbox's journal that pass the filters, oldest first."""
    response = control_client.get("/requests", params={"sandbox": sandbox, "limit": 1000, **filters})
    assert response.status_code == 200, response.text
    return response.json()["requests"]
