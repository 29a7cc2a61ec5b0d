"""News of sandboxes from their logs, and how a server's copies take them on."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from mockserver.sandbox.journal.entry import STRAYS
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.log.contents import Contents, Notify, restore
from mockserver.sandbox.log.log import Entry, Kept, Life
from mockserver.sandbox.log.parts import DELIVERY, PartsDamaged, apply
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.copies.changes import CLEARED, note_use
from mockserver.server.copies.codec import CallCodec
from mockserver.server.copies.copy import AT_ONCE, Copy, Moment
from mockserver.server.copies.registry import LoggedSandboxes


class News:
    """Takes on what the log has, for the copies of one server. `notify` is that of the outboxes."""

    def __init__(self, sandboxes: LoggedSandboxes, codec: CallCodec, notify: Notify) -> None:
        self._sandboxes, self._codec, self._notify = sandboxes, codec, notify

    def take(self, copy: Copy, kept: Kept, journal: Journal) -> None:
        """Take on the head and the calls of a sandbox that was read from the log."""
        journal.clear_until(int(kept.parts.get(CLEARED, b"0")))
        copy.cleared = journal.cleared
        for entry in kept.entries:
            if entry.call and entry.serial > journal.serial:
                self._record(copy, entry, journal, is_news=entry.time > (copy.told or 0))
        copy.told = None
        self._be_at(copy, kept.entries[-1], kept.life)
        if copy.sandbox is not None and kept.life.expires is not None:
            used = _time(kept.life.expires) - copy.sandbox.ttl
            note_use(copy, copy.sandbox, used)
            copy.sandbox.used = max(used, _time(copy.kept.time))

    def follow(self, copy: Copy, entries: Sequence[Entry]) -> None:
        """Apply the turns of other servers to a copy."""
        for entry in entries:
            journal = self._sandboxes.journals.strays
            if copy.name != STRAYS:
                parts = without_cleared(entry.parts)
                before = _contents(copy.kept)
                journal = self.become(copy, apply(before, entry.cleared, parts, self._sandboxes.initial))
            if "about" in entry.parts:
                copy.renewal = AT_ONCE  # as the log does not tell the life after a turn
            if CLEARED in entry.parts:
                journal.clear()
                copy.cleared = journal.cleared
                self._sandboxes.feed.announce("cleared", copy.name)
            if entry.call:
                self._record(copy, entry, journal)
            elif any(name not in (CLEARED, "calls") and name[:9] != DELIVERY for name in entry.parts):
                self._sandboxes.feed.announce("changed", copy.name)
            copy.known.add(entry.token, entry.time)
            self._be_at(copy, entry, copy.kept.life)
        if copy.sandbox is not None and entries:
            copy.sandbox.used = max(copy.sandbox.used, _time(copy.kept.time))

    def _be_at(self, copy: Copy, entry: Entry, life: Life) -> None:
        """Note that a copy, without turns that wait, has all up to an entry."""
        copy.kept = copy.tip = replace(
            copy.kept, head=entry.token, serial=entry.serial, time=entry.time, life=life
        )
        self._sandboxes.journals.pass_over(entry.time)

    def become(self, copy: Copy, contents: Contents) -> Journal:
        """Give a copy the contents that the log has. It may need another catalog. Return its journal."""
        about = contents.about
        if about is None:
            raise PartsDamaged(f"the log lacks what sandbox {copy.name} is")
        is_new = copy.told is None
        sandbox = copy.sandbox = self._sandboxes.adopt(copy.name, about.seed, about.products, is_new=is_new)
        self.restore(sandbox, contents)
        copy.kept = copy.tip = replace(copy.kept, contents=contents, calls=contents.calls)
        return sandbox.journal

    def restore(self, sandbox: Sandbox, contents: Contents) -> None:
        """Give a sandbox these contents."""
        restore(sandbox, contents, self._notify)
        sandbox.touched = set()
        if outbox := sandbox.outbox:
            outbox.hold()
        self._sandboxes.secrets.know(sandbox)

    def _record(self, copy: Copy, entry: Entry, journal: Journal, *, is_news: bool = True) -> None:
        """Add a call of another server to the journal."""
        own = copy.sandbox.credential if copy.sandbox else ""
        call = self._codec.decode(entry.call, copy.name, own)
        journal.add_numbered(call, entry.serial, entry.time)
        if is_news:
            self._sandboxes.feed.publish(call)


def _contents(moment: Moment) -> Contents | None:
    return None if moment.contents is None else replace(moment.contents, calls=moment.calls)


def without_cleared(parts: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
    """Return the parts of a sandbox without that of its journal."""
    return {name: part for name, part in parts.items() if name != CLEARED} if CLEARED in parts else parts


def _time(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
