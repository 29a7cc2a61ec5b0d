"""Fault `problem`: the vendor refuses the call with its own error response."""

from typing import ClassVar, Literal

from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer
from mockserver.vendor_api.problem import Problem


class ProblemFault(Fault, frozen=True, tag="problem"):
    """A refusal by the vendor; the call is not carried out."""

    summary: ClassVar[str] = "The vendor refuses the call with its own error response."
    kind: Literal[
        "bad_request", "invalid", "unauthenticated", "forbidden", "not_found", "no_such_path",
        "method_not_allowed", "request_timeout", "too_large", "rate_limited",
    ]  # fmt: skip

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        exchange.inject_refusal(Problem(self.kind))
