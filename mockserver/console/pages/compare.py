"""One call compared with another: what differs, as text."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from flask import Blueprint, g, render_template, request

from mockserver.console.control_client import Refused, path_of
from mockserver.console.differences import Difference
from mockserver.console.markup import phrase
from mockserver.console.pages.context import control
from mockserver.vendor_api.json_text import decode, pretty

pages = Blueprint("compare", __name__)
MAX_LINES = 2000  # of a body that are compared line by line
CONTEXT = 3  # lines shown around each difference
FACTS = ("sandbox", "vendor", "operation", "dialect", "engine", "fault", "evidence")
Json = Mapping[str, Any]


class BodyDiff(NamedTuple):
    """The lines of two bodies, as (mark, text): `-` only left, `+` only right, a space for both."""

    what: str
    lines: list[tuple[str, str]]
    cut: bool


@pages.get("/compare")
def show() -> str | tuple[str, int]:
    """Show what differs between two calls, or the form that asks for them."""
    ids = [request.args.get(side, "").strip() for side in ("left", "right")]
    found: list[Json | Refused] = [_call(one) for one in ids] if all(ids) else []
    refused = [one if isinstance(one, Refused) else None for one in found]
    calls = [one for one in found if not isinstance(one, Refused)] if not any(refused) else []
    if len({call["sandbox"] for call in calls}) == 1:
        g.sandbox = calls[0]["sandbox"]  # for the navigation
    differences, bodies = compare(*calls) if calls else ([], [])
    page = render_template(
        "compare/show.html",
        errors=[f"{one.message[:1].upper()}{one.message[1:]}" if one else "" for one in refused] or ["", ""],
        left=ids[0],
        right=ids[1],
        calls=calls,
        differences=differences,
        bodies=bodies,
    )
    return page, next((one.status for one in refused if one), 200)


def _call(identifier: str) -> Json | Refused:
    """Return a call, or the refusal of one that is not there."""
    try:
        call: Json = control().get(path_of("requests", identifier))
    except Refused as refused:
        if refused.status not in (400, 404, 410):
            raise
        return refused
    return call


def compare(left: Json, right: Json) -> tuple[list[Difference], list[BodyDiff]]:
    """Return what differs between two calls, and the diffs of their bodies."""
    bodies = [
        _body_diff(f"body of the {part}", left[part]["body"], right[part]["body"])
        for part in ("request", "response")
        if left[part]["body"] != right[part]["body"]
    ]
    return list(_differences(left, right)), bodies


def _differences(left: Json, right: Json) -> Iterator[Difference]:
    sides = left, right
    sent, got = ([side[part] for side in sides] for part in ("request", "response"))
    yield from _of("status", *(f"{one['status']} {phrase(one['status'])}".strip() for one in got))
    yield from _of("method", *(one["method"] for one in sent))
    yield from _of("path", *(one["target"].partition("?")[0] for one in sent))
    queries = [_query(one["target"]) for one in sent]
    yield from _of_each("query parameter", *queries)
    yield from _of_each("request header", *(one["headers"] for one in sent))
    yield from _of_each("response header", *(_lower(one["headers"]) for one in got))
    for name in FACTS:
        yield from _of(name, *(None if one[name] is None else str(one[name]) for one in sides))
    for name in ("remarks", "notes"):
        yield from _of(name, *("; ".join(one[name]) or None for one in sides))
    yield from _of("failed check", *(one["explanation"]["check"] for one in sides))
    yield from _of("why", *("; ".join(one["explanation"]["why"]) or None for one in sides))
    yield from _of("changed records", *(_changed(one["changes"]) for one in sides))


def _of(what: str, left: str | None, right: str | None) -> Iterator[Difference]:
    if left != right:
        yield Difference(what, left or None, right or None)


def _of_each(what: str, left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[Difference]:
    """Yield the names whose values differ."""
    for name in dict.fromkeys([*left, *right]):
        if left.get(name) != right.get(name):
            yield Difference(f"{what} {name}", left.get(name), right.get(name))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _query(target: str) -> dict[str, str]:
    """Return the parameters of a query. All values of a repeated one are joined."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(target.partition("?")[2], keep_blank_values=True):
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values


def _changed(changes: list[Json]) -> str | None:
    return "; ".join(f"{one['vendor']} {one['collection']} {one['key']}" for one in changes) or None


def _body_diff(what: str, left: str, right: str) -> BodyDiff:
    """Compare two bodies line by line, JSON in an indented form. Long ones are cut first."""
    before, after = _lines(left), _lines(right)
    cut = max(len(before), len(after)) > MAX_LINES
    found = unified_diff(before[:MAX_LINES], after[:MAX_LINES], n=CONTEXT, lineterm="")
    marked = [("", "…") if line.startswith("@@") else (line[:1], line[1:]) for line in found]
    return BodyDiff(what, marked[3:], cut)  # without the names of the files, and the place of the first part


def _lines(body: str) -> list[str]:
    try:
        value = decode(body)
    except ValueError:
        return body.splitlines()
    return pretty(value).decode("utf-8", "replace").splitlines()
