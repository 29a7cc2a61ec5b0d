"""Problems of requests that cannot be read, with the place of the error for the journal's explanation."""

import re
from collections.abc import Sequence

from mockserver.vendor_api.problem import Problem

BYTE = re.compile(r"(?:JSON is malformed: )?(.*) \(byte ([0-9]+)\)", re.DOTALL)


def not_json(body: bytes, error: ValueError) -> Problem:
    """Return the problem of a body that is not JSON. Its hint tells line and column of the error."""
    problem = Problem("bad_request", "The request body is not valid JSON")
    problem.check, problem.hint = "body", f"body: not valid JSON at {_place(body, str(error))}"
    return problem


def wrong_body(body: bytes, types: Sequence[str]) -> Problem:
    """Return the problem of a body that is missing, or of another type than `types`."""
    missing = not body and len(types) == 1 and types[0] == "application/json"
    text = "The request body is missing" if missing else f"The request body must be {' or '.join(types)}"
    problem = Problem("bad_request", text)
    problem.check = "body"
    return problem


def form_not_utf8() -> Problem:
    """Return the problem of a form that is not UTF-8."""
    problem = Problem("bad_request", "The request body is not a valid form")
    problem.check, problem.hint = "body", "body: not UTF-8"
    return problem


def query_not_utf8() -> Problem:
    """Return the problem of a query that is not UTF-8."""
    problem = Problem("bad_request")
    problem.check, problem.hint = "parameters", "query: not UTF-8"
    return problem


def _place(body: bytes, reason: str) -> str:
    """Say where a body stops being JSON, and why: `line 2, column 7: trailing comma in object`."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"{_line_and_column(body, error.start)}: not UTF-8"
    if reason == "Input data was truncated":
        return f"{_line_and_column(body, len(body))}: it ends too early"
    if found := BYTE.fullmatch(reason):
        return f"{_line_and_column(body, int(found[2]))}: {found[1]}"
    return reason


def _line_and_column(body: bytes, position: int) -> str:
    before, newline = body[:position], b"\n"
    column = len(before[before.rfind(newline) + 1 :].decode("utf-8", "replace")) + 1
    return f"line {before.count(newline) + 1}, column {column}"
