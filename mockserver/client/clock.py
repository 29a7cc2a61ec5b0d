"""The clock of a sandbox: read, freeze, set, advance and resume it."""

from datetime import datetime, timedelta
from typing import Any

from mockserver.client.transport import ControlApi

__tracebackhide__ = True  # pytest shows the caller's line, not these

Moment = datetime | str


class Clock:
    """The clock of one sandbox.

    Pass a time as a datetime or an ISO 8601 string; without a zone, it is in UTC. Returned times are
    aware datetimes. Methods that change the clock return its new time.
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
        """Stop the clock at `instant`, or at its current time if `instant` is None."""
        return self._change("freeze", {} if instant is None else {"instant": instant})

    def set(self, instant: Moment) -> datetime:
        """Set the clock to another time. A running clock keeps running; a frozen one stays frozen."""
        return self._change("set", {"instant": instant})

    def advance(self, by: timedelta | float) -> datetime:
        """Move the clock forward, by a timedelta or by a number of seconds."""
        return self._change(
            "advance", {"seconds": by / timedelta(seconds=1) if isinstance(by, timedelta) else by}
        )

    def resume(self) -> datetime:
        """Let a frozen clock run again, from the time that it shows."""
        return self._change("resume", {})

    def _change(self, action: str, arguments: dict[str, Any]) -> datetime:
        clock = self._request("PUT", self._path, {"action": action, **arguments})
        return datetime.fromisoformat(clock["now"])
