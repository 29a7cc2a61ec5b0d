"""One connection to one server: a request, and the answer as it came."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any, Protocol
from urllib.parse import urlsplit

TIMEOUT = 60.0


@dataclass(frozen=True)
class Answer:
    """Status, type and bytes; `body` is what the bytes say. ValueError: they are no JSON."""

    status: int
    content_type: str
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content, parse_float=Decimal)


class Asks(Protocol):
    """Whatever answers requests, over a socket or without one."""

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer: ...


class Client:
    """A connection that is kept open."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer:
        """OSError, HTTPException: there is no answer."""
        self._connection.request(method, target, body or None, dict(headers or {}))
        response = self._connection.getresponse()
        return Answer(response.status, response.getheader("Content-Type", ""), response.read())
