"""ASGI: its messages, and the connection on which one response is sent.

ASGI has no message for closing a connection in the middle of a response, so our server offers one as
an extension of the scope. Under another server the application raises a ConnectionError instead.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

CLOSE = "mockserver.close"  # the extension's name
PENDING = "mockserver.pending"  # in the scope: the exchange that the fast path has begun
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Connection:
    """The connection to one client, for one response."""

    scope: Mapping[str, Any]
    receive: Receive
    send: Send

    def close(self, reset: bool = False) -> None:
        """Close it now. `reset` sends a TCP RST and drops what was not sent yet."""
        if extension := (self.scope.get("extensions") or {}).get(CLOSE):
            extension["call"](reset)
        elif reset:
            raise ConnectionResetError("the mock reset the connection: a fault")
        else:
            raise ConnectionAbortedError("the mock closed the connection: a fault")

    async def wait_until_closed(self) -> None:
        """Wait until the client has closed the connection."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
