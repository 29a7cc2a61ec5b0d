"""The Python client of the control API: sandboxes, and their clocks, faults, limits, records and calls."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack
from urllib.parse import quote

from mockserver.client import assertion_messages
from mockserver.client.models import Pattern, Request
from mockserver.client.requests import Requests
from mockserver.client.sandbox import Sandbox, SandboxOptions, options_to_json
from mockserver.client.transport import Ask, ControlApi, HttpTransport, Refused, Unreachable

__all__ = [
    "Ask",
    "Client",
    "Pattern",
    "Refused",
    "Request",
    "Requests",
    "Sandbox",
    "SandboxOptions",
    "Unreachable",
    "assertion_messages",
]


PAGE_SIZE = 1000


class Client:
    """A client of a server's control API. `requests` holds the calls in all sandboxes.

    It sends HTTP requests to `url`, with the admin `token` if there is one. To use another transport,
    pass `ask`: a function that takes a method, a path and a JSON body (or None), and returns a tuple
    (status, JSON). All methods raise Refused if the server refuses the request, and Unreachable if no
    mockserver answers.
    """

    def __init__(self, url: str, ask: Ask | None = None, *, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._transport = ask or HttpTransport(url, token)
        self._request = ControlApi(self._transport)
        self.requests = Requests(self._request)

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
