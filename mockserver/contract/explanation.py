"""Explanations: why a call was refused, and what would help."""

from collections.abc import Mapping

from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.parameter import Parameter
from mockserver.sandbox.journal.entry import Explanation
from mockserver.vendor_api.problem import Problem, Violation

CHECKS = {
    "rate_limited": "limits",
    "unauthenticated": "credential",
    "forbidden": "credential",
    "no_such_path": "path",
    "method_not_allowed": "method",
    "not_found": "record",
    "request_timeout": "transfer",
    "too_large": "transfer",
}


WHY = {
    "unauthenticated": "the credential is missing or not accepted",
    "forbidden": "the credential has no permission",
    "not_found": "there is no record of this key in the sandbox",
    "no_such_path": "the spec has no such path",
    "method_not_allowed": "the path does not take this method",
    "rate_limited": "the rate limit of the sandbox is reached",
}


MEND = {
    "record": "use a key that the sandbox has: GET /_mock/sandboxes/{sandbox}/records/{vendor}/{collection}",
    "path": "use a path of the spec: GET /_mock/vendors",
    "method": "use a method that the Allow header names",
    "limits": "wait, advance the clock, or PUT /_mock/sandboxes/{sandbox}/limits",
}


def refusal(problem: Problem, operation: Operation | None, welcome: Mapping[str, str]) -> Explanation:
    """Why a call was refused, the words of the spec behind it, and the smallest change that helps.

    `welcome` are headers with which the vendor lets a client in.
    """
    violations = problem.violations[:20]
    places = {violation.place for violation in violations}
    check = "body" if places == {"body"} else CHECKS.get(problem.kind, "parameters" if places else "handler")
    why = [_why(violation) for violation in violations] or [
        f"{name}: {text}" if name else text for name, text in problem.fields.items()
    ]
    declared = {(p.place, p.name): p for p in operation.parameters} if operation else {}
    found = [declared[v.place, v.name] for v in violations if (v.place, v.name) in declared]
    return Explanation(
        check=check,
        why=tuple(why or [problem.message or WHY.get(problem.kind, problem.kind.replace("_", " "))]),
        words=tuple(dict.fromkeys(f"{p.name}: {p.description}" for p in found if p.description)),
        mend=tuple(dict.fromkeys(_mend(v, declared.get((v.place, v.name))) for v in violations))
        or _usual_mend(check, welcome),
    )


def _usual_mend(check: str, welcome: Mapping[str, str]) -> tuple[str, ...]:
    if check == "credential":
        return tuple(f"send {name}: {value}" for name, value in welcome.items())
    return (MEND[check],) if check in MEND else ()


def _why(violation: Violation) -> str:
    where = f"{violation.place} {violation.name}".strip()
    expected = f" {violation.expected}" if violation.expected is not None else ""
    return f"{where}: {violation.rule}{expected}"[:300]


def _mend(violation: Violation, parameter: Parameter | None) -> str:
    where = f"{violation.place} {violation.name}".strip()
    if violation.rule == "undeclared":
        return f"leave out {where}"
    if violation.rule == "repeated":
        return f"send {where} once"
    if parameter is not None and parameter.example is not None:
        return f"send {where} such as {parameter.example}"
    return f"send {where} as the spec has it: {violation.rule} {violation.expected or ''}".strip()
