"""The Python client of the control API: sandboxes, and their clocks, faults, limits, records and calls."""

from collections.abc import Iterator, Mapping
from os import PathLike, environ, fspath
from types import TracebackType
from typing import Any, Self, Unpack
from urllib.parse import quote

from mockserver.client import assertion_messages
from mockserver.client.demo import Demo
from mockserver.client.models import Filter, Pattern, Request, Summary
from mockserver.client.products import ComparedProduct, Product, Products
from mockserver.client.requests import STRAYS, Requests
from mockserver.client.sandbox import Sandbox, SandboxOptions, options_to_json
from mockserver.client.transport import (
    Ask,
    ControlApi,
    HttpTransport,
    Refused,
    Unreachable,
    address_of,
)

__all__ = [
    "Ask",
    "Client",
    "ComparedProduct",
    "Demo",
    "Filter",
    "Pattern",
    "Product",
    "Products",
    "Refused",
    "Request",
    "Requests",
    "Sandbox",
    "SandboxOptions",
    "Summary",
    "Unreachable",
    "assertion_messages",
]

__tracebackhide__ = True  # pytest shows the caller's line, not these
DEFAULT_URL = "http://localhost:8080"
PAGE_SIZE = 1000
# Host and port of each server that a client of this process has called. `intercept` lets calls to them
# through: they are mock servers.
CALLED_SERVERS: set[tuple[str, int]] = set()


class Client:
    """A client of a server's control API. `requests` holds all calls.

    `strays` holds the calls that belong to no sandbox, because their credential is not accepted or no vendor
    has their path. `demo` controls a public demo.

    It sends HTTP requests to `url`, with the admin `token` if there is one. `ca` is the file of the
    certificate authority that an HTTPS server must have. What is not given is read from the environment:
    MOCKSERVER_URL, MOCKSERVER_ADMIN_TOKEN and MOCKSERVER_CA. Without a URL, the server is expected where
    `mockserver serve` listens by default. No proxy is used.

    To use another transport, pass `ask`: a function that takes a method, a path and a JSON body (or None),
    and returns a tuple (status, JSON). Then nothing is read from the environment.

    Raise ValueError if the URL or the file of the certificate authority is not valid. All methods raise
    Refused if the server refuses the request, and Unreachable if no mockserver answers.
    """

    def __init__(
        self,
        url: str | None = None,
        ask: Ask | None = None,
        *,
        token: str | None = None,
        ca: str | PathLike[str] | None = None,
    ) -> None:
        url = url or environ.get("MOCKSERVER_URL") or DEFAULT_URL
        self.url = url.rstrip("/")
        if ask is None:
            token = environ.get("MOCKSERVER_ADMIN_TOKEN") if token is None else token
            ca = environ.get("MOCKSERVER_CA") if ca is None else ca
            ask = HttpTransport(self.url, token or None, fspath(ca) if ca else None)
            if address := address_of(self.url):
                CALLED_SERVERS.add(address)
        self._transport = ask
        self._request = ControlApi(self._transport)
        self.requests, self.strays = Requests(self._request), Requests(self._request, STRAYS)
        self.demo = Demo(self._request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections. The client can still be used: the next request opens a new one."""
        if isinstance(self._transport, HttpTransport):
            self._transport.close()

    def health(self) -> dict[str, str]:
        """Return the server's status and version, as `{"status": "ok", "version": …}`."""
        health: dict[str, str] = self._request("GET", "/_mock/health")
        return health

    def settings(self) -> dict[str, Any]:
        """Return the data that the server begins with, and its limits, as the control API's JSON."""
        settings: dict[str, Any] = self._request("GET", "/_mock/settings")
        return settings

    def create(self, name: str | None = None, **options: Unpack[SandboxOptions]) -> Sandbox:
        """Create a sandbox, or fork another one. Without a name, the server chooses one.

        A later reset returns the sandbox to these options.
        """
        body = options_to_json({"name": name, **options})
        return Sandbox(self._request, self._request("POST", "/_mock/sandboxes", body))

    def load(self, name: str, document: Mapping[str, Any]) -> Sandbox:
        """Import an exported document into a sandbox. Create the sandbox if it does not exist."""
        path = f"/_mock/sandboxes/{quote(name, '')}/import"
        return Sandbox(self._request, self._request("PUT", path, document))

    def sandbox(self, name: str = "demo") -> Sandbox:
        """Return the sandbox with this name. Raise Refused if there is no such sandbox."""
        return Sandbox(self._request, self._request("GET", f"/_mock/sandboxes/{quote(name, '')}"))

    def products(self, *, sku: str | None = None, q: str | None = None) -> Iterator[Product]:
        """Yield the products of the default sandbox, with what each is called at each vendor."""
        return self.sandbox().products(sku=sku, q=q)

    def sandboxes(self) -> list[Sandbox]:
        """Return all sandboxes, sorted by name."""
        found: list[Sandbox] = []
        after: str | None = ""
        while after is not None:
            more = f"&after={quote(after, '')}" if after else ""
            page = self._request("GET", f"/_mock/sandboxes?limit={PAGE_SIZE}{more}")
            found += (Sandbox(self._request, description) for description in page["sandboxes"])
            after = page["next"]
        return found
