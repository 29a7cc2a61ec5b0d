"""A log in memory that takes its time, as a store does that is somewhere else."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from functools import partial

from mockserver.sandbox.log.log import Entry, Life, Settled
from mockserver.sandbox.log.memory import MemoryLog


class LateLog(MemoryLog):
    """Keeps entries a few turns of the event loop after they were appended, in the order of the appends."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[tuple[Settled, Callable[[], bool]]] = deque()
        self._chance = random.Random(5)
        self._running: asyncio.Task[None] | None = None

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        self._waiting.append((settled, partial(self._append, name, head, entry, life)))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._waiting:
            for _ in range(self._chance.randrange(5)):
                await asyncio.sleep(0)
            for _ in range(min(len(self._waiting), self._chance.randrange(1, 10))):
                settled, append = self._waiting.popleft()
                settled(append())
