"""MerchantPro's refusals. No page documents the names and texts of errors: those used here are invented."""

from mockserver.vendor_api import Answer, Call, Problem, Violation

DEFAULT_RETRY_AFTER = 1_000_000  # microseconds; the length of the shortest window
READ_ONLY_IN_STOCK = ("id", "sku", "ean", "name")
NO_DATE = "must be a date such as 2026-01-31"
ANSWERS: dict[str, tuple[int, str, str]] = {
    "bad_request": (400, "bad_request", "The request cannot be read"),
    "invalid": (400, "validation_failed", "The request has invalid fields"),
    "unauthenticated": (401, "unauthorized", "Invalid credentials"),
    "forbidden": (403, "forbidden", "Access denied"),
    "not_found": (404, "not_found", "Resource not found"),
    "no_such_path": (404, "not_found", "Resource not found"),
    "method_not_allowed": (405, "method_not_allowed", "Method not allowed"),
    "request_timeout": (408, "request_timeout", "Request timeout"),
    "too_large": (413, "payload_too_large", "Payload too large"),
    "rate_limited": (429, "too_many_requests", "Too many requests"),
}


def render(problem: Problem, call: Call) -> Answer:
    status, name, default = ANSWERS[problem.kind]
    violations = problem.violations if problem.kind == "invalid" else ()
    details = {**problem.fields, **{violation.name or "body": _text(violation) for violation in violations}}
    headers: tuple[tuple[str, str], ...] = ()
    if problem.kind == "rate_limited":
        seconds = str(-(-(call.quota.retry_after or DEFAULT_RETRY_AFTER) // 1_000_000))
        details["reset_time"], headers = seconds, (("Retry-After", seconds),)
    message = problem.message or default
    if unknown := [one.name for one in violations if one.place == "query" and one.rule == "undeclared"]:
        message = f"No such filter `{unknown[0].partition('[')[0]}` defined"
        details = {}
    error = {"name": name, "message": message, "details": details}
    return Answer(status, {"error": error}, headers)


def _text(violation: Violation) -> str:
    match violation.rule:
        case "undeclared":
            return "cannot be changed" if violation.name in READ_ONLY_IN_STOCK else "is not a known field"
        case "minimum" if violation.expected == 0:
            return "must not be negative"
        case "minimum" | "maximum" as bound:
            return f"must not be {'less' if bound == 'minimum' else 'more'} than {violation.expected}"
        case "minLength" | "minItems" if violation.expected == 1:
            return "must not be empty"
        case "maxLength":
            return f"must not be longer than {violation.expected} characters"
        case "maxItems":
            return f"must not have more than {violation.expected} entries"
        case "pattern" if violation.place == "query":
            return NO_DATE
        case "enum":
            return f"must be one of {', '.join(violation.expected)}"
        case "repeated":
            return "is sent more than once"
        case "required":
            return "is required"
        case "oneOf":
            return "must be an integer or an object with adjust_by"
        case "type":
            expected = violation.expected
            return f"must be of type {expected if isinstance(expected, str) else expected[0]}"
    return "is not valid"
