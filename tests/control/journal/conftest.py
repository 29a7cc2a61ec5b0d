"""Fixtures and helpers for tests of the journal operations."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import NO_CERTIFICATES, TIMEOUT

AUTH = ("demo", "")
WASHER = "/api/v2/inventory/id/10001"
PostQuery = Callable[..., httpx.Response]


@pytest.fixture
def control_client(base_url: str) -> Iterator[httpx.Client]:
    """Yield an HTTP client with the base URL /_mock."""
    with httpx.Client(base_url=f"{base_url}/_mock", verify=NO_CERTIFICATES, timeout=TIMEOUT) as http_client:
        yield http_client


@pytest.fixture
def post_query(control_client: httpx.Client) -> PostQuery:
    """Return a function that posts its keyword arguments as JSON to /_mock/requests/{action}."""

    def post(action: str, **body: Any) -> httpx.Response:
        return control_client.post(f"/requests/{action}", json=body)

    return post


def entries(control_client: httpx.Client, sandbox: str, **pattern: Any) -> list[dict[str, Any]]:
    """Return the entries of a sandbox's journal that match a pattern, oldest first."""
    response = control_client.post("/requests/find", json={"sandbox": sandbox, "limit": 1000, **pattern})
    assert response.status_code == 200, response.text
    assert response.json()["next"] is None
    return response.json()["requests"]


def summaries(control_client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """Return a page of calls in short, newest first."""
    response = control_client.get("/requests", params=query)
    assert response.status_code == 200, response.text
    return response.json()["requests"]


def marked(control: httpx.Client, marker: str) -> dict[str, Any]:
    """Return the latest call with this marker as a header, explained, from whatever journal."""
    found = control.post("/requests/find", json={"headers": {"x-marker": marker}}).json()["requests"]
    return control.get(f"/requests/{found[-1]['id']}").json()  # type: ignore[no-any-return]


def sent_again(control: httpx.Client, call: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = control.post(f"/requests/{call['id']}/send", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]
