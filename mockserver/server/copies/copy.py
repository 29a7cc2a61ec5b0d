"""A server's copy of a sandbox that a log keeps, and the turns that wait for their confirmation."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.log.contents import Contents
from mockserver.sandbox.log.known_turns import HERE, KnownTurns, Lost
from mockserver.sandbox.log.log import Life
from mockserver.sandbox.sandbox import Sandbox

MAX_TRIES = 100  # of a turn, if other servers are faster
Settled = Callable[["Turn"], None]


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


class Moment(msgspec.Struct, eq=False):
    """A sandbox after a turn: the head, what is in it, and the number of its calls, also in the journal.

    The number counts in `contents` only if more than the number has changed: that saves time for a read.
    """

    head: bytes | None = None
    contents: Contents | None = None
    calls: int = 0
    serial: int = 0


class Turn(msgspec.Struct, eq=False):
    """A turn that has been appended. `counts` is None until the log has said if it counts.

    If the log could not say, `error` is the reason, and `counts` is False. `on_settled` is called once, when
    that is known. `epoch` is that of the copy. The other fields are what counts with the turn: `call` is for
    the `journal`, and `begin` begins the deliveries. `clears` is True if the turn has cleared the journal.
    """

    epoch: int = 0
    moment: Moment = msgspec.field(default_factory=Moment)
    life: Life = Life()
    time: int = 0
    call: KeptEntry | None = None
    journal: Journal | None = None
    clears: bool = False
    begin: Callable[[], None] | None = None
    counts: bool | None = None
    error: BaseException | None = None
    on_settled: list[Settled] = []

    def settle(self, counts: bool, error: BaseException | None) -> None:
        """Tell everybody who waits for it that the turn counts, or does not."""
        self.counts, self.error = counts, error
        waiting, self.on_settled = self.on_settled, []  # or they would keep this, and this them
        for tell in waiting:
            tell(self)

    async def settled(self) -> None:
        """Wait until it is known if the turn counts."""
        if self.counts is None:
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def wake(turn: "Turn") -> None:
                if not settled.done():  # who waits may have been cancelled
                    settled.set_result(None)

            self.on_settled.append(wake)
            await settled

    async def wait(self) -> bool:
        """Return True if the turn counts, as soon as that is known. Raise StoreUnavailable or StoreLost."""
        await self.settled()
        if self.error is not None:
            raise self.error
        return bool(self.counts)


class Copy:
    """A server's copy of one sandbox, or of the journal of strays.

    `sandbox` is None if there is none, or if this is the journal of strays. `kept` is the latest moment that
    the log has confirmed, and `tip` the one after the turns that wait for their confirmation; `serial`,
    `time` and `life` belong to the tip, `known` and `kept_life` to the former. `used` is when it was last
    told to the log that the sandbox is used. `latest` is the turn that was appended last.

    Turns that have to wait for something else than the log hold `lock`. `epoch` is the number of refused
    turns: a turn of an earlier epoch has been rolled back. `stale` is True if the log may have news,
    `checked` if the log had no such sandbox, and `lost` if the store has lost it. `reread` is True if the
    journal lacks calls that the log has. `cleared` is that of the journal after the tip. `told` is the time
    of the latest turn that listeners have been told of, if an earlier copy was dropped, else None.
    """

    def __init__(self, name: str) -> None:
        self.name, self.lock = name, CountingLock()
        self.sandbox: Sandbox | None = None
        self.kept, self.tip = Moment(), Moment()
        self.serial = self.time = self.epoch = 0
        self.life = self.kept_life = Life()
        self.known = KnownTurns()
        self.used: datetime | None = None
        self.stale = self.checked = self.lost = self.reread = False
        self.cleared = 0
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

    def confirm(self, moment: Moment, life: Life, time: int) -> None:
        """Note that the log has confirmed a turn of this server."""
        self.kept, self.kept_life = moment, life
        assert moment.head is not None
        self.known.add(moment.head, time, HERE)

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
        self.kept, self.tip = Moment(), Moment()
        self.serial = self.time = 0
        self.life = self.kept_life = Life()
        self.known, self.used = KnownTurns(), None
        self.checked, self.reread = True, False
