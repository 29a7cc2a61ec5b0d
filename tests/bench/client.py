"""An HTTP client with one connection to one server."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any, Protocol
from urllib.parse import urlsplit

TIMEOUT = 60.0  # seconds


@dataclass(frozen=True)
class Response:
    """A response: its status, Content-Type and bytes."""

    status: int
    content_type: str
    content: bytes

    @property
    def body(self) -> Any:
        """Return the parsed JSON, with decimals for floats. Raise ValueError if it is not JSON."""
        return json.loads(self.content, parse_float=Decimal)


class Sender(Protocol):
    """Anything that sends requests, over a socket or in process."""

    def send(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Response: ...


class Client:
    """An HTTP client that keeps one connection open."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def send(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Response:
        """Send a request and return the response. Raise OSError or HTTPException if no response comes."""
        self._connection.request(method, target, body or None, dict(headers or {}))
        response = self._connection.getresponse()
        return Response(response.status, response.getheader("Content-Type", ""), response.read())
