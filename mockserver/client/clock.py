"""The clock of a sandbox: read it, freeze it, set it, advance it and resume it."""

from datetime import datetime, timedelta
from typing import Any

from mockserver.client.transport import ControlApi

Moment = datetime | str


class Clock:
    """The clock of one sandbox.

    Times are given as datetimes or as ISO 8601 text, and are UTC if they have no zone. Times are
    returned as aware datetimes. Methods that change the clock return its new time.
    """

    def __init__(self, request: ControlApi, path: str) -> None:
        self._request, self._path = request, path

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._request("GET", self._path)["now"])

    @property
    def frozen(self) -> bool:
        return bool(self._request("GET", self._path)["frozen"])

    def freeze(self, instant: Moment | None = None) -> datetime:
        """Stop the clock, at the given time or, if None, where it is."""
        return self._change("freeze", {} if instant is None else {"instant": instant})

    def set(self, instant: Moment) -> datetime:
        """Set the clock to another time. A running clock runs on from there, a frozen one stays frozen."""
        return self._change("set", {"instant": instant})

    def advance(self, by: timedelta | float) -> datetime:
        """Move the clock forward, by a timedelta or by a number of seconds."""
        return self._change(
            "advance", {"seconds": by / timedelta(seconds=1) if isinstance(by, timedelta) else by}
        )

    def resume(self) -> datetime:
        """Let a frozen clock run on from where it stands."""
        return self._change("resume", {})

    def _change(self, action: str, arguments: dict[str, Any]) -> datetime:
        clock = self._request("PUT", self._path, {"action": action, **arguments})
        return datetime.fromisoformat(clock["now"])
