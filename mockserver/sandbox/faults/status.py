"""Fault `status`: an answer with a status chosen by the user."""

from typing import Annotated, ClassVar

from msgspec import Meta

from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer


class StatusFault(Fault, frozen=True, tag="status"):
    """Answers with the user's status; the call is not carried out."""

    summary: ClassVar[str] = (
        "An answer with any `status`. Its body is the spec's example, or empty if the spec has no example."
    )
    status: Annotated[int, Meta(ge=200, le=599)]

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        exchange.answer_with_example(self.status)
