"""A spec made executable: vendor and spec as one Connexion application.

Connexion loads and checks the spec, finds the operation, and holds the order of the checks:
security, parameters, body, handler. What each of them reads and says is ours, at its public
hooks. It sees a path whose variables are all `0`; request and answer travel beside, so nothing
that a client sends can trip it up.
"""

import logging
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec.structs import replace

from mockserver.contract.exchange import Exchange
from mockserver.contract.openapi.schema import first_difference, floats
from mockserver.contract.openapi.spec import Spec
from mockserver.resources import InvalidFile
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem

with warnings.catch_warnings():
    # Connexion imports Starlette's test client, which has an opinion about httpx.
    warnings.simplefilter("ignore")
    from connexion import ConnexionMiddleware, FlaskApp
    from connexion.context import scope as connexion_scope
    from connexion.datastructures import MediaTypeDict
    from connexion.exceptions import InvalidSpecification
    from connexion.lifecycle import ConnexionResponse
    from connexion.middleware.swagger_ui import SwaggerUIMiddleware
    from connexion.resolver import Resolver

CARRIED = "mockserver.contract.exchange"
HANDS = 10  # how many handlers may run at once: as many as by default
DONE = ConnexionResponse(200, body="")
# Connexion logs what it refuses, in its own words; refusing is what a vendor does all day.
logging.getLogger("connexion").setLevel(logging.CRITICAL)


class ConnexionApp:
    """The application of one vendor. FileBroken: Connexion cannot serve the spec.

    `authenticate` refuses with a Problem who is not let in, `handle` runs the handler of a call
    that has passed every check, `refuse` says what a Problem means to the vendor.
    """

    def __init__(
        self,
        spec: Spec,
        authenticate: Callable[[Call], None],
        handle: Callable[[Exchange], None],
        refuse: Callable[[Problem, Exchange], None],
    ) -> None:
        self._spec, self._authenticate, self._handle, self._refuse = spec, authenticate, handle, refuse
        try:
            self._app = self._application()
        except InvalidSpecification as error:
            raise InvalidFile(f"{spec.file}: {first_difference(error)}") from None
        except Exception as error:  # Connexion reads a spec with many an assumption
            raise InvalidFile(f"{spec.file}: {type(error).__name__}: {error}") from None

    async def take(self, exchange: Exchange) -> None:
        """Answer the visit, or leave in it what failed."""
        await self._app(_scope(exchange), _no_body, _nowhere)

    def stop_threads(self) -> None:
        """End the threads that handlers run in; the next call gets new ones. None may be under way."""
        front = self._app._middleware_app.asgi_app  # who drives Flask; Connexion has no other word for it
        tired, front.executor = front.executor, ThreadPoolExecutor(HANDS)
        tired.shutdown()

    def _application(self) -> FlaskApp:
        middlewares = [m for m in ConnexionMiddleware.default_middlewares if m is not SwaggerUIMiddleware]
        app = FlaskApp(f"mockserver.{self._spec.name}", middlewares=middlewares)
        app.add_error_handler(Problem, self._refusal)
        app.add_error_handler(Exception, _failure)
        app.add_api(
            floats(self._spec.document),
            base_path="",
            resolver=Resolver(self._handler),
            security_map=dict.fromkeys(("basic", "bearer", "apiKey"), self._security()),
            validator_map={
                "parameter": ParameterReader,
                "body": MediaTypeDict({"*/*": BodyReader}),
            },
        )
        return app

    def _security(self) -> type:
        authenticate = self._authenticate

        class Security:
            """Connexion's hook for a security scheme: the vendor's own check, whatever the scheme."""

            def get_fn(self, scheme: Any, scopes: Any) -> Callable[[Any], dict[str, Any]]:
                def check(request: Any) -> dict[str, Any]:
                    authenticate(request.scope[CARRIED].call)
                    return {}

                return check

        return Security

    def _handler(self, operation_id: str) -> Callable[..., ConnexionResponse]:
        def run(**_: Any) -> ConnexionResponse:
            self._handle(connexion_scope[CARRIED])
            return DONE

        return run

    async def _refusal(self, request: Any, problem: Exception) -> ConnexionResponse:
        exchange: Exchange = request.scope[CARRIED]
        assert isinstance(problem, Problem)
        try:
            self._refuse(problem, exchange)
        except Exception as failure:  # Connexion has no answer to an error handler that fails
            exchange.failure = failure
        return DONE


class ParameterReader:
    """Connexion's hook for parameters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def validate(self, scope: Any) -> None:
        exchange: Exchange = scope[CARRIED]
        values = exchange.operation.read(exchange.call.request, exchange.path)
        exchange.call = replace(
            exchange.call, path=values["path"], query=values["query"], headers=values["header"]
        )


class BodyReader:
    """Connexion's hook for the body."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    async def wrap_receive(self, receive: Any, *, scope: Any) -> tuple[Any, Any]:
        exchange: Exchange = scope[CARRIED]
        body = exchange.operation.read_body(exchange.call.request)
        exchange.call = replace(exchange.call, body=body)
        return receive, scope


def _scope(exchange: Exchange) -> dict[str, Any]:
    """An ASGI scope with nothing in it that came from the client."""
    path = "/".join("0" if part.startswith("{") else part for part in exchange.operation.template.split("/"))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": exchange.operation.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"mock"), (b"content-type", b"application/json")],
        "server": ("mock", 80),
        "client": ("127.0.0.1", 0),
        CARRIED: exchange,
    }


async def _failure(request: Any, failure: Exception) -> ConnexionResponse:
    request.scope[CARRIED].failure = failure
    return DONE


async def _no_body() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _nowhere(message: Any) -> None:
    """Connexion's own answer is of no use: the visit holds the vendor's."""
