"""ASGI: types of its messages, and the connection on which one response is sent.

ASGI has no message that closes a connection in the middle of a response, so our server has an extension
for it in the scope. On another ASGI server, the application raises a ConnectionError instead.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

CLOSE = "mockserver.close"  # the name of the extension
PENDING = "mockserver.pending"  # the key in the scope of an exchange that the fast path has begun
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
        """Close the connection now. `reset` sends a TCP RST and drops unsent bytes."""
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
