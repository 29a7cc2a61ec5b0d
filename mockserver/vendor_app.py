"""One vendor as a Connexion application, to be tested or mounted: `mockserver.flask_app`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from mockserver.app import DEFAULT_PRODUCTS, DEFAULT_SEED, VendorFiles, assemble
from mockserver.contract.connexion_engine.app import FlaskApp, flask_application
from mockserver.contract.connexion_engine.engine import ConnexionEngine
from mockserver.contract.connexion_engine.error_handlers import FAILURES
from mockserver.contract.connexion_engine.hooks import EXCHANGE, normal_headers
from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.http.asgi import Connection, Receive, Send
from mockserver.server.http.raw_request import raw_request_of
from mockserver.server.http.response_writer import send_response
from mockserver.server.pipeline import Pipeline, mock_error_of


def flask_app(
    vendor: str,
    seed: int = DEFAULT_SEED,
    products: int = DEFAULT_PRODUCTS,
    *,
    vendors_from: Path | None = None,
) -> FlaskApp:
    """Return a vendor as a `connexion.FlaskApp` with sandboxes of its own.

    Use its `test_client()`, which is Starlette's, or mount it in another ASGI application. The test
    client of the inner Flask application cannot work, because Connexion's context is missing there.
    Sandboxes work; limits, faults, journal and control API are the server's, and do not.

    `products` is the number of sellable items. `vendors_from` is a folder with vendors of your own.
    Raise UnknownVendor; InvalidFile if a file of the vendor is wrong; ValueError if `products` is out of
    range; TypeError if `seed` or `products` is not an int.
    """
    files = VendorFiles(vendors_from)
    (name,) = files.choose([vendor])
    mock = assemble((files.contract(name),), Sandboxes(seed, products))
    (contract,) = mock.contracts
    middleware = partial(ExchangeMiddleware, pipeline=mock.application, contract=contract)
    return flask_application(contract, middleware)


class ExchangeMiddleware:
    """Stands in front of Connexion's middleware, and gives every request its exchange.

    A failure is logged here, once; Connexion has answered it already.
    """

    def __init__(self, app: Any, pipeline: Pipeline, contract: Contract) -> None:
        self._app, self._pipeline, self._contract = app, pipeline, contract

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            exchange = self._open(scope)
        except Exception as error:
            return await send_response(mock_error_of(error).response(), Connection(scope, receive, send))
        failures: list[Exception] = []
        ours = {"headers": normal_headers(scope["headers"]), EXCHANGE: exchange, FAILURES: failures}
        await self._app({"extensions": {}, **scope, **ours}, receive, send)
        for failure in failures:
            mock_error_of(failure)

    def _open(self, scope: Mapping[str, Any]) -> Exchange:
        raw = raw_request_of(scope)
        route = self._pipeline.router.route_within(self._contract, raw)
        exchange = self._pipeline.open(route, raw, perf_counter())
        exchange.engine = ConnexionEngine.name
        return exchange
