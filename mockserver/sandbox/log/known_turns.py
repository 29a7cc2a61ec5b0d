"""The turns of a sandbox that a server knows to be in a log, and those of them that a store has lost."""

from collections.abc import Sequence
from typing import NamedTuple

from mockserver.sandbox.log.log import MAX_ENTRIES, TOKEN_BYTES, Entry

HERE, ELSEWHERE = b"h", b"e"  # who has answered a turn: this server, or another one
STEP = TOKEN_BYTES + len(HERE)
MOST = 2 * MAX_ENTRIES * STEP


class Lost(NamedTuple):
    """Numbers of turns that a store has lost, by who has answered them."""

    here: int = 0
    elsewhere: int = 0

    @property
    def turns(self) -> int:
        return self.here + self.elsewhere


class KnownTurns:
    """The latest turns of a sandbox that its log has confirmed, at least as many as a log keeps.

    A store that was killed, or that another one has replaced, may lack some of them when it is back. `latest`
    is the time of the last one. They are kept as bytes, as there is one for each call.
    """

    __slots__ = ("_turns", "latest")

    def __init__(self) -> None:
        self._turns, self.latest = bytearray(), 0

    def add(self, token: bytes, time: int, answered: bytes = ELSEWHERE) -> None:
        """Add a turn. `answered` is HERE or ELSEWHERE."""
        turns = self._turns
        turns += token + answered
        if len(turns) > MOST:
            del turns[: MOST // 2]
        self.latest = time

    def meet(self, entries: Sequence[Entry]) -> Lost:
        """Take on the entries that a log has now, and return how many of the known turns it lacks.

        If all entries are later than the known turns, nobody can tell, and none counts as lost.
        """
        lost, place = Lost(), 0
        if entries[0].time <= self.latest:
            places = {entry.token: number for number, entry in enumerate(entries, 1)}
            lost, place = self._take_lost(places)
        for entry in entries[place:]:
            self.add(entry.token, entry.time)
        self.latest = entries[-1].time
        return lost

    def take_all(self) -> Lost:
        """Forget all turns, because a store has lost every one. Return how many they were."""
        lost, _ = self._take_lost({})
        return lost

    def _take_lost(self, places: dict[bytes, int]) -> tuple[Lost, int]:
        """Forget the turns after the last one that has a place. Return how many they were, and that place."""
        turns, end, here = self._turns, len(self._turns), 0
        while end > 0 and bytes(turns[end - STEP : end - 1]) not in places:
            here += turns[end - 1 : end] == HERE
            end -= STEP
        lost = Lost(here, (len(turns) - end) // STEP - here)
        place = places[bytes(turns[end - STEP : end - 1])] if end else 0
        del turns[end:]
        return lost, place
