"""The transport to the control API: HTTP over connections that are reused, from any thread."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ssl import create_default_context
from typing import Any
from urllib.parse import urlsplit

__tracebackhide__ = True  # pytest shows the caller's line, not these
Ask = Callable[[str, str, Any], tuple[int, Any]]
RawRequest = tuple[str, str, bytes | None, dict[str, str]]  # method, path, body, headers
DEFAULT_PORTS = {"http": 80, "https": 443}
TIMEOUT = 75.0  # seconds; the longest wait that the control API allows is 60


class Unreachable(ConnectionError):
    """No server answers at the URL, or the server that answers is not a mockserver."""


class Refused(Exception):
    """The control API refused a request.

    `status` is the HTTP status, `code` the machine-readable reason (`missing`, `invalid`, …), and
    `answer` the whole JSON object of the response.
    """

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        super().__init__(answer["message"])
        self.status, self.code, self.answer = status, str(answer["error"]), answer


class HttpTransport:
    """Sends requests to the server at a URL.

    `token` is the server's admin token; without one, the control API answers only on loopback. `ca` is the
    file of the certificate authority that an HTTPS server's certificate must be signed by; without one, the
    system's authorities are trusted.
    """

    def __init__(self, url: str, token: str | None = None, ca: str | None = None) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"} if token else {}
        self._connect = _connector(url, ca)
        self._idle: deque[HTTPConnection] = deque()

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request. Return the status with the parsed JSON, or with the body if it is not JSON.

        `body` is sent as JSON unless it is None. Raise Unreachable if there is no answer.
        """
        headers, content = self._headers, None
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
            content = json.dumps(body, default=_json_default).encode()
        try:
            return self._send((method, path, content, headers))
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unreachable(f"no mockserver answers at {self._url}: {reason}") from None

    def close(self) -> None:
        while connection := self._take_idle():
            connection.close()

    def _send(self, request: RawRequest) -> tuple[int, Any]:
        if idle := self._take_idle():
            with suppress(ConnectionError):  # the server may have closed the idle connection
                return self._send_over(idle, request)
        return self._send_over(self._connect(), request)

    def _take_idle(self) -> HTTPConnection | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _send_over(self, connection: HTTPConnection, request: RawRequest) -> tuple[int, Any]:
        try:
            connection.request(*request)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return response.status, _parse(text)


class ControlApi:
    """Calls the control API through a transport, and raises on errors."""

    def __init__(self, transport: Ask) -> None:
        self._transport = transport

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the parsed JSON.

        Raise Refused if the control API refuses it, and Unreachable if the server is not a mockserver.
        """
        status, answer = self._transport(method, path, body)
        if status < 400 and (not answer or isinstance(answer, Mapping)):
            return answer
        if isinstance(answer, Mapping) and {"error", "message"} <= answer.keys():
            raise Refused(status, answer)
        raise Unreachable(
            f"the server is not a mockserver: it answered {method} {path} with status {status}; check the URL"
        )


def address_of(url: str) -> tuple[str, int] | None:
    """Return the host and port of an HTTP or HTTPS URL, or None if it is not such a URL."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in DEFAULT_PORTS and parts.hostname:
            return parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme]
    return None


def _connector(url: str, ca: str | None) -> Callable[[], HTTPConnection]:
    """Return a function that opens a connection to a URL's server.

    Raise ValueError if `url` is not valid, or if the file `ca` cannot be read.
    """
    if not (address := address_of(url)):
        raise ValueError(f"{url} is not the URL of a server, such as http://localhost:8080")
    if not url.lower().startswith("https:"):
        return partial(HTTPConnection, *address, timeout=TIMEOUT)
    try:
        context = create_default_context(cafile=ca)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot use {ca} as the file of a certificate authority: {error}") from None
    return partial(HTTPSConnection, *address, timeout=TIMEOUT, context=context)


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json_default(value: Any) -> Any:
    """Return a decimal or a datetime as a value that `json` can encode."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
