"""The exchanges in the fixture files: each request gets exactly the documented answer."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from mockserver import app
from mockserver.contract.fixture_exchanges import FixtureExchange, fixture_exchanges
from mockserver.contract.vendor_files import VendorFiles

FILES = VendorFiles()
EXCHANGES = {
    (vendor, name): exchange
    for vendor in app.vendor_names()
    for name, exchange in fixture_exchanges(FILES.fixture_file(vendor)).items()
}


def send(client: httpx.Client, exchange: FixtureExchange) -> httpx.Response:
    return client.request(exchange.method, exchange.target, headers=exchange.headers, content=exchange.body)


@contextmanager
def dialect_of_sandboxes(client: httpx.Client, dialect: str) -> Iterator[None]:
    """Let the test's sandbox speak a dialect, and the default one: calls without a credential get that."""
    if dialect == "documented":
        yield
        return
    wanted = {"name": client.headers["X-Mock-Sandbox"], "dialect": dialect}
    assert client.post("/_mock/sandboxes", json=wanted).is_success
    assert client.put("/_mock/sandboxes/demo/dialect", json={"dialect": dialect}).is_success
    try:
        yield
    finally:
        assert client.put("/_mock/sandboxes/demo/dialect", json={"dialect": "documented"}).is_success


@pytest.mark.parametrize(("vendor", "name"), EXCHANGES, ids=lambda part: part)
def test_documented_exchange_matches_exactly(client: httpx.Client, vendor: str, name: str) -> None:
    exchange = EXCHANGES[vendor, name]
    with dialect_of_sandboxes(client, exchange.dialect):
        for earlier in exchange.given:
            assert send(client, EXCHANGES[vendor, earlier]).is_success
        response = send(client, exchange)
    assert exchange.accepts(response.status_code, response.text), response.text
    assert not response.content or response.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_every_documented_status_has_an_exchange(vendor: str) -> None:
    spec = FILES.spec(vendor).observed  # has the statuses of both dialects
    elsewhere = {408, 413}  # need a slow or a large request: see tests/e2e/test_hostile.py
    elsewhere |= {429}  # needs rate limits: see test_rate_limits.py
    documented = {status for op in spec.operations.values() for status in op.responses} | set(
        spec.shared_responses
    )
    covered = {exchange.status for (name, _), exchange in EXCHANGES.items() if name == vendor}
    assert documented - elsewhere == covered
