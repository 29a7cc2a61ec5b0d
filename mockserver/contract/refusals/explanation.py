"""Explanations: why a call was refused, and the smallest change that would fix it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.parameter import Parameter
from mockserver.contract.refusals.edits import edit_for, name_meant, text_of_example
from mockserver.contract.remarks import NOT_EMULATED
from mockserver.sandbox.journal.entry import Edit, Explanation
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.words import schema_in_words, violation_in_words

NOTHING: Mapping[str, str] = MappingProxyType({})
MAX_REASONS, MAX_REASON_LENGTH = 20, 300
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
    "not_found": "the sandbox has no record with this key",
    "no_such_path": "the spec has no such path",
    "method_not_allowed": "the path does not support this method",
    "rate_limited": "the sandbox's rate limit is reached",
    "request_timeout": "the body did not arrive in time",
    "too_large": "the body is larger than the vendor accepts",
}
ADVICE = {
    "record": "use a key that the sandbox has: GET /_mock/sandboxes/{sandbox}/records/{vendor}/{collection}",
    "path": "use a path in the spec: GET /_mock/vendors",
    "not emulated": "leave the call out, or add the path to a copy of the vendor: see --vendors-from",
    "method": "use a method in the Allow header",
    "limits": "wait, advance the clock, or PUT /_mock/sandboxes/{sandbox}/limits",
}


def explain(
    problem: Problem,
    operation: Operation | None,
    auth_headers: Mapping[str, str],
    names: Mapping[str, str],
    in_body: Mapping[str, str] = NOTHING,
) -> Explanation:
    """Explain a refusal: the reasons, the spec's descriptions of the parameters, and the smallest fix.

    `auth_headers` are headers with a credential that the vendor accepts. `names` are those of the `sandbox`,
    the `vendor` and its main `collection`. `in_body` is the field of the body with the credential, for
    operations that need none in a header.
    """
    violations = problem.violations[:MAX_REASONS]
    places = {violation.place for violation in violations}
    check = problem.check or ("body" if places == {"body"} else "")
    check = check or CHECKS.get(problem.kind, "parameters" if places else "rules")
    declared = {(p.place, p.name): p for p in operation.parameters} if operation else {}
    concerned = [(violation, declared.get((violation.place, violation.name))) for violation in violations]
    spec = [f"{p.name}: {p.description}" for _, p in concerned if p and p.description]
    if check == "credential":
        edits = _credential_edits(operation, auth_headers, in_body)
        changes = [edit.text for edit in edits]
    else:
        changes = [_change(*one) for one in concerned]
        body = operation.body.draft4 if operation and operation.body else {}
        found = (
            edit_for(*one, text, _schema_at(body, one[0]), operation.body_examples if operation else ())
            for one, text in zip(concerned, changes, strict=True)
        )
        edits = [edit for edit in found if edit]
    advice = (ADVICE[check].format(**names),) if check in ADVICE else ()
    return Explanation(
        check=check,
        why=tuple(reasons(problem)),
        spec=tuple(dict.fromkeys(spec)),
        smallest_change=tuple(dict.fromkeys(changes)) or advice,
        edits=tuple(edits),
    )


def _credential_edits(
    operation: Operation | None, headers: Mapping[str, str], in_body: Mapping[str, str]
) -> list[Edit]:
    """Return the edits that set a credential where the operation expects it."""
    if operation and not operation.secured:
        pairs = in_body.items()
        return [
            Edit("body", name, text, f"send body {name}: {text}", origin="sandbox") for name, text in pairs
        ]
    pairs = headers.items()
    return [Edit("header", name, text, f"send {name}: {text}", origin="sandbox") for name, text in pairs]


def reasons(problem: Problem) -> list[str]:
    """Return why a call is refused, in up to MAX_REASONS sentences."""
    why = [_reason(violation) for violation in problem.violations[:MAX_REASONS]] or _field_reasons(
        problem.fields
    )
    if problem.hint and (problem.check or not (why or problem.message)):
        return [problem.hint]
    if not why:
        why = [problem.message or WHY.get(problem.kind, problem.kind.replace("_", " "))]
    return [problem.hint, *why] if problem.hint else why


def _field_reasons(fields: Mapping[str, str]) -> list[str]:
    """Return what the fields of a refusal say. Of an OAuth error, that is its description (RFC 6749, 5.2)."""
    if "error_description" in fields:
        return [fields["error_description"]]
    return [f"{name}: {text}" if name else text for name, text in fields.items()]


def explain_not_emulated(problem: Problem) -> Explanation:
    """Explain the refusal of a call to an endpoint that the vendor has, but the mock does not emulate."""
    return Explanation(CHECKS.get(problem.kind, "path"), (NOT_EMULATED,), (), (ADVICE["not emulated"],))


def _reason(violation: Violation) -> str:
    """Return a reason in the one form that all have: `limit (query): must be a number`."""
    words = violation_in_words(violation)
    if violation.rule == "undeclared":
        kind = "field" if violation.place == "body" else "parameter"
        words = words.replace("is not known", f"unknown {kind}", 1)
    where = f"{violation.name} ({violation.place})" if violation.name else violation.place
    return f"{where}: {words}"[:MAX_REASON_LENGTH]


def _schema_at(schema: Mapping[str, Any], violation: Violation) -> Mapping[str, Any]:
    """Return the schema of the field of a body that a violation is about, or an empty one."""
    for part in violation.name.split(".") if violation.place == "body" else ():
        choices = [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())]
        inside = [one.get("properties", {}).get(part) or one.get("items", {}) for one in choices]
        schema = next((one for one in inside if one), {})
    return schema if violation.place == "body" else {}


def _change(violation: Violation, parameter: Parameter | None) -> str:
    where = f"{violation.place} {violation.name}".strip()
    if violation.rule == "undeclared":
        meant = name_meant(violation)
        return f"rename {where} to {meant}" if meant else f"leave out {where}"
    if violation.rule == "repeated":
        return f"send {where} once"
    if parameter is not None and parameter.example is not None:
        return f"send {where}, for example {text_of_example(parameter)}"
    if violation.rule == "required":
        wanted = f": {schema_in_words(violation.expected)}" if violation.expected else ""
        return f"send {where}{wanted}"
    return f"change {where}: it {violation_in_words(violation)}"
