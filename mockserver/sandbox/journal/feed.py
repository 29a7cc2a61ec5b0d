"""The feed: tells listeners about every new entry, and about what happens to journals and sandboxes."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.journal.journal import Journal

MAX_QUEUED = 1000  # news that wait for a listener
MAX_QUEUED_BYTES = 4 * 1024 * 1024


class Notice(msgspec.Struct, frozen=True):
    """Something that happened to a sandbox: `what` is a verb, such as `created` or `cleared`.

    `sandbox` is None if it happened to all of them.
    """

    what: str
    sandbox: str | None


class Listener:
    """The news that a listener has not read yet. Use it on one event loop.

    If there are too many, the calls among them are removed and `overrun` is True. Then the listener can read
    on from the journals.
    """

    def __init__(self) -> None:
        self.loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        self._news: deque[KeptEntry | Notice] = deque()
        self._bytes = 0
        self.overrun = False

    def add_entry(self, entry: KeptEntry) -> None:
        if not self.overrun:
            self._news.append(entry)
            self._bytes += entry.weight
            if len(self._news) > MAX_QUEUED or self._bytes > MAX_QUEUED_BYTES:
                self.overrun = True
                self._news.extend([one for one in self._taken() if isinstance(one, Notice)])
        self._wake.set()

    def add_notice(self, notice: Notice) -> None:
        """Add a notice, from any thread. If too many wait, the oldest news go, and `overrun` is True."""
        self._news.append(notice)
        if len(self._news) > 2 * MAX_QUEUED:
            self._news.popleft()
            self.overrun = True
        with suppress(RuntimeError):  # the event loop has ended
            self.loop.call_soon_threadsafe(self._wake.set)

    async def read(self, seconds: float) -> list[KeptEntry | Notice]:
        """Wait for news for this long at most, and return them: an empty list if there are none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()
        self._bytes = 0
        return [*self._taken()]

    def _taken(self) -> Iterator[KeptEntry | Notice]:
        """Remove and yield the news one by one: meanwhile, another thread may add a notice."""
        for _ in range(len(self._news)):
            with suppress(IndexError):  # the other thread has dropped the oldest news
                yield self._news.popleft()

    def recover(self) -> bool:
        """Return True if calls were removed since this was last asked."""
        overrun, self.overrun = self.overrun, False
        return overrun


class EntryFeed:
    """Passes news on to the listeners: of one sandbox (or of the strays), or of all (None).

    Where a log keeps the calls, `keep` puts an entry there, instead of `record`, and `on_listen` is called
    whenever somebody begins to listen.
    """

    keep: Callable[[KeptEntry, Journal], None] | None = None

    def __init__(self) -> None:
        self._listeners: dict[str | None, set[Listener]] = {}
        self.on_listen: Callable[[], None] = _do_nothing

    @property
    def names(self) -> list[str | None]:
        """Return the names of the sandboxes that are listened to. None means all sandboxes."""
        return [*self._listeners]

    def __len__(self) -> int:
        """Return the number of listeners."""
        return sum(map(len, tuple(self._listeners.values())))

    def publish(self, entry: KeptEntry) -> None:
        """Pass an entry on. Call this on the event loop of the listeners."""
        if self._listeners:
            for listener in self._concerned(entry.sandbox):
                listener.add_entry(entry)

    def record(self, entry: KeptEntry, journal: Journal) -> None:
        """Add an entry to a journal and pass it on, from any thread.

        Listeners get entries in the order of the journals. So if there are any, this happens on their event
        loop, where all other entries are added too.
        """
        if self.keep is not None:
            return self.keep(entry, journal)

        def add() -> None:
            journal.add(entry)
            self.publish(entry)

        for listener in self._concerned(entry.sandbox):
            with suppress(RuntimeError):  # the event loop has ended
                listener.loop.call_soon_threadsafe(add)
                return
        journal.add(entry)

    def announce(self, what: str, sandbox: str | None = None) -> None:
        """Pass a notice on, from any thread."""
        for listener in self._concerned(sandbox):
            listener.add_notice(Notice(what, sandbox))

    def _concerned(self, sandbox: str | None) -> list[Listener]:
        """Return the listeners to the news of a sandbox. None means all sandboxes: all listeners."""
        listeners = self._listeners
        groups = tuple(listeners.values()) if sandbox is None else map(listeners.get, (sandbox, None))
        return [listener for group in groups for listener in tuple(group or ())]

    @contextmanager
    def listen(self, sandbox: str | None = None) -> Iterator[Listener]:
        """Yield a listener that receives all news of a sandbox, or of all, while the block runs."""
        listener = Listener()
        self._listeners.setdefault(sandbox, set()).add(listener)
        self.on_listen()
        try:
            yield listener
        finally:
            self._listeners[sandbox].discard(listener)
            if not self._listeners[sandbox]:
                del self._listeners[sandbox]


def _do_nothing() -> None:
    pass
