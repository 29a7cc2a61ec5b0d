"""The control API as Python objects: sandboxes, their clocks, faults, limits, records and calls."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack
from urllib.parse import quote

from mockserver.client import assertion_messages
from mockserver.client.models import Pattern, Request
from mockserver.client.requests import Requests
from mockserver.client.sandbox import Sandbox, SandboxOptions, written
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


class Client:
    """A server's control API. `requests` are the calls in all its sandboxes.

    It asks over HTTP, or through any other door: `ask(method, path, json or None)` gives status
    and JSON. Refused: the server said no. Unreachable: no server answers.
    """

    def __init__(self, url: str, ask: Ask | None = None, *, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._transport = ask or HttpTransport(url, token)
        self._ask = ControlApi(self._transport)
        self.requests = Requests(self._ask)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what is kept open; asking again opens it again."""
        if isinstance(self._transport, HttpTransport):
            self._transport.close()

    def health(self) -> dict[str, str]:
        """The status of the server, and its version."""
        said: dict[str, str] = self._ask("GET", "/_mock/health")
        return said

    def create(self, name: str | None = None, **wishes: Unpack[SandboxOptions]) -> Sandbox:
        """A new sandbox, or a fork of another. Reset, it is again what it was made with."""
        asked = written({"name": name, **wishes})
        return Sandbox(self._ask, self._ask("POST", "/_mock/sandboxes", asked))

    def load(self, name: str, document: Mapping[str, Any]) -> Sandbox:
        """The sandbox of a name, made what an exported document says."""
        path = f"/_mock/sandboxes/{quote(name, '')}/import"
        return Sandbox(self._ask, self._ask("PUT", path, document))

    def sandbox(self, name: str = "demo") -> Sandbox:
        """A sandbox that there is already."""
        return Sandbox(self._ask, self._ask("GET", f"/_mock/sandboxes/{quote(name, '')}"))

    def sandboxes(self) -> list[Sandbox]:
        return [Sandbox(self._ask, one) for one in self._ask("GET", "/_mock/sandboxes")["sandboxes"]]
