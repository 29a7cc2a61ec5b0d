"""Problems: reasons to refuse a request, independent of how a vendor words them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

VendorProblemKind = Literal[
    "bad_request", "invalid", "unauthenticated", "forbidden", "not_found", "no_such_path",
    "method_not_allowed", "request_timeout", "too_large", "rate_limited",
]  # fmt: skip
"""The kinds of problem that `Vendor.render` must handle.

`bad_request`: the request cannot be read, for instance because its body is not JSON.
`invalid`: parameters or body break the spec, or a rule that only the handler knows.
`unauthenticated`: the credential is missing or unknown.
`forbidden`: the credential is known and has no permission.
`not_found`: there is no such record. Also raised if a path parameter is invalid.
`no_such_path`: the spec has no such path.
`method_not_allowed`: the path exists, but not with this method. The header `Allow` is added.
`request_timeout`: the body did not arrive in time.
`too_large`: the body is larger than the mock accepts.
`rate_limited`: a rate limit is used up; `Call.quota` has the details.
"""
Kind = VendorProblemKind | Literal["exists", "full", "gone", "overflow"]
"""All kinds of problem. Only the control API uses the last four."""
KINDS = frozenset((*get_args(VendorProblemKind), "exists", "full", "gone", "overflow"))


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a request breaks the spec.

    `place`: where the value was sent.

    `name`: the name of a parameter, or the path of a field in the body, joined with dots (`stock.adjust_by`).
    Empty if the violation concerns the whole body.

    `rule`: the JSON Schema keyword that failed, such as `type`, `minimum`, `enum` or `required`. It is
    `undeclared` for a name that is not in the spec, and `repeated` for a parameter sent more than once.

    `expected`: the value of the keyword in the spec, such as the minimum. For `required`, the schema of the
    missing value; for `undeclared`, the declared names. None for `repeated`, and if the spec does not say.

    `value`: the value that was sent, or a list of strings for `repeated`. For an object or a list, an empty
    one. None for `required`, for null, and for an undeclared field of the body.
    """

    place: Literal["path", "query", "header", "body"]
    name: str
    rule: str
    expected: Any = None
    value: Any = None


class Problem(Exception):
    """A reason to refuse a request. `authenticate` and handlers raise it; `Vendor.render` makes the answer.

    Raise ValueError for an unknown kind.

    `kind`: the kind of problem.

    `message`: the text of the answer, instead of the vendor's usual text for this kind.

    `status`: the status of the answer, instead of the vendor's usual status for this kind.

    `violations`: how the request breaks the spec, at most 50 of its violations. The mock sets this for the
    kind `invalid`.

    `fields`: error texts by field name, for checks that only a handler can make.

    `hint`: what the mock knows beyond the vendor's answer. The mock sets it, for the journal's explanation.

    `check`: the name of the check that failed, if the kind does not tell it. The mock sets it, too.
    """

    # Every refused call fills one. An exception has a dict too, but that is slower to fill.
    __slots__ = ("check", "fields", "hint", "kind", "message", "status", "violations")

    def __init__(
        self,
        kind: Kind,
        message: str | None = None,
        *,
        status: int | None = None,
        violations: tuple[Violation, ...] = (),
        fields: Mapping[str, str] | None = None,
    ) -> None:
        if kind not in KINDS:
            known = ", ".join(get_args(VendorProblemKind))
            raise ValueError(f"there is no kind of problem {kind!r}: use one of {known}")
        super().__init__(kind, message)
        self.kind: Kind = kind
        self.message, self.status = message, status
        self.violations, self.fields = violations, dict(fields or {})
        self.hint = self.check = ""
