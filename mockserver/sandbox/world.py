"""The world of a sandbox: everything that can be copied, reset and restored, as one immutable value."""

from dataclasses import dataclass, field
from typing import Literal

from mockserver.data.store.state import State
from mockserver.sandbox.clock import REAL_TIME, Clock
from mockserver.sandbox.dialects import DOCUMENTED, Dialects
from mockserver.sandbox.faults.rules import Faults
from mockserver.vendor_api.rate_limits import Limits

FIXTURE_ITEMS = 1  # each vendor lists one product from its docs, which is not in the catalog
Reason = Literal["missing", "exists", "full", "invalid"]


@dataclass(frozen=True)
class World:
    """The records, clock, call count, rate limits, faults and dialects of a sandbox at one moment."""

    state: State = field(default_factory=State)
    clock: Clock = REAL_TIME
    calls: int = 0
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    dialects: Dialects = DOCUMENTED


class SandboxRefused(Exception):
    """Raised if a sandbox or snapshot is missing or exists, if there are too many, or for a bad name."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
