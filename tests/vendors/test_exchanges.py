"""The exchanges in the fixture files: each request gets exactly the documented answer."""

from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.contract.openapi.spec import Spec
from mockserver.resources import fixture_file, read
from tests.conftest import exact

EXCHANGES = {
    (vendor, exchange["name"]): exchange
    for vendor in app.vendor_names()
    for exchange in read(fixture_file(vendor))["exchanges"]
}


def send(client: httpx.Client, exchange: dict[str, Any]) -> httpx.Response:
    method, target = exchange["request"].split(" ", 1)
    return client.request(method, target, headers=exchange.get("headers"), content=exchange.get("body"))


@pytest.mark.parametrize(("vendor", "name"), EXCHANGES, ids=lambda part: part)
def test_documented_exchange_matches_exactly(client: httpx.Client, vendor: str, name: str) -> None:
    exchange = EXCHANGES[vendor, name]
    for earlier in exchange.get("given", []):
        assert send(client, EXCHANGES[vendor, earlier]).is_success
    response = send(client, exchange)
    assert response.status_code == exchange["status"], response.text
    assert response.headers["content-type"].startswith("application/json")
    assert without_trace_id(exact(response.text)) == exact(exchange["response"])


def without_trace_id(body: Any) -> Any:
    """Return a body with its trace id, which is random, replaced by `*` as in the fixtures."""
    return [(k, "*" if k == "traceId" else v) for k, v in body] if isinstance(body, list) else body


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_every_documented_status_has_an_exchange(vendor: str) -> None:
    spec = Spec(vendor)
    elsewhere = {408, 413}  # need a slow or a large request: see tests/e2e/test_hostile.py
    elsewhere |= {429}  # needs rate limits: see test_rate_limits.py
    documented = {status for op in spec.operations.values() for status in op.responses} | set(
        spec.shared_responses
    )
    covered = {exchange["status"] for (name, _), exchange in EXCHANGES.items() if name == vendor}
    assert documented - elsewhere == covered
