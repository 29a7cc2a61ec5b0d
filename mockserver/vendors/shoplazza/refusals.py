"""Refusals in the vendor's words, and the header that every answer has."""

from base64 import urlsafe_b64encode

from mockserver.vendor_api import Answer, Call, Problem, Violation

DEFAULT_RETRY_AFTER = 500_000  # microseconds; the bucket "app" leaks one call in this time
ANSWERS: dict[str, tuple[int, str, str]] = {
    "bad_request": (400, "errors", "Bad Request"),
    "invalid": (400, "errors", "Bad Request"),
    "unauthenticated": (401, "error", "Unauthorized"),
    "forbidden": (403, "error", "Forbidden"),
    "not_found": (404, "errors", "Record not found"),
    "no_such_path": (404, "errors", "Not found"),
    "method_not_allowed": (405, "errors", "Method Not Allowed"),
    "request_timeout": (408, "errors", "Request Timeout"),
    "too_large": (413, "errors", "Payload Too Large"),
    "rate_limited": (429, "errors", "Too Many Requests"),
}


def render(problem: Problem, call: Call) -> Answer:
    """Return the answer to a refused request."""
    if _is_2026(call) and (answer := _as_2026(problem)):
        return answer
    if problem.kind == "invalid" and not _is_stock_page(call):
        return _invalid(problem)
    status, field, default = ANSWERS[problem.kind]
    text = default if problem.check else problem.message or default
    headers = (("Retry-After", _retry_after(call)),) if problem.kind == "rate_limited" else ()
    return Answer(problem.status or status, {field: [text] if field == "errors" else text}, headers)


def render_as_observed(problem: Problem, call: Call) -> Answer:
    """Return the answer to a refused request as the official command line reads it."""
    if problem.kind == "unauthenticated" and not problem.message:
        return Answer(401, "Unauthorized")
    return render(problem, call)


def _is_2026(call: Call) -> bool:
    return call.request.target.startswith("/openapi/2026-01/")


def _as_2026(problem: Problem) -> Answer | None:
    """Return the answer of version 2026-01, or None if all versions have the same one."""
    message = problem.message or "; ".join(map(_sentence, problem.violations)) or "Bad Request"
    if problem.fields:
        counts = {name: int(text) for name, text in problem.fields.items()}
        return Answer(problem.status or 422, {"error": message, **counts})
    if problem.kind == "not_found" and not problem.violations:
        return Answer(404, {"code": "NotFound", "message": problem.message or "not found"})
    if problem.kind in ("invalid", "not_found") or (problem.kind == "bad_request" and problem.check):
        return Answer(problem.status or 400, {"code": "InvalidParameter", "message": message})
    return None


def _sentence(violation: Violation) -> str:
    required = violation.rule in ("required", "minLength", "minItems")
    return f"{violation.name or 'body'} {'is required' if required else _text(violation)}"


def _is_stock_page(call: Call) -> bool:
    """Return True for the one page that names status 400, and no 422, for its query."""
    return call.request.target.partition("?")[0].endswith("/inventory")


def _invalid(problem: Problem) -> Answer:
    """Return the answer to a request with wrong values: 422 with the errors of each parameter.

    A body whose structure or types are wrong is a 400.
    """
    if problem.message:
        return Answer(422, {"errors": [problem.message]})
    errors: dict[str, list[str]] = {name: [text] for name, text in problem.fields.items()}
    for violation in problem.violations:
        name = violation.name.rpartition(".")[2]
        if violation.place == "body" and violation.rule == "required":
            return Answer(422, {"errors": [f"param is missing or the value is empty: {name}"]})
        if violation.place == "body" and violation.rule == "type":
            return Answer(400, {"errors": ["Bad Request"]})
        errors.setdefault(name, []).append(_text(violation))
    return Answer(422, {"errors": errors or ["Unprocessable Entity"]})


def _text(violation: Violation) -> str:
    match violation.rule:
        case "minimum":
            return f"must be greater than or equal to {violation.expected}"
        case "maximum":
            return f"must be less than or equal to {violation.expected}"
        case "required":
            return "can't be blank"
    return "is invalid"


def _retry_after(call: Call) -> str:
    """Return the seconds until both buckets have room, rounded up to milliseconds.

    Clients parse the value as a float.
    """
    return str(-(-(call.quota.retry_after or DEFAULT_RETRY_AFTER) // 1000) / 1000)


def common_headers(call: Call) -> dict[str, str]:
    """Return a `Request-Id` of 40 URL-safe characters, like the example on the page."""
    return {"Request-Id": urlsafe_b64encode(call.random_bytes("Request-Id")[:30]).decode()}
