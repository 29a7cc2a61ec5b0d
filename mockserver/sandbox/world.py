"""All of a sandbox that can be copied."""

from dataclasses import dataclass, field
from typing import Literal

from mockserver.sandbox.clock import Clock
from mockserver.sandbox.faults.rules import Faults
from mockserver.store.state import State
from mockserver.vendor_api.rate_limits import Limits

OWN = 1  # the page's own record, which is not made by the catalogue
Why = Literal["missing", "exists", "full"]


@dataclass(frozen=True)
class World:
    """All that can be copied, reset and restored: an immutable value."""

    state: State = field(default_factory=State)
    clock: Clock = field(default_factory=Clock)
    calls: int = 0
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)


class SandboxRefused(Exception):
    """A sandbox or snapshot is missing, exists already, or is one too many."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why
