"""Counts of what happens to a server's store, for its metrics and its log."""

import logging
import time

from mockserver.sandbox.journal.entry import STRAYS
from mockserver.sandbox.log.known_turns import Lost
from mockserver.sandbox.log.log import Outcome, StoreUnavailable
from mockserver.server.metrics import STORE_BUCKETS, Histogram

SECONDS_OF_A_LOOK = 5.0  # that it counts: the next look may be that of another worker
log = logging.getLogger("mockserver")


class StoreCounts:
    """The counts of one server.

    `appends` counts the turns that were appended, and `conflicts` those that the log refused. `generations`
    counts how often the store had lost everything, `sandboxes` the sandboxes that lacked turns, and `turns`
    these turns. Each server counts the turns that it knew, so only the sum of those that were answered `here`
    over all servers counts none twice.

    `seconds` are the times from an append until it is kept, of one append at a time, which is `measured`: to
    measure each would take longer.
    """

    def __init__(self) -> None:
        self.appends = self.conflicts = self.generations = self.sandboxes = 0
        self.turns = {"here": 0, "elsewhere": 0}
        self._unreachable_at = float("-inf")
        self.seconds = Histogram(STORE_BUCKETS)
        self.measured: object = None
        self._told = ""  # why the store cannot be used now
        self._began = 0.0

    @property
    def reachable(self) -> bool:
        """Return False if the store could not be used when it was last tried."""
        return time.monotonic() - self._unreachable_at > SECONDS_OF_A_LOOK

    @reachable.setter
    def reachable(self, value: bool) -> None:
        self._unreachable_at = float("-inf") if value else time.monotonic()

    @property
    def failing(self) -> bool:
        """Return True if the store could not be used, and nothing has been written to it since."""
        return bool(self._told)

    def begin(self, turn: object) -> None:
        """Count a turn that is appended now."""
        self.appends += 1
        if self.measured is None:
            self.measured, self._began = turn, time.perf_counter()

    def keep(self) -> None:
        """Note that the append is kept that is measured."""
        self.measured = None
        self.seconds.add(time.perf_counter() - self._began)
        if self._told:
            self.recover()

    def refuse(self, turn: object, outcome: Outcome) -> None:
        """Count a turn that is refused, or whose outcome is unknown."""
        if turn is self.measured:
            self.measured = None
        if outcome is False:
            self.conflicts += 1
        elif isinstance(outcome, StoreUnavailable):
            self.fail(outcome)

    def fail(self, error: StoreUnavailable) -> None:
        """Say in the log why the store cannot be used, unless that is known. The answers do not."""
        if self._told != (told := str(error)):
            self._told = told
            log.warning("the store cannot be used: %s", told)

    def recover(self) -> None:
        """Say in the log that the store can be used again."""
        self._told = ""
        log.warning("the store can be used again")

    def lose(self, name: str, lost: Lost, *, whole: bool = False) -> None:
        """Count the turns of a sandbox that the store has lost, and say so in the log."""
        self._add(lost)
        what = "the calls to no sandbox" if name == STRAYS else f"sandbox {name}"
        log.warning(
            "the store has lost the latest %s turns of %s, %s of them answered by this server%s",
            lost.turns,
            what,
            lost.here,
            ": nothing of it is left" if whole else "",
        )

    def lose_all(self, store: str, lost: list[Lost]) -> None:
        """Count what the store has lost of all sandboxes, and say so in the log."""
        self.generations += 1
        for one in lost:
            self._add(one)
        log.warning(
            "the store %s has lost the sandboxes that it had kept; this server knew %s, with %s turns",
            store,
            len(lost),
            sum(one.turns for one in lost),
        )

    def _add(self, lost: Lost) -> None:
        self.sandboxes += 1
        self.turns["here"] += lost.here
        self.turns["elsewhere"] += lost.elsewhere
