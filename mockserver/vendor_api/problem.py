"""Problems: refusals in a vendor's meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

VendorProblemKind = Literal[
    "bad_request", "invalid", "unauthenticated", "forbidden", "not_found", "no_such_path",
    "method_not_allowed", "request_timeout", "too_large", "rate_limited",
]  # fmt: skip
Kind = VendorProblemKind | Literal["exists", "full", "overflow"]  # the last three are the control API's


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a request breaks the contract.

    `rule` is the JSON Schema keyword that failed, or `undeclared`, or `repeated`; `expected` is
    what the keyword asked for; `value` what came.
    """

    place: Literal["path", "query", "header", "body"]
    name: str
    rule: str
    expected: Any = None
    value: Any = None


class Problem(Exception):
    """A refusal in the vendor's meaning; the vendor renders it.

    `message` replaces the vendor's usual words; `status` its usual status; `fields` says what is
    wrong with which field.
    """

    def __init__(
        self,
        kind: Kind,
        message: str | None = None,
        *,
        status: int | None = None,
        violations: tuple[Violation, ...] = (),
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind, message)
        self.kind: Kind = kind
        self.message, self.status = message, status
        self.violations, self.fields = violations, dict(fields or {})
