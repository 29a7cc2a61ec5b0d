"""A server's copies of sandboxes: read from the log, run ahead of it, and rolled back if it refuses."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from mockserver.sandbox.journal.entry import STRAYS, KeptEntry
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.log.known_turns import KnownTurns
from mockserver.sandbox.log.log import Entry, Log, StoreRefused, StoreUnavailable, new_token
from mockserver.sandbox.log.parts import apply
from mockserver.sandbox.log.values import NotKept
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.webhooks.webhook import Changes, Delivery
from mockserver.server.copies.changes import CLEARED, differences, life_of
from mockserver.server.copies.codec import CallCodec
from mockserver.server.copies.comparing import is_another
from mockserver.server.copies.copy import AT_ONCE, Copy, Moment, Turn
from mockserver.server.copies.joining import join_store
from mockserver.server.copies.lost_list import LostList
from mockserver.server.copies.news import News, without_cleared
from mockserver.server.copies.registry import LoggedSandboxes
from mockserver.server.copies.store_counts import StoreCounts
from mockserver.server.copies.table import CopyTable
from mockserver.server.copies.waiting_list import WaitingList

CLOCK_DIFFERENCE = 60  # seconds between the clocks of this machine and of the store's


class Deliverer(Protocol):
    """The part of a server that makes deliveries to webhooks."""

    def wake(self, outbox: Outbox) -> None: ...
    def make(self, outbox: Outbox, changes: Changes) -> list[Delivery]: ...


class Copies:
    """The copies of one server, which `table` has by their names. Use them on one event loop.

    `fingerprint` returns what all servers of a store must have alike, `deliverer` attends to the outboxes.
    `waiting` lists the sandboxes whose deliveries wait, `lost` those that the store has lost.
    """

    def __init__(
        self,
        kept_in: Log,
        sandboxes: LoggedSandboxes,
        codec: CallCodec,
        fingerprint: Callable[[], Mapping[str, str]],
        deliverer: Deliverer,
    ) -> None:
        self.log, self.sandboxes, self.fingerprint = kept_in, sandboxes, fingerprint
        self._codec, self._news = codec, News(sandboxes, codec, deliverer.wake)
        self._deliverer, self.waiting = deliverer, WaitingList(kept_in)
        self.lost = LostList(kept_in)
        self.table = CopyTable(sandboxes)
        self.at, self.feed, self._journals = self.table.at, sandboxes.feed, sandboxes.journals
        sandboxes.is_ready = self._is_ready
        self.counts, self.generation = StoreCounts(), ""

    @property
    def known(self) -> list[str]:
        """The names of the sandboxes that are here, and were in the log when it was last read."""
        return [copy.name for copy in self.table if copy.kept.head is not None and copy.name != STRAYS]

    def _is_ready(self, sandbox: Sandbox) -> bool:
        copy = self.table.get(sandbox.name)
        return (
            copy is not None
            and copy.sandbox is sandbox
            and copy.kept.head is not None
            and not (copy.stale or (copy.lock.users and copy.lock.locked()))
        )

    def is_here(self, copy: Copy) -> bool:
        """Return True if a turn can be run on a copy, although the log may have news of it.

        That a sandbox did not exist is known as well: should another server have made it, the log refuses to
        make it again.
        """
        if copy.stale or copy.lost:
            return False
        return copy.checked if copy.kept.head is None else self.is_alive(copy)

    def is_alive(self, copy: Copy) -> bool:
        """Return True if a copy is that of a sandbox which has not expired."""
        return copy.name == STRAYS or self.sandboxes.find(copy.name) is copy.sandbox

    async def join(self) -> int:
        """Begin to use the store, and return the number of sandboxes in it. Raise StoreRefused."""
        joined = await join_store(self.log, self.fingerprint())
        self.generation = joined.generation
        return joined.sandboxes

    async def lose(self, generation: str) -> None:
        """Note that the store has lost all sandboxes of a generation, and go on with what it has now.

        Raise StoreUnavailable if it cannot be used now: another try may find that it can.
        """
        for copy in self.table:
            await copy.settled()
        if generation != self.generation:
            return  # another call has noticed
        if generation:  # else that was done, but joining failed
            self._lose_all()
        try:
            await self.join()
        except StoreRefused as error:
            raise StoreUnavailable(str(error)) from error
        await self.lost.tell()

    def _lose_all(self) -> None:
        self.generation, lost, ends = "", [], dict[str, int | None]()
        for copy in self.table:
            if copy.kept.head is not None:
                ends[copy.name] = copy.kept.life.expires
                lost.append(copy.lose(self._journal_of(copy.sandbox)))
        ends.pop(STRAYS, None)
        self.lost.lose_all(ends | self.table.lose())
        self.waiting.forget()
        self.counts.lose_all(self.log.describe(), lost)

    async def look_for_loss(self, copy: Copy) -> None:
        """Find out if a sandbox that is not in the log was lost, as other servers may know. Hold its lock."""
        is_lost = await self.lost.has(copy.name)
        if is_lost and not copy.lost:
            self.table.lose_one(copy)
        elif copy.lost and not is_lost:  # it was deleted at another server
            copy.lost = False
            if copy.sandbox is not None:
                self.sandboxes.end(copy.sandbox)
            self._begin_anew(copy)

    async def evict(self, name: str) -> None:
        """End a sandbox to make room for another, unless it is used just now."""
        kept = await self.log.load(name)
        if kept is None or not await self.log.end(name, kept.head):
            return
        copy = self.table.get(name)
        if copy is not None and copy.in_use:
            copy.stale = True
            copy = None
        self.sandboxes.note_eviction(name, None if copy is None else copy.sandbox)
        if copy is not None:
            self._begin_anew(copy)

    async def fetch(self, copy: Copy, *, news: bool) -> None:
        """Bring a copy up to date. Hold its lock. Without `news`, only if that is necessary.

        It may then be ahead of the log: its last turns may still be refused, and with them the next one.
        """
        if not news and copy.kept.head is not None and self.is_here(copy):
            return
        await copy.settled()
        head, reads_news = copy.kept.head, (news or copy.stale) and not copy.reread
        if head is not None and reads_news and self.is_alive(copy):
            entries = await self.log.news(copy.name, head)
            if entries is not None:
                copy.stale = False
                self._news.follow(copy, entries)
                return
        if news or not self.is_here(copy):
            await self._load(copy)

    async def be_present(self, name: str) -> None:
        """Read a sandbox from the log if it is not here."""
        copy = self.at(name)
        if not self.is_here(copy):
            async with copy.lock:
                await self.fetch(copy, news=False)

    async def refresh(self, names: Iterable[str]) -> None:
        """Bring copies up to date, all at once. If that fails for some of them, raise the first error."""
        behind = await self.behind([*names])
        results = await asyncio.gather(*map(self._refresh, behind), return_exceptions=True)
        for error in filter(None, results):
            raise error

    async def behind(self, names: Sequence[str]) -> Sequence[str]:
        """Return those of the names whose copies may not be up to date."""
        if len(names) < 2:
            return names
        heads = await self.log.heads(names)
        return [name for name in names if not self._is_at(self.at(name), heads.get(name))]

    def _is_at(self, copy: Copy, head: bytes | None) -> bool:
        """Return True if a copy has all up to a head of the log, and nothing beyond."""
        if copy.in_use or copy.stale or copy.reread or copy.lost:
            return False
        return head is not None and copy.kept.head == head and self.is_alive(copy)

    async def _refresh(self, name: str) -> None:
        copy = self.at(name)
        async with copy.lock:
            await self.fetch(copy, news=True)

    async def _load(self, copy: Copy) -> None:
        kept = await self.log.load(copy.name)
        copy.stale = False
        if kept is None:
            await self._miss(copy)
            return
        copy.lost = False
        if copy.name == STRAYS:
            journal = self.sandboxes.journals.strays
        else:
            contents = apply(None, "", without_cleared(kept.parts), self.sandboxes.initial)
            if copy.sandbox is not None and is_another(contents, copy.kept.contents):
                self.sandboxes.end(copy.sandbox)
                copy.known = KnownTurns()
            journal = self._news.become(copy, contents)
        lost = copy.known.meet(kept.entries)
        if lost.turns:
            self.counts.lose(copy.name, lost)
        if lost.turns or copy.reread:
            journal.rewind()
        copy.reread = False
        self._news.take(copy, kept, journal)

    async def _miss(self, copy: Copy) -> None:
        """Drop what the log does not have: the sandbox has ended, or the store has lost it."""
        if copy.lost:
            return
        if copy.kept.head is not None and not await self._has_ended(copy):
            self.lost.lose({copy.name: copy.kept.life.expires})
            lost = copy.lose(self._journal_of(copy.sandbox))
            self.counts.lose(copy.name, lost, whole=True)
            await self.lost.tell()
        else:
            self._forget(copy)

    async def _has_ended(self, copy: Copy) -> bool:
        end, soon = copy.kept.life.expires, (time.time() + CLOCK_DIFFERENCE) * 1e6
        return (end is not None and end < soon) or await self.log.has_ended(copy.name, copy.known.latest)

    def _forget(self, copy: Copy) -> None:
        """Forget what the log does not have, unless it was made here and is not in the log yet."""
        if copy.kept.head is not None and copy.sandbox is not None:
            self.sandboxes.end(copy.sandbox)
        self._begin_anew(copy)

    def _begin_anew(self, copy: Copy) -> None:
        copy.forget()
        copy.sandbox = self.sandboxes.find(copy.name)
        copy.cleared = self._journal_of(copy.sandbox).cleared

    def _journal_of(self, sandbox: Sandbox | None) -> Journal:
        return self.sandboxes.journals.strays if sandbox is None else sandbox.journal

    def can_append(self, sandbox: Sandbox) -> bool:
        """Return False if deliveries are to be appended, and the sandbox must be listed before that."""
        outbox = sandbox.outbox
        return outbox is None or not outbox.holds_changes or self.waiting.has(sandbox.name)

    async def be_listed(self, copy: Copy, sandbox: Sandbox | None) -> None:
        """List a sandbox if deliveries are to be appended. If that fails, undo what has made them."""
        if sandbox is None or self.can_append(sandbox):
            return
        is_listed = False
        try:
            await self.waiting.add(sandbox.name)
            is_listed = True
        finally:
            if not is_listed:
                self.undo(copy, sandbox)

    def append(self, copy: Copy, sandbox: Sandbox | None, call: KeptEntry | None) -> Turn | None:
        """Append what has happened to a sandbox since the latest turn, with the call for the journal.

        Return the turn, or None if nothing has happened. If it does not count, the sandbox has been rolled
        back: fetch the news and run the turn again. Raise NotKept if it cannot be kept; then it is undone.
        Deliveries to webhooks are a part of the turn that has made the changes.
        """
        tip, by_control = copy.tip, call is None
        if sandbox is None:
            cleared, parts, contents, begin = "", dict[str, bytes | None](), None, None
            journal, life = self._journals.strays, tip.life
        else:
            begin = None if sandbox.outbox is None else self._make_deliveries(sandbox.outbox)
            try:
                cleared, parts, contents = differences(copy, sandbox, self.sandboxes.initial, by_control)
            except NotKept:
                self.undo(copy, sandbox)
                raise
            journal, is_new = sandbox.journal, by_control or sandbox.used > copy.renewal
            life = life_of(copy, sandbox) if is_new else tip.life
        if clears := journal.cleared != copy.cleared:
            parts[CLEARED] = b"%d" % tip.serial
        if not (cleared or parts or call) and life is tip.life:
            return None
        data, serial = b"", tip.serial
        if call is not None:
            data, serial = self._codec.encode(call), serial + 1
        time = self._journals.next_arrival()
        entry = Entry(new_token(), time, parts, cleared, data, serial)
        moment = Moment(entry.token, contents, sandbox.calls if sandbox else 0, serial, time, life)
        turn = Turn(self, copy, copy.epoch, moment, call, journal)
        if clears or begin:
            turn.clears, turn.begin, copy.cleared = clears, begin, journal.cleared
        copy.sandbox, copy.tip, copy.latest, copy.used = sandbox, moment, turn, time
        self.counts.begin(turn)
        self.log.append(copy.name, tip.head, entry, life, turn.settle)
        return turn

    def _make_deliveries(self, outbox: Outbox) -> Callable[[], None] | None:
        """Make the deliveries of changes that are to be appended. Return what begins them, or None."""
        made = [one for changes in outbox.hold() for one in self._deliverer.make(outbox, changes)]
        if not made:
            return None
        outbox.add_to_log(made)
        return partial(outbox.begin, made)

    def undo(self, copy: Copy, sandbox: Sandbox) -> None:
        """Undo what has happened to a sandbox since the latest turn."""
        if copy.tip.contents is None:
            self.sandboxes.drop(sandbox)
        else:
            self._news.restore(sandbox, replace(copy.tip.contents, calls=copy.tip.calls))

    def roll_back(self, copy: Copy) -> None:
        """Return to what the log has confirmed, and let all turns that wait be run again."""
        copy.epoch += 1
        copy.stale = True
        if copy.tip.life is not copy.kept.life:
            copy.renewal = AT_ONCE
        copy.tip = copy.kept
        if copy.sandbox is not None:
            self.undo(copy, copy.sandbox)
            copy.sandbox = copy.sandbox if copy.kept.contents else None

    async def end(self, copy: Copy) -> bool:
        """Remove a sandbox from the log that has been deleted here. Return True if it is gone."""
        if copy.kept.head is not None and not await self.log.end(copy.name, copy.kept.head):
            copy.stale = True
            return False
        self._begin_anew(copy)
        return True
