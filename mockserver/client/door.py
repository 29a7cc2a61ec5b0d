"""The usual way to the control API: HTTP over connections that are kept, from any thread."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

Ask = Callable[[str, str, Any], tuple[int, Any]]
DEADLINE = 75.0  # the longest wait that the control API takes on is 60 seconds


class Unreachable(ConnectionError):
    """Nothing answers at the URL, or nothing that is a mockserver."""


class Refused(Exception):
    """The control API refused: its status, its code (`missing`, `invalid`, …), and what it said."""

    def __init__(self, status: int, said: Mapping[str, Any]) -> None:
        super().__init__(said["message"])
        self.status, self.code, self.said = status, str(said["error"]), said


class Door:
    """Asks the server at a URL. Without a token, control answers only on loopback."""

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is not the URL of a server, such as http://localhost:8080")
        self._url, self._place = url.rstrip("/"), (parts.hostname, parts.port)
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._idle: deque[HTTPConnection] = deque()

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status, and the JSON of the answer or else its text."""
        sent = None if body is None else json.dumps(body, default=_plain).encode()
        headers = self._headers if sent is None else {**self._headers, "Content-Type": "application/json"}
        try:
            return self._over_kept(method, path, sent, headers)
        except (OSError, HTTPException) as error:
            raise Unreachable(
                f"no mockserver answers at {self._url}: {error or type(error).__name__}"
            ) from None

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _over_kept(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        """Over a kept connection if there is one; the server may have closed it in the meantime."""
        try:
            kept = self._idle.pop()
        except IndexError:
            return self._over(self._kind(*self._place, timeout=DEADLINE), method, path, body, headers)
        try:
            return self._over(kept, method, path, body, headers)
        except ConnectionError:
            return self._over(self._kind(*self._place, timeout=DEADLINE), method, path, body, headers)

    def _over(
        self, line: HTTPConnection, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        try:
            line.request(method, path, body, headers)
            response = line.getresponse()
            text = response.read()
        except BaseException:
            line.close()
            raise
        self._idle.append(line)
        is_json = response.getheader("Content-Type", "").startswith("application/json")
        return response.status, json.loads(text) if is_json else text.decode("utf-8", "replace")


class Control:
    """Asks the control API through a door. Refused: it said no."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        status, said = self._ask(method, path, body)
        if status < 400:
            return said
        if not isinstance(said, Mapping) or not {"error", "message"} <= said.keys():
            raise Unreachable(f"this is no mockserver: it answers {method} {path} with status {status}")
        raise Refused(status, said)


def _plain(value: Any) -> Any:
    """What JSON has no word for: decimals and moments."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return float(value)
