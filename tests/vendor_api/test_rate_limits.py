"""What is bounded, and what happens at the bound; rate limits as values."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.catalog.catalog import MAX_VARIANTS
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline import Pipeline
from mockserver.server.server import serving
from mockserver.vendor_api.rate_limits import MAX_COUNTS, LeakyBucket, Limits, Window
from tests.bench import sandboxes

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SABI = {"Authorization": "Bearer demo", "tenantId": "a", "userId": "b", "countryCode": "c"}


def test_a_page_of_sabi_holds_at_most_a_hundred() -> None:
    with serving(app.build(products=101, names=["sabi"]).application) as url:
        body = httpx.get(f"{url}/api/v1/products?limit=1000", headers=SABI).json()
    assert (len(body["products"]), body["totalItems"], body["totalPages"]) == (100, 101, 2)


def test_one_sandbox_too_many_is_refused_and_the_others_go_on() -> None:
    mock = app.build(names=["sabi"])
    application = Pipeline(
        mock.contracts, Sandboxes(seed=1, products=10, most=2), mock.control, Metrics(lambda: 0)
    )
    with serving(application) as url:
        statuses = [
            httpx.get(f"{url}/api/v1/products", headers=SABI | {"X-Mock-Sandbox": name}).status_code
            for name in ("one", "two", "three", "one")
        ]
        refusal = httpx.get(f"{url}/api/v1/products", headers=SABI | {"X-Mock-Sandbox": "three"})
    assert statuses == [200, 200, 503, 200]
    assert refusal.headers["x-mock-error"] == "too_many_sandboxes"


@pytest.mark.parametrize("products", [0, -1, MAX_VARIANTS + 2])
def test_a_size_that_cannot_be_is_refused(products: int) -> None:
    with pytest.raises(ValueError, match="a catalogue has 0 to"):
        app.build(products=products)


@pytest.mark.parametrize("name", ["", "a b", "../x", "ä", "x" * 65])
def test_a_bad_sandbox_name_is_the_mocks_own_400(base_url: str, name: str) -> None:
    headers = {**SABI, "X-Mock-Sandbox": name.encode()}
    response = httpx.get(f"{base_url}/api/v1/products", headers=headers)
    expected = (200, None) if name == "" else (400, "bad_sandbox_name")
    assert (response.status_code, response.headers.get("x-mock-error")) == expected


def test_a_sandbox_costs_little_however_large_the_catalogue() -> None:
    assert sandboxes.measure_in_process(products=1_000_000)["bytes"] < 16 * 1024


@pytest.mark.parametrize("make", [Window, LeakyBucket], ids=["window", "bucket"])
def test_a_clock_that_is_set_back_neither_breaks_nor_fills_anything(make: Callable[..., Any]) -> None:
    limit = make("x", 10, 3) if make is Window else make("x", 3, 10)
    limits, left = Limits(enabled=True), []
    for moment in (NOON, NOON - timedelta(days=400), NOON - timedelta(days=400), NOON):
        limits, counted = limits.count("acme", (limit,), {}, moment)
        left.append((counted.statuses["x"].left, counted.refused))
    assert left == ([(2, False), (2, False), (1, False), (2, False)] if make is Window else
                    [(2, False), (1, False), (0, False), (2, False)])  # fmt: skip


def test_what_is_remembered_is_bounded() -> None:
    limits, window = Limits(enabled=True), Window("x", 60, 1)
    for number in range(MAX_COUNTS + 10):
        client = {"credential": f"{number} " + "x" * 1000}
        limits, _ = limits.count("acme", (window,), client, NOON + timedelta(microseconds=number))
    assert len(limits.counts) == MAX_COUNTS
    assert max(len("".join(key)) for key in limits.counts) < 120
