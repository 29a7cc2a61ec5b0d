"""ASGI: its messages, and the connection to one client."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

HANG_UP = "mockserver.hang_up"


DECLINED = "mockserver.declined"  # in the scope of what was not to be answered at once
Message = dict[str, Any]


Receive = Callable[[], Awaitable[Mapping[str, Any]]]


Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Connection:
    """The connection to one client, for one answer."""

    scope: Mapping[str, Any]
    receive: Receive
    send: Send

    def hang_up(self, reset: bool = False) -> None:
        """No more than what was sent; `reset` throws away even that."""
        if offered := (self.scope.get("extensions") or {}).get(HANG_UP):
            offered["call"](reset)
        elif reset:
            raise ConnectionResetError("the mock reset the connection: a fault")
        else:
            raise ConnectionAbortedError("the mock closed the connection: a fault")


async def until_hung_up(receive: Receive) -> None:
    """Until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
