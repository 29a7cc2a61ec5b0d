"""The engine `connexion`: it passes each request to the vendor's Connexion application."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from mockserver.contract.connexion_engine.app import FlaskApp, flask_application
from mockserver.contract.connexion_engine.error_handlers import FAILURES, Failures
from mockserver.contract.connexion_engine.hooks import EXCHANGE, normal_headers, path_for_connexion
from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response


class ConnexionEngine:
    """The engine that uses Connexion, with one application for each vendor and dialect.

    Creating it raises InvalidFile if Connexion cannot serve a spec.
    """

    name = "connexion"

    def __init__(self, contracts: Mapping[str, Contract]) -> None:
        self._apps = {contract: flask_application(contract) for contract in contracts.values()}

    def answer(self, exchange: Exchange) -> Callable[[], Awaitable[None]]:
        """Return an async function that lets Connexion answer the exchange."""
        exchange.engine = self.name
        app = self._apps.get(exchange.contract)
        if app is None:  # of another dialect, which is made when it is first used
            app = self._apps[exchange.contract] = flask_application(exchange.contract)
        return partial(_answer, app, exchange)

    def close(self) -> None:
        """Do nothing, because Connexion ends its threads itself."""


async def _answer(app: FlaskApp, exchange: Exchange) -> None:
    """Pass the request of an exchange to an application, and store the response in the exchange."""
    request, failures = exchange.request, Failures()
    messages: list[dict[str, Any]] = []
    path = path_for_connexion(exchange, request.target.partition("?")[0])
    # The client may announce a body that the server has not read. Connexion must not wait for it.
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in request.headers.items()
        if name not in ("content-length", "transfer-encoding")
    ]
    headers.append((b"content-length", str(len(request.body)).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if request.method == "HEAD" else request.method,
        "scheme": request.scheme,
        "path": unquote(path, errors="replace"),
        "raw_path": path.encode("latin-1"),
        "root_path": "",
        "query_string": request.query.encode("latin-1"),
        "headers": normal_headers(headers),
        "server": ("127.0.0.1", 80),
        "client": (exchange.raw.peer, 0),
        "extensions": {},
        EXCHANGE: exchange,
        FAILURES: failures,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    for failure, traceback in failures:
        raise failure.with_traceback(traceback)
    exchange.response = _response_of(messages, exchange.response)


def _response_of(messages: list[dict[str, Any]], written: Response | None) -> Response:
    """Return a response with the status and the body of ASGI messages.

    The headers are those of `written`, the response that the vendor's code has made. If it has made none,
    they are the messages' own.
    """
    start, *rest = messages
    if written is not None:
        headers = written.headers
    else:
        lines = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
        headers = tuple((name, value) for name, value in lines if name.lower() != "content-length")
    return Response(start["status"], headers, b"".join(message.get("body", b"") for message in rest))
