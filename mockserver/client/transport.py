"""The usual way to the control API: HTTP over connections that are kept, from any thread."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

Ask = Callable[[str, str, Any], tuple[int, Any]]
Sent = tuple[str, str, bytes | None, dict[str, str]]
TIMEOUT = 75.0  # the longest wait that the control API takes on is 60 seconds


class Unreachable(ConnectionError):
    """Nothing answers at the URL, or nothing that is a mockserver."""


class Refused(Exception):
    """The control API refused: its status, its code (`missing`, `invalid`, …), and what it said."""

    def __init__(self, status: int, said: Mapping[str, Any]) -> None:
        super().__init__(said["message"])
        self.status, self.code, self.said = status, str(said["error"]), said


class HttpTransport:
    """Asks the server at a URL. Without a token, control answers only on loopback."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"} if token else {}
        self._connect = _connecting(url)
        self._idle: deque[HTTPConnection] = deque()

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status, and the answer's JSON, or its text if it is none."""
        headers, sent = self._headers, None
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
            sent = json.dumps(body, default=_plain).encode()
        try:
            return self._ask((method, path, sent, headers))
        except (OSError, HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"no mockserver answers at {self._url}: {reason}") from None

    def close(self) -> None:
        while line := self._kept():
            line.close()

    def _ask(self, request: Sent) -> tuple[int, Any]:
        if kept := self._kept():
            with suppress(ConnectionError):  # the server may have closed it in the meantime
                return self._over(kept, request)
        return self._over(self._connect(), request)

    def _kept(self) -> HTTPConnection | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _over(self, line: HTTPConnection, request: Sent) -> tuple[int, Any]:
        try:
            line.request(*request)
            response = line.getresponse()
            text = response.read().decode("utf-8", "replace")
        except BaseException:
            line.close()
            raise
        self._idle.append(line)
        return response.status, _read(text)


class ControlApi:
    """Asks the control API through a door. Refused: it said no. Unreachable: it is no control API."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        status, said = self._ask(method, path, body)
        if status < 400 and (not said or isinstance(said, Mapping)):
            return said
        if isinstance(said, Mapping) and {"error", "message"} <= said.keys():
            raise Refused(status, said)
        raise Unreachable(f"this is no mockserver: it answers {method} {path} with status {status}")


def _connecting(url: str) -> Callable[[], HTTPConnection]:
    """What opens a connection to the server of a URL. ValueError: it is none."""
    with suppress(ValueError):
        parts = urlsplit(url)
        kind = {"http": HTTPConnection, "https": HTTPSConnection}.get(parts.scheme)
        if kind and parts.hostname:
            return partial(kind, parts.hostname, parts.port, timeout=TIMEOUT)
    raise ValueError(f"{url} is not the URL of a server, such as http://localhost:8080")


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _plain(value: Any) -> Any:
    """What JSON has no word for: decimals and moments."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")
