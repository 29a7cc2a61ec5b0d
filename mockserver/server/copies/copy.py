"""A server's copy of a sandbox that a log keeps, and the turns that wait for their confirmation."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import msgspec

from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.journal.feed import EntryFeed
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.log.contents import Contents
from mockserver.sandbox.log.known_turns import HERE, KnownTurns, Lost
from mockserver.sandbox.log.log import Life, Outcome
from mockserver.sandbox.sandbox import Sandbox

MAX_TRIES = 100  # of a turn, if other servers are faster
AT_ONCE = datetime.min.replace(tzinfo=UTC)


class CountingLock(asyncio.Lock):
    """A lock that knows how many tasks hold it or wait for it: `users`."""

    def __init__(self) -> None:
        super().__init__()
        self.users = 0

    async def acquire(self) -> Literal[True]:
        self.users += 1
        try:
            return await super().acquire()
        except BaseException:
            self.users -= 1
            raise

    def release(self) -> None:
        super().release()
        self.users -= 1


class Moment(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A sandbox after a turn: the head, what is in it, and the number of its calls, also in the journal.

    The number counts in `contents` only if more than the number has changed: that saves time for a read.
    `time` is that of the turn in the log, and `life` how long the sandbox lives since.
    """

    head: bytes | None = None
    contents: Contents | None = None
    calls: int = 0
    serial: int = 0
    time: int = 0
    life: Life = Life()


class Awaited(msgspec.Struct, eq=False, kw_only=True):
    """Something that is to be in the log. `counts` is None until the log has said if it counts.

    If the log could not say, `error` is the reason, and `counts` is False. `on_settled` is called once, when
    that is known.
    """

    counts: bool | None = None
    error: BaseException | None = None
    on_settled: Callable[[Any], None] | None = None
    waiting: "list[asyncio.Future[None]] | None" = None

    def tell(self) -> None:
        """Tell everybody who waits for it that it is known now if it counts."""
        if (tell := self.on_settled) is not None:
            self.on_settled = None  # or it would keep this, and this it
            tell(self)
        if self.waiting is not None:
            for one in self.waiting:
                if not one.done():  # who waits may have been cancelled
                    one.set_result(None)

    async def settled(self) -> None:
        """Wait until it is known if it counts."""
        if self.counts is None:
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.waiting = [*(self.waiting or ()), settled]
            await settled

    async def wait(self) -> bool:
        """Return True if it counts, as soon as that is known. Raise StoreUnavailable or StoreLost."""
        await self.settled()
        if self.error is not None:
            raise self.error
        return bool(self.counts)


class Counts(Protocol):
    """Counts what happens to turns (see `store_counts`)."""

    measured: object

    def keep(self) -> None: ...
    def refuse(self, turn: object, outcome: Outcome) -> None: ...


class Owner(Protocol):
    """The copies of a server: what their turns need of them."""

    @property
    def counts(self) -> Counts: ...
    @property
    def feed(self) -> EntryFeed: ...

    def roll_back(self, copy: "Copy") -> None: ...


class Turn(Awaited, eq=False):
    """A turn that has been appended.

    `epoch` is that of the copy. The other fields are what counts with the turn: `call` is for the `journal`,
    and `begin` begins the deliveries. `clears` is True if the turn has cleared the journal.
    """

    owner: Owner
    copy: "Copy"
    epoch: int
    moment: Moment
    call: KeptEntry | None
    journal: Journal
    clears: bool = False
    begin: Callable[[], None] | None = None

    def settle(self, outcome: Outcome) -> None:
        """Take on what the turn has made, or roll it back, once the log has said if it counts."""
        if outcome is not True:
            return self._refuse(outcome)
        copy, owner = self.copy, self.owner
        if self is owner.counts.measured:
            owner.counts.keep()
        if self.epoch == copy.epoch:  # else it comes with the news
            copy.kept = moment = self.moment
            assert moment.head is not None
            copy.known.add(moment.head, moment.time, HERE)
            if self.begin is not None:
                self.begin()
            if (call := self.call) is not None:
                self.journal.add_numbered(call, moment.serial, moment.time)
                owner.feed.publish(call)
        self.counts = True
        self.tell()

    def _refuse(self, outcome: Outcome) -> None:
        self.owner.counts.refuse(self, outcome)
        if self.epoch == self.copy.epoch:
            self.copy.reread |= self.clears
            self.owner.roll_back(self.copy)
        self.counts, self.error = False, outcome if isinstance(outcome, Exception) else None
        self.tell()


class Copy:
    """A server's copy of one sandbox, or of the journal of strays.

    `sandbox` is None if there is none, or if this is the journal of strays. `kept` is the latest moment that
    the log has confirmed, with the `known` turns before it, and `tip` the one after the turns that wait for
    their confirmation. `latest` is the turn that was appended last. If the sandbox is used after `renewal`,
    that is told to the log, so that it lives longer. `used` is the wall time in microseconds at which the
    copy was last used.

    Turns that have to wait for something else than the log hold `lock`. `epoch` is the number of refused
    turns: a turn of an earlier epoch has been rolled back. `stale` is True if the log may have news,
    `checked` if the log had no such sandbox, and `lost` if the store has lost it. `reread` is True if the
    journal lacks calls that the log has. `cleared` is that of the journal after the tip. `told` is the time
    of the latest turn that listeners have been told of, if an earlier copy was dropped, else None.
    """

    def __init__(self, name: str) -> None:
        self.name, self.lock = name, CountingLock()
        self.sandbox: Sandbox | None = None
        self.kept = self.tip = Moment()
        self.known, self.renewal, self.used = KnownTurns(), AT_ONCE, 0
        self.stale = self.checked = self.lost = self.reread = False
        self.epoch = self.cleared = 0
        self.latest: Turn | None = None
        self.told: int | None = None

    @property
    def in_use(self) -> bool:
        """Return True if a turn is under way, or waits for its confirmation."""
        return self.lock.users > 0 or (self.latest is not None and self.latest.counts is None)

    async def settled(self) -> None:
        """Wait until no turn waits for its confirmation."""
        while (latest := self.latest) is not None:
            await latest.settled()
            if self.latest is latest:
                self.latest = None

    def lose(self, journal: Journal) -> Lost:
        """Mark the sandbox as lost by the store, and return its lost turns.

        The copy stays, so that the sandbox can be reset. Only its journal begins again.
        """
        journal.rewind()
        self.cleared = journal.cleared
        lost = self.known.take_all()
        self.forget()
        self.lost = self.sandbox is not None
        return lost

    def forget(self) -> None:
        """Forget everything about the sandbox: the log does not have it."""
        self.kept = self.tip = Moment()
        self.known, self.renewal = KnownTurns(), AT_ONCE
        self.checked, self.reread = True, False
