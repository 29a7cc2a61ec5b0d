"""The scope of a call to the journal: the sandboxes whose calls it reads, and positions in their order."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mockserver.control.lookup import only_sandbox, refusals_as_problems
from mockserver.sandbox.journal.entry import STRAYS, KeptEntry
from mockserver.sandbox.journal.feed import Notice
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem

# The pattern of both in specs/control.yaml, and what is wrong if neither is sent.
POSITION_PATTERN = "^(p[0-9a-f]{1,15}(-[0-9]{1,15})?|[A-Za-z0-9._-]{1,64}[.][0-9]{1,15})$"
NO_POSITION = "must be the id of a call, or a position from an answer"
POSITION = re.compile(r"p([0-9a-f]{1,15})(?:-([0-9]{1,15}))?")
ENDINGS = ("deleted", "expired", "evicted")  # of a sandbox, as the registry announces them
WORDS = {"deleted": "was deleted", "expired": "expired", "evicted": "had to make room"}
CALL_ID = re.compile(r"(.+)\.([0-9]{1,15})", re.DOTALL)


@dataclass(frozen=True)
class Position:
    """A place between two calls in the order of all calls: after the one that arrived at `arrived`.

    `count` is the number of calls up to there in the scope that the position belongs to, or None if it is not
    known. As text it is opaque to clients. Unlike the id of a call, it has no dot.
    """

    arrived: int
    count: int | None = None

    def __str__(self) -> str:
        return f"p{self.arrived:x}" if self.count is None else f"p{self.arrived:x}-{self.count}"


@dataclass(frozen=True)
class Ends:
    """The ends of journals at one moment: the arrival of the latest call, and each journal's latest number.

    A call to another server comes into a journal a little later than it arrived. So calls to different
    sandboxes may come in another order.
    """

    arrived: int
    serials: Mapping[str, int]

    def have(self, entry: KeptEntry) -> bool:
        """Return True if the journals had an entry at that moment."""
        return entry.arrived <= self.arrived and entry.serial <= self.serials.get(entry.sandbox, 0)


@dataclass(frozen=True)
class Scope:
    """The sandboxes whose calls are read: one, all with the strays (`name` is None), or the strays alone.

    `only` is the journal that a client with a control token may read, and no other: not even that of a later
    sandbox with the same name.
    """

    sandboxes: Sandboxes
    name: str | None
    only: Journal | None = None

    @property
    def journals(self) -> list[Journal]:
        """The journals that exist now. A sandbox may be created or deleted while a call waits."""
        if self.name is None:
            return self.sandboxes.every_journal()
        journal = self._own_journal
        return [] if journal is None else [journal]

    @property
    def _own_journal(self) -> Journal | None:
        if self.only is not None:
            return self.only
        if self.name == STRAYS:
            return self.sandboxes.journals.strays
        found = self.sandboxes.find(self.name) if self.name else None
        return found.journal if found else None

    def is_over(self, notice: Notice) -> bool:
        """Return True if a notice says that the only sandbox that the client may read has ended."""
        return self.only is not None and notice.what in ENDINGS

    @property
    def kept(self) -> int:
        """Return the number of calls that the journals have now."""
        return sum(map(len, self.journals))

    @property
    def dropped(self) -> int:
        """Return the number of calls that were dropped because the journals were full."""
        return sum(journal.dropped for journal in self.journals)

    @property
    def strays(self) -> int:
        """Return the number of calls of no sandbox that the journal has. A control token sees none."""
        return 0 if self.only else len(self.sandboxes.journals.strays)

    @property
    def elsewhere(self) -> int:
        """Return the number of calls that the journals of other sandboxes have. A control token sees none."""
        if self.only or self.name is None:
            return 0
        own = 0 if self.name == STRAYS else self.kept
        return sum(map(len, self.sandboxes.every_journal())) - self.strays - own

    @property
    def ends(self) -> Ends:
        """The ends of the journals now."""
        return Ends(self.end.arrived, {journal.name: journal.serial for journal in self.journals})

    @property
    def end(self) -> Position:
        """The position after the latest call in the scope. It tells nothing about other sandboxes' calls."""
        if self.name is None:
            return Position(*self.sandboxes.journals.end)
        journal = self._own_journal
        return Position(*journal.end) if journal else Position(0, 0)


