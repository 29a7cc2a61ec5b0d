"""Make one vendor into a Connexion application, to test it or to mount it (`mockserver.flask_app`)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from mockserver.app import DEFAULT_PRODUCTS, DEFAULT_SEED, VendorFiles, assemble
from mockserver.contract.connexion_engine.app import FAILURES, FlaskApp, flask_application
from mockserver.contract.connexion_engine.engine import ConnexionEngine
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

    Call its `test_client()` to get Starlette's test client, or mount the application in another ASGI
    application. Do not use the test client of the inner Flask application: it lacks Connexion's context.
    Sandboxes work. Limits, faults, the journal and the control API do not, because they need the server.

    `products` is the number of sellable items. `vendors_from` is a folder with your own vendors. Raise
    UnknownVendor if the vendor does not exist, InvalidFile if one of its files is not valid, ValueError
    if `products` is out of range, and TypeError if `seed` or `products` is not an int.
    """
    files = VendorFiles(vendors_from)
    (name,) = files.choose([vendor])
    mock = assemble((files.contract(name),), Sandboxes(seed, products))
    (contract,) = mock.contracts
    middleware = partial(ExchangeMiddleware, pipeline=mock.application, contract=contract)
    return flask_application(contract, middleware)


class ExchangeMiddleware:
    """A middleware that attaches an exchange to every request. It runs before Connexion's own middleware.

    If a handler fails, Connexion sends the response. This class then logs the failure once.
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
