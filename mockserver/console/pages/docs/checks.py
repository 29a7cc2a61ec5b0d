"""The order in which a call is checked, with the statuses that each check leads to."""

from collections.abc import Iterator
from dataclasses import dataclass

from mockserver.console.pages.docs.refusals import credential_statuses, status_of
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.body_types import BODY_KINDS
from mockserver.contract.openapi.operation import Operation
from mockserver.vendor_api.problem import Kind
from mockserver.vendor_api.rate_limits import LeakyBucket, Limit
from mockserver.vendor_api.words import time_in_words


@dataclass(frozen=True)
class Check:
    """One check. `name` is what a journal entry calls it, `statuses` those of its refusals."""

    name: str
    what: str
    statuses: list[int]


def checks_of(contract: Contract, operation: Operation) -> list[Check]:
    """Return the checks of an operation in their order. It is that of the pipeline, then of the engine."""
    checks = [*_before_handler(contract, operation)]
    if not operation.secured:
        what = f"The field {contract.vendor.credential_field} of the body must have the sandbox's credential."
        checks.append(Check("credential", what, [status_of(contract, "unauthenticated")]))
    known = {status for check in checks for status in check.statuses} - {status_of(contract, "not_found")}
    rest = sorted(status for status in operation.responses if status >= 400 and status not in known)
    what = (
        "The record must exist, and the vendor's rules beyond its spec must hold, such as prices that agree."
    )
    return [*checks, Check("record, rules", what, rest)]


def limit_in_words(limit: Limit) -> str:
    """Return a rate limit as a sentence."""
    per = " and ".join(limit.per)
    if isinstance(limit, LeakyBucket):
        return (
            f"A bucket for each {per}: it holds {limit.most:,} calls and leaks {limit.per_second:,} a second."
        )
    return f"{limit.most:,} calls in {time_in_words(limit.seconds)} for each {per}."


def _before_handler(contract: Contract, operation: Operation) -> Iterator[Check]:
    def check(name: str, what: str, *kinds: Kind) -> Check:
        return Check(name, what, sorted({status_of(contract, kind) for kind in kinds}))

    if contract.vendor.limits:
        what = "The rate limits, if they are on. They count calls with an accepted credential only."
        yield check("limits", what, "rate_limited")
    yield check("path", "The vendor must have the path.", "no_such_path")
    what = "The path must support the method. OPTIONS is answered here."
    yield check("method", what, "method_not_allowed")
    if operation.body:
        what = f"The body must arrive in time, and have at most {operation.max_body:,} bytes."
        yield check("transfer", what, "request_timeout", "too_large")
    if operation.secured:
        what = "The credential, and the headers that the vendor checks with it."
        yield Check("credential", what, credential_statuses(contract))
    if operation.parameters:
        rest = "refused" if operation.undeclared_query_refused else "ignored, with a remark"
        what = (
            f"The query must be UTF-8, and each parameter right. Query parameters not listed here are {rest}."
        )
        missing: tuple[Kind, ...] = ("not_found",) if _restricts_path(operation) else ()
        yield check("parameters", what, "bad_request", "invalid", *missing)
    if operation.body:
        kinds = " or ".join(BODY_KINDS[name] for name in operation.body_types)
        what = f"The body must be {kinds}, in UTF-8, and fit its schema."
        yield check("body", what, "bad_request", "invalid")


def _restricts_path(operation: Operation) -> bool:
    """Return True if a value in the path may be refused before its record is looked for."""
    return any(
        parameter.place == "path" and not parameter.takes_any_text for parameter in operation.parameters
    )
