"""Fault `status`: an answer with any status."""

from typing import Annotated, ClassVar

from msgspec import Meta

from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer


class StatusFault(Fault, frozen=True, tag="status"):
    """Answers with a given status; the call is not carried out."""

    summary: ClassVar[str] = "Any status, with the spec's example as its body, or else without a body."
    status: Annotated[int, Meta(ge=200, le=599)]

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        exchange.answer_with_example(self.status)
