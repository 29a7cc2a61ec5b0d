"""Problems: reasons to refuse a request, independent of how a vendor words them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

VendorProblemKind = Literal[
    "bad_request", "invalid", "unauthenticated", "forbidden", "not_found", "no_such_path",
    "method_not_allowed", "request_timeout", "too_large", "rate_limited",
]  # fmt: skip
"""The kinds of problem that `Vendor.render` must know.

`bad_request`: the request cannot be read, for instance because its body is not JSON.
`invalid`: parameters or body break the spec, or a rule that only the handler knows.
`unauthenticated`: the credential is missing or unknown.
`forbidden`: the credential is known and has no permission.
`not_found`: there is no such record. Also raised if a path parameter is invalid.
`no_such_path`: the spec has no such path.
`method_not_allowed`: the path exists, but not with this method. The header `Allow` is added.
`request_timeout`: the body did not arrive in time.
`too_large`: the body is larger than the mock reads.
`rate_limited`: a rate limit is used up; `Call.quota` says which and for how long.
"""
Kind = VendorProblemKind | Literal["exists", "full", "overflow"]
"""All kinds of problem; the last three are the control API's."""
KINDS = frozenset((*get_args(VendorProblemKind), "exists", "full", "overflow"))


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a request breaks the spec.

    `place`: where the value was sent.

    `name`: the name of the parameter, or the path of the field in the body with dots (`stock.adjust_by`);
    empty if the whole body is wrong.

    `rule`: the JSON Schema keyword that failed, such as `type`, `minimum`, `enum` or `required`; or
    `undeclared` for a name that the spec does not have, or `repeated` for a parameter sent more than once.

    `expected`: the value of the keyword in the spec, such as the minimum. None for `required`,
    `undeclared` and `repeated`.

    `value`: what was sent; a list of texts for `repeated`. None for `required` and for an undeclared field
    of the body.
    """

    place: Literal["path", "query", "header", "body"]
    name: str
    rule: str
    expected: Any = None
    value: Any = None


class Problem(Exception):
    """A reason to refuse a request. Raise it in `authenticate` or in a handler; `Vendor.render` words it.

    Raise ValueError for an unknown kind.

    `kind`: what is wrong.

    `message`: the text to answer with, in place of the vendor's usual text for this kind.

    `status`: the status to answer with, in place of the vendor's usual one for this kind.

    `violations`: how the request breaks the spec; set by the mock for the kind `invalid`.

    `fields`: what is wrong, in words, by field name; for checks that only the handler can make.
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
        if kind not in KINDS:
            known = ", ".join(get_args(VendorProblemKind))
            raise ValueError(f"there is no kind of problem {kind!r}: use one of {known}")
        super().__init__(kind, message)
        self.kind: Kind = kind
        self.message, self.status = message, status
        self.violations, self.fields = violations, dict(fields or {})
