"""The limit on wrong tokens: 5 a minute from one address."""

import time
from collections.abc import Callable

import msgspec

from mockserver.server.access.shared import Shared

MAX_WRONG = 5
PERIOD = 60.0  # seconds
MAX_PEERS = 10_000


class Wrong(msgspec.Struct, frozen=True):
    """The times of a client's latest wrong tokens."""

    times: tuple[float, ...]


class LoginAttempts:
    """Counts the wrong tokens of each client, at all servers that share tables.

    Several threads may use an object at once. If there are too many clients, those whose last wrong token is
    longest ago are forgotten. `now` returns seconds, which servers have alike.
    """

    def __init__(self, shared: Shared, now: Callable[[], float] = time.time) -> None:
        self._shared, self._now = shared, now
        self._wrong = shared.table("wrong", Wrong)

    def seconds_to_wait(self, peer: str) -> int:
        """Return the seconds until a client may try another token; 0 if it may now."""
        recent = self._recent(self._shared.client(peer))
        return 0 if len(recent) < MAX_WRONG else max(1, round(recent[0] + PERIOD - self._now() + 0.5))

    def count_wrong(self, peer: str) -> None:
        """Count a wrong token of a client."""
        client = self._shared.client(peer)

        def count() -> None:
            self._wrong.put(client, Wrong((*self._recent(client), self._now())[-MAX_WRONG:]))
            if len(self._wrong) > MAX_PEERS:
                self._wrong.remove(min(self._wrong.items(), key=lambda row: row[1].times[-1])[0])

        self._shared.change(count)

    def tidy(self) -> None:
        """Forget the clients without a wrong token in the latest minute, in a change of the tables."""
        for client, _ in self._wrong.items():
            if not self._recent(client):
                self._wrong.remove(client)

    def _recent(self, client: str) -> tuple[float, ...]:
        wrong, now = self._wrong.get(client), self._now()  # clocks differ, and may be set
        return tuple(moment for moment in wrong.times if abs(now - moment) < PERIOD) if wrong else ()
