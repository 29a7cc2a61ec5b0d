"""The limit on wrong tokens: 5 a minute from one address."""

import time
from collections.abc import Callable
from threading import Lock

from mockserver.server.access.client_address import client_of

MAX_WRONG = 5
PERIOD = 60.0  # seconds
MAX_PEERS = 10_000


class LoginAttempts:
    """Counts the wrong tokens of each client. Several threads may use an object at once.

    If there are too many, those whose last wrong
    token is longest ago are forgotten. `now` returns seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, Lock()
        self._wrong: dict[str, list[float]] = {}  # times of wrong tokens by client, the latest client last

    def seconds_to_wait(self, peer: str) -> int:
        """Return the seconds until a client may try another token; 0 if it may now."""
        with self._lock:
            recent = self._recent(client_of(peer))
        return 0 if len(recent) < MAX_WRONG else max(1, round(recent[0] + PERIOD - self._now() + 0.5))

    def count_wrong(self, peer: str) -> None:
        """Count a wrong token of a client."""
        client = client_of(peer)
        with self._lock:
            recent = self._recent(client)
            self._wrong.pop(client, None)
            self._wrong[client] = [*recent, self._now()][-MAX_WRONG:]
            if len(self._wrong) > MAX_PEERS:
                del self._wrong[next(iter(self._wrong))]

    def _recent(self, client: str) -> list[float]:
        since = self._now() - PERIOD
        return [moment for moment in self._wrong.get(client, ()) if moment > since]
