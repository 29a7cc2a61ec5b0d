"""Make one vendor into a Connexion application, to test it or to mount it (`mockserver.flask_app`)."""

from collections.abc import Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from time import perf_counter
from typing import Any

from mockserver.app import DEFAULT_PRODUCTS, DEFAULT_SEED, VendorFiles, assemble, begin_in_dialect
from mockserver.contract.connexion_engine.app import FlaskApp, flask_application
from mockserver.contract.connexion_engine.engine import ConnexionEngine
from mockserver.contract.connexion_engine.error_handlers import FAILURES, Failures
from mockserver.contract.connexion_engine.hooks import EXCHANGE, normal_headers, path_for_connexion
from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.http.asgi import Connection, Receive, Send
from mockserver.server.http.body import ClientGone
from mockserver.server.http.cors import cors_headers, with_cors
from mockserver.server.http.errors import mock_error_of
from mockserver.server.http.raw_request import raw_request_of
from mockserver.server.http.response_writer import send_response
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.vendor_api.failure import UNEXPECTED


def flask_app(
    vendor: str,
    seed: int = DEFAULT_SEED,
    products: int = DEFAULT_PRODUCTS,
    *,
    vendors_from: str | PathLike[str] | None = None,
    dialect: str = "documented",
) -> FlaskApp:
    """Return a vendor as a `connexion.FlaskApp` with sandboxes of its own.

    Call its `test_client()` to get Starlette's test client, or mount the application in another ASGI
    application. Do not use the test client of the inner Flask application: it lacks Connexion's context.
    Sandboxes work. Limits, faults, the journal and the control API do not, because they need the server.

    `products` is the number of sellable items. `vendors_from` is a folder with your own vendors. `dialect` is
    `documented` or `observed`. Raise UnknownVendor if the vendor does not exist, InvalidFile if one of its
    files is not valid, ValueError if `products` is out of range or there is no such dialect, and TypeError if
    `seed` or `products` is not an int.
    """
    files = VendorFiles(Path(vendors_from) if vendors_from else None)
    (name,) = files.choose([vendor])
    mock = assemble((files.contract(name),), Sandboxes(seed, products))
    begin_in_dialect(dialect, mock.sandboxes, mock.contracts)
    (contract,) = mock.contracts
    middleware = partial(ExchangeMiddleware, pipeline=mock.application, contract=contract)
    return flask_application(contract.in_dialect(mock.sandboxes.initial.dialects.of(name)), middleware)


class ExchangeMiddleware:
    """A middleware before Connexion's own: attaches an exchange to every request, and reads its body.

    As on the server, it answers OPTIONS, unknown paths and methods, and bodies that are late or too large.
    Connexion does not see them. If a handler fails, this class logs the failure once.
    """

    def __init__(self, app: Any, pipeline: Pipeline, contract: Contract) -> None:
        self._app, self._pipeline, self._contract = app, pipeline, contract

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(Connection(scope, receive, send))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, connection: Connection) -> None:
        pipeline = self._pipeline
        try:
            exchange = self._open(connection.scope)
        except UNEXPECTED as error:
            return await send_response(mock_error_of(error).response(), connection)
        try:
            operation = pipeline.check_target(exchange)
            if operation and operation.body:
                await pipeline.receive_body(exchange, connection)
        except ClientGone:
            return
        except UNEXPECTED as error:
            pipeline.fail(exchange, error)
        if exchange.response is None:
            failures = await self._pass_on(exchange, connection)
            if not failures:
                return
            failure, traceback = failures[0]
            pipeline.fail(exchange, failure.with_traceback(traceback))
        assert exchange.response is not None
        await send_response(with_cors(exchange.raw, exchange.response), connection)

    def _open(self, scope: Mapping[str, Any]) -> Exchange:
        raw = raw_request_of(scope)
        route = self._pipeline.router.route_within(self._contract, raw)
        exchange = self._pipeline.open(route, raw, perf_counter())
        exchange.engine = ConnexionEngine.name
        return exchange

    async def _pass_on(self, exchange: Exchange, connection: Connection) -> Failures:
        """Let Connexion answer. Return its failures; if there is one, nothing has been sent."""
        failures = Failures()
        bodies = [exchange.request.body] if exchange.operation and exchange.operation.body else []
        cors = cors_headers(exchange.raw.method, exchange.raw.headers)

        async def receive() -> Mapping[str, Any]:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            return await connection.receive()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in cors]
                message = {**message, "headers": [*message["headers"], *lines]}
            if not failures:
                await connection.send(message)

        headers = normal_headers(connection.scope["headers"])
        path = path_for_connexion(exchange, connection.scope["path"])
        ours = {"headers": headers, "path": path, EXCHANGE: exchange, FAILURES: failures}
        await self._app({"extensions": {}, **connection.scope, **ours}, receive, send)
        return failures