def scope_of(sandboxes: Sandboxes, call: Call, name: str | None) -> Scope:
    """Return the scope of a call that names a sandbox, or none. Raise Problem if there is no such sandbox.

    This is the only place that decides which sandboxes' calls a call to the control API may read: with the
    control token of one sandbox, its calls alone.
    """
    only = only_sandbox(call)
    if only is not None and name not in (None, only):
        raise Problem("not_found", f"there is no sandbox {name}")
    name = only or name
    if name is None or name == STRAYS:
        return Scope(sandboxes, name)
    with refusals_as_problems():
        journal = sandboxes.get(name).journal
    return Scope(sandboxes, name, None if only is None else journal)


def position_of(sandboxes: Sandboxes, call: Call, text: str, *, before: bool = False) -> Position:
    """Return the position that a client names: one from an answer, or after (before) the call with this id.

    The position of a call that is no longer in its journal is before the oldest one that is. Raise Problem if
    the text is neither.
    """
    if known := POSITION.fullmatch(text):
        return Position(int(known[1], 16), None if known[2] is None else int(known[2]))
    if not (named := CALL_ID.fullmatch(text)):
        raise Problem("invalid", f"{text[:100]}: {NO_POSITION}")
    journal, serial = _journal_of(sandboxes, call, named[1]), int(named[2])
    if not 1 <= serial <= journal.serial:
        raise _no_call(text, named[1], journal)
    found, entries = journal.find(serial), journal.entries()
    if found:
        return Position(found.arrived - 1, serial - 1) if before else Position(found.arrived, serial)
    return Position(entries[0].arrived - 1 if entries else journal.latest)


def entry_with_id(sandboxes: Sandboxes, call: Call, text: str) -> KeptEntry:
    """Return the entry of the call with this id. Raise Problem `gone` if it was there, or `not_found`."""
    named = CALL_ID.fullmatch(text)
    if named is None:
        raise Problem("not_found", f"there is no call {text[:100]}")
    name, serial = named[1], int(named[2])
    # A client that may use one sandbox must not learn about others, not even about earlier ones of its name.
    ended = sandboxes.ended.get(name) if only_sandbox(call) is None else None
    if ended and sandboxes.find(name) is None:
        raise Problem("gone", _with_its_sandbox(name, *ended))
    journal = _journal_of(sandboxes, call, name)
    if found := journal.find(serial):
        return found
    if 1 <= serial <= journal.serial:
        raise Problem("gone", _why_removed(text, journal))
    if ended:
        raise Problem("gone", _with_its_sandbox(name, *ended))
    raise _no_call(text, name, journal)


def _no_call(text: str, name: str, journal: Journal) -> Problem:
    latest = f"the latest is {name}.{journal.serial}" if journal.serial else "no call has come yet"
    return Problem("not_found", f"there is no call {text[:100]}: {latest}")


def _with_its_sandbox(name: str, what: str, when: datetime) -> str:
    return f"sandbox {name} {WORDS[what]} at {when:%H:%M:%S UTC on %-d %b %Y}, and its calls went with it"


def _why_removed(text: str, journal: Journal) -> str:
    """Say when the journal was cleared, or which calls it still has."""
    entries = journal.entries()
    if journal.cleared and not journal.dropped:
        return f"the journal was cleared at {_time(journal.cleared)}, and call {text} with it"
    kept = f", now those since {_time(entries[0].arrived)}" if entries else ""
    return f"the journal has dropped call {text}: it keeps the latest ones{kept}"


def _time(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%H:%M:%S UTC on %-d %b %Y}"


def _journal_of(sandboxes: Sandboxes, call: Call, name: str) -> Journal:
    """Return the journal of one sandbox, or of the strays. Raise Problem if there is no such sandbox."""
    journals = scope_of(sandboxes, call, name).journals
    if not journals:  # it has expired since
        raise Problem("not_found", f"there is no sandbox {name}")
    return journals[0]
