"""Fault `stale_reads`: reads do not see a write for a while."""

from functools import partial
from typing import Annotated, ClassVar

from msgspec import Meta

from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer


class StaleReads(Fault, frozen=True, tag="stale_reads"):
    """After a write, reads still see the old records for a while.

    `reads` limits the number of such reads. `seconds` limits their time, measured by the sandbox's clock. If
    both are set, the limit that is reached first applies. If neither is set, one read is stale.
    """

    summary: ClassVar[str] = (
        "After a write, reads still see the old records, for `reads` reads or for `seconds` by the sandbox's"
        " clock, whichever ends first (default: one read)."
    )
    reads: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    seconds: Annotated[float, Meta(ge=0, le=86_400)] | None = None

    def fits(self, writes: bool) -> bool:
        return writes

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        reads = 1 if self.reads is None and self.seconds is None else self.reads
        exchange.on_commit = partial(exchange.sandbox.show_stale, reads=reads, seconds=self.seconds)
        await answer()
