"""The sandboxes of a server: their names, number, options and memory."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

import mockserver
from mockserver import app
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline import Pipeline
from mockserver.server.router import Router
from mockserver.server.server import serving
from tests.bench import sandboxes

SABI = {"Authorization": "Bearer demo", "tenantId": "a", "userId": "b", "countryCode": "c"}


def test_new_sandbox_is_refused_at_the_maximum() -> None:
    mock = app.build(names=["sabi"])
    sandboxes = Sandboxes(seed=1, products=10, max_sandboxes=2)
    application = Pipeline(Router(mock.contracts, mock.control), sandboxes, Metrics(lambda: 0))
    with serving(application) as url:
        statuses = [
            httpx.get(f"{url}/api/v1/products", headers=SABI | {"X-Mock-Sandbox": name}).status_code
            for name in ("one", "two", "three", "one")
        ]
        refusal = httpx.get(f"{url}/api/v1/products", headers=SABI | {"X-Mock-Sandbox": "three"})
    assert statuses == [200, 200, 503, 200]
    assert refusal.headers["x-mock-error"] == "too_many_sandboxes"


@pytest.mark.parametrize(
    "start",
    [app.build, partial(mockserver.flask_app, "sabi"), mockserver.intercept],
    ids=["build", "flask_app", "intercept"],
)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"products": 0}, ValueError, "products must be from 1 to 10,000,000, not 0"),
        ({"products": -1}, ValueError, "products must be from 1 to 10,000,000, not -1"),
        (
            {"products": 10_000_001},
            ValueError,
            "products must be from 1 to 10,000,000, not 10000001",
        ),
        ({"products": "x"}, TypeError, "products must be a whole number, not 'x'"),
        ({"products": 1.5}, TypeError, "products must be a whole number, not 1.5"),
        ({"seed": -5}, ValueError, "seed must be 0 or more, not -5"),
        ({"seed": "x"}, TypeError, "seed must be a whole number, not 'x'"),
        ({"seed": None}, TypeError, "seed must be a whole number, not None"),
    ],
    ids=str,
)
def test_invalid_seed_or_products_raises_at_once(
    start: Callable[..., object], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        start(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["", "a b", "../x", "ä", "x" * 65])
def test_bad_sandbox_name_is_refused_by_the_mock(base_url: str, name: str) -> None:
    headers = {**SABI, "X-Mock-Sandbox": name.encode()}
    response = httpx.get(f"{base_url}/api/v1/products", headers=headers)
    expected = (200, None) if name == "" else (400, "bad_sandbox_name")
    assert (response.status_code, response.headers.get("x-mock-error")) == expected


def test_memory_of_a_sandbox_does_not_grow_with_the_catalog() -> None:
    assert sandboxes.measure_in_process(products=1_000_000)["bytes"] < 16 * 1024
