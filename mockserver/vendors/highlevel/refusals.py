"""Refusals in the words of NestJS and class-validator: one answer lists all violations."""

from uuid import UUID

from mockserver.vendor_api import Answer, Call, Problem, Request, Violation

# Fields of bodies that hold objects or lists.
NESTED = {
    "items", "recurring", "membershipOffers", "variantOptionIds", "meta", "shippingOptions",
    "digitalDelivery", "variants", "medias", "collectionIds", "taxes", "label", "seo", "prices",
}  # fmt: skip
# Lists of objects. To class-validator, they are lists and nested at once; lists of strings are not nested.
OBJECTS = {"items", "medias", "variants", "options", "membershipOffers"}
# Types of query parameters, for the text about one that is missing or repeated. All others are strings.
TYPES = {
    "limit": "number", "offset": "number", "altType": "enum", "sortOrder": "enum",
    "availableInStore": "boolean", "includedInStore": "boolean", "sendWishlistStatus": "boolean",
}  # fmt: skip
ANSWERS: dict[str, tuple[int, str | None]] = {
    "bad_request": (400, "Bad Request"),
    "unauthenticated": (401, None),
    "forbidden": (403, None),
    "request_timeout": (408, "Request Timeout"),
    "too_large": (413, "Payload Too Large"),
    "rate_limited": (429, "Too Many Requests"),
}


def render(problem: Problem, call: Call) -> Answer:
    if problem.kind == "invalid" and not _is_whole_body(problem):
        return _unprocessable(problem, call)
    if problem.kind == "not_found" and problem.message:
        return Answer(400, {"message": problem.message, "error": "Bad Request", "statusCode": 400})
    if problem.kind in ("not_found", "no_such_path", "method_not_allowed"):
        return _no_route(problem, call.request)
    kind = "bad_request" if problem.kind == "invalid" else problem.kind
    status, default = ANSWERS[kind]
    if problem.fields:  # of a token endpoint
        return Answer(problem.status or status, problem.fields)
    message = problem.message or default
    if kind == "bad_request" and "urlencoded" not in str(message):  # which only the token endpoints want
        message = default
    body: dict[str, object] = {"statusCode": status, "message": message}
    if problem.message == "Invalid token: access token is invalid":
        body["error"] = "Unauthorized"  # only this 401 has an `error` in the official description
    return Answer(status, body)


def _is_whole_body(problem: Problem) -> bool:
    """Return True if the body is no object, so that no property of it can be named."""
    return any(one.place == "body" and not one.name and one.rule == "type" for one in problem.violations)


def _no_route(problem: Problem, request: Request) -> Answer:
    status, error = (
        (405, "Method Not Allowed") if problem.kind == "method_not_allowed" else (404, "Not Found")
    )
    message = f"Cannot {request.method} {request.target}"
    return Answer(status, {"message": message, "error": error, "statusCode": status})


def _unprocessable(problem: Problem, call: Call) -> Answer:
    """Return the 422 answer. Like NestJS, list undeclared properties first, then all other violations."""
    found = [one for violation in problem.violations for one in _named(violation)]
    ordered = sorted(found, key=lambda violation: violation.rule != "undeclared")
    enums = {violation.name for violation in ordered if violation.rule == "enum"}  # only one text for these
    ordered = [one for one in ordered if one.rule != "type" or one.name not in enums]
    texts = dict.fromkeys(text for violation in ordered for text in _texts(violation))
    return Answer(422, {
        "message": [*texts],
        "error": "Unprocessable Entity",
        "statusCode": 422,
        "traceId": str(UUID(bytes=call.random_bytes("traceId")[:16], version=4)),
    })  # fmt: skip


def _named(violation: Violation) -> list[Violation]:
    """Return the violation, or if an object fits none of several shapes, what it lacks of the first one."""
    if violation.rule != "anyOf" or violation.name:
        return [violation]
    shape = violation.expected[0]
    fields = shape["properties"]
    return [Violation(violation.place, name, "required", fields[name]) for name in shape["required"]]


def _texts(violation: Violation) -> list[str]:
    """Return class-validator's messages for one property. NestJS puts the path of a nested one before them.

    The path of a value in a list ends with its index. It is the list that the message is about. If the value
    should be an object, the list counts as the parent, too.
    """
    path = violation.name.split(".") if violation.place == "body" else [violation.name]
    if path[0] not in NESTED:
        path = [violation.name]
    each = len(path) > 1 and path[-1].isdecimal()
    if each:
        path.pop()
    *parents, name = path
    if each and violation.rule == "type" and _kind(violation) == "object":
        parents = path
    prefix = "".join(f"{parent}." for parent in parents)
    return [prefix + text for text in _constraints(violation, name, each)]


def _constraints(violation: Violation, name: str, each: bool) -> list[str]:
    """Return the messages for a property. If `each`, they are about a value in a list of this name."""
    subject = f"each value in {name}" if each else name
    match violation.rule:
        case "undeclared":
            return [f"property {name} should not exist"]
        case "minLength" | "minItems":
            return [f"{subject} should not be empty"]
        case "maxLength":
            return [f"{subject} must be shorter than or equal to {violation.expected} characters"]
        case "minimum":
            return [f"{subject} must not be less than {violation.expected}"]
        case "maximum":
            return [f"{subject} must not be greater than {violation.expected}"]
        case "multipleOf":
            return [f"{subject} must be an integer number"]
    kind = _kind(violation)
    if kind == "object":
        nested = f"nested property {name} must be either object or array"
        return [f"each value in {nested}" if each else nested]
    rules = {
        "number": "must be a number conforming to the specified constraints",
        "boolean": "must be a boolean value",
        "array": "must be an array",
        "enum": "must be a valid enum value",
    }
    texts = [f"{subject} {rules.get(kind, 'must be a string')}"]
    if kind == "array" and name in OBJECTS and not isinstance(violation.value, dict | None):
        texts.append(f"each value in nested property {name} must be either object or array")
    if violation.value in (None, "") and kind in ("string", "enum") and not each:
        texts.append(f"{subject} should not be empty")
    return texts


def _kind(violation: Violation) -> str:
    """Return the type that a property should have, or `enum`."""
    expected = violation.expected
    match violation.rule:
        case "enum":
            return "enum"
        case "required" if isinstance(expected, dict):
            return "enum" if "enum" in expected else _first(expected.get("type"))
        case "repeated" | "required":
            return TYPES.get(violation.name, "string")
        case "type":
            return _first(expected)
    return "string"


def _first(types: object) -> str:
    """Return the first of the types in a schema, where `null` is the last."""
    return str(types[0] if isinstance(types, list) else types)
