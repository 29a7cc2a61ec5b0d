"""Sabi Trace's answers to refused requests, in the envelope of a related page."""

from mockserver.vendor_api import Answer, Call, Problem, Violation

LIST = "/api/v1/products"
ANSWERS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "Incorrect or incomplete parameters."),
    "invalid": (400, "Incorrect or incomplete parameters."),
    "unauthenticated": (401, "Unauthorized"),
    "forbidden": (403, "The user does not have permission to view the product details."),
    "not_found": (404, "No products found based on the provided criteria."),
    "no_such_path": (404, "Not Found"),
    "method_not_allowed": (405, "Method Not Allowed"),
    "request_timeout": (408, "Request Timeout"),
    "too_large": (413, "Payload Too Large"),
    "rate_limited": (429, "Too Many Requests"),
}


LIST_TEXTS = {400: "Incorrect or incomplete query parameters."}
CHANGE_TEXTS = {403: "The user does not have permission to change products."}


def render(problem: Problem, call: Call) -> Answer:
    status, default = ANSWERS[problem.kind]
    errors = [*problem.fields.values(), *(_text(violation) for violation in problem.violations)]
    if call.request.method not in ("GET", "HEAD"):
        default = CHANGE_TEXTS.get(status, default)
    elif call.request.target.partition("?")[0] == LIST:
        default = LIST_TEXTS.get(status, default)
    message = problem.message or default
    return Answer(status, {"status": False, "statusCode": status, "message": message, "errors": errors})


def _text(violation: Violation) -> str:
    name, expected = violation.name or violation.place, violation.expected
    match violation.rule:
        case "required":
            return f"{name} is required"
        case "minLength":
            return f"{name} should not be empty"
        case "minimum":
            return f"{name} must not be less than {expected}"
        case "enum":
            return f"{name} must be one of {', '.join(map(str, expected))}"
        case "maximum":
            return f"{name} must not be greater than {expected}"
        case "minItems" if violation.place == "body":
            return f"{name} must contain at least {expected} elements"
        case "maxItems" if violation.place == "body":
            return f"{name} must contain no more than {expected} elements"
        case "minItems" | "maxItems":
            return f"{name} must be two dates, start_date,end_date"
        case "type":
            return f"{name} must be of type {expected}"
    return f"{name} is not valid"
