"""What time it is in a sandbox."""

from datetime import datetime, timedelta
from typing import Any

from mockserver.client.transport import ControlApi

Moment = datetime | str


class Clock:
    """The clock of one sandbox. A moment is aware, or ISO 8601; without a zone it is UTC."""

    def __init__(self, ask: ControlApi, path: str) -> None:
        self._ask, self._path = ask, path

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._ask("GET", self._path)["now"])

    @property
    def frozen(self) -> bool:
        return bool(self._ask("GET", self._path)["frozen"])

    def freeze(self, instant: Moment | None = None) -> datetime:
        """Stand still, at a moment or now. Each change gives what time it is then."""
        return self._change("freeze", {} if instant is None else {"instant": instant})

    def set(self, instant: Moment) -> datetime:
        """Another time, from which it goes on, or stands still if it does."""
        return self._change("set", {"instant": instant})

    def advance(self, by: timedelta | float) -> datetime:
        """Forward by so much, or by so many seconds."""
        return self._change(
            "advance", {"seconds": by / timedelta(seconds=1) if isinstance(by, timedelta) else by}
        )

    def resume(self) -> datetime:
        return self._change("resume", {})

    def _change(self, action: str, how: dict[str, Any]) -> datetime:
        shown = self._ask("PUT", self._path, {"action": action, **how})
        return datetime.fromisoformat(shown["now"])
