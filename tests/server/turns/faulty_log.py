"""A log in memory that a test makes fail: it keeps entries late, and its store can lose what it has kept."""

import asyncio
from collections import deque
from copy import deepcopy
from functools import partial

from mockserver.sandbox.log.log import Entry, Kept, Life, Settled, StoreUnavailable, new_token
from mockserver.sandbox.log.memory import MemoryLog
from tests.server.turns.witness import CALLER

LOST = "the acknowledgement was lost"


class FaultyLog(MemoryLog):
    """Keeps entries when `keep` is called. `callers` tells by an entry's token whose call it is."""

    def __init__(self) -> None:
        super().__init__()
        self.callers: dict[bytes, int] = {}
        self._waiting: deque[tuple[Settled, partial[bool]]] = deque()
        self._saved: object = None

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        if (caller := CALLER.get(None)) is not None:
            self.callers[entry.token] = caller
        self._waiting.append((settled, partial(self._append, name, head, entry, life)))

    async def load(self, name: str) -> Kept | None:
        await asyncio.sleep(0)  # no store answers at once
        return await super().load(name)

    @property
    def waiting(self) -> int:
        """The number of entries that are not kept yet."""
        return len(self._waiting)

    def keep(self, count: int, *, lose_acknowledgements: bool = False) -> None:
        """Keep the next entries, or refuse them. Then say so, unless that is to be lost."""
        for _ in range(min(count, len(self._waiting))):
            settled, append = self._waiting.popleft()
            kept = append()
            settled(StoreUnavailable(LOST) if lose_acknowledgements else kept)

    def fail(self, count: int | None = None) -> None:
        """Do not keep the next entries, or all that wait, and say that nobody knows."""
        for _ in range(len(self._waiting) if count is None else count):
            settled, _ = self._waiting.popleft()
            settled(StoreUnavailable(LOST))

    def save(self) -> None:
        """Remember what is in the store, so that it can `forget` what comes later."""
        self._saved = deepcopy(self._sandboxes)

    def forget(self) -> None:
        """Lose what was kept since `save`, as a failover to a replica does that lags behind."""
        if self._saved is not None:
            self._sandboxes, self._saved = self._saved, None  # type: ignore[assignment]

    def calls(self, name: str) -> list[int]:
        """Return whose calls the entries of a sandbox are, in order."""
        kept = self._find(name)
        entries = kept.entries if kept else ()
        return [self.callers[entry.token] for entry in entries if entry.token in self.callers]

    def move_head(self, name: str) -> bool:
        """Append an entry of another server that changes nothing. Return False if there is no sandbox."""
        kept = self._find(name)
        if kept is None:
            return False
        latest = kept.entries[-1]
        entry = Entry(token=new_token(), time=latest.time + 1, parts={}, serial=latest.serial)
        return self._append(name, kept.head, entry, kept.life)
