"""The list of calls: newest first, filtered by its URL, and what is new in it."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.call_filter import Filter, control_query, filter_of, pairs, without
from mockserver.console.control_client import Refused, path_of, query_of
from mockserver.console.pages.access.visitor import may_use_all
from mockserver.console.pages.context import DONE, after, api_url, backend, control
from mockserver.console.snippets import vendor_tabs
from mockserver.sandbox.journal.entry import NO_VENDOR, STRAYS
from mockserver.vendor_api.credential import DEFAULT_SANDBOX

pages = Blueprint("calls", __name__)
MAX_ROWS = 200
STATUS = re.compile("0|[1-5][0-9][0-9]|[1-5]xx")
STATUS_ERROR = "Use a status such as 422, or a class such as 4xx"
MAX_LISTED_SANDBOXES = 100
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
DONE["cleared"] = "The calls were removed."
NOTHING: Mapping[str, Any] = {
    "requests": [], "next": None, "position": "", "count": 0, "kept": 0, "dropped": 0,
}  # fmt: skip


@pages.get("/calls")
def show() -> str | AnyPage | tuple[str, int]:
    """Show the list. A form leaves empty fields in the URL: lead to the URL without them."""
    chosen = filter_of(request.args)
    if "" in request.args.values():
        return redirect(url_for("calls.show", **chosen), 303)
    before, error, status = request.args.get("before"), "", 200
    typed = chosen.get("status", "")
    if typed and not STATUS.fullmatch(typed):  # the list stays, without this part of the filter
        chosen, status = without(chosen, "status", typed), 400
    query = {**control_query(chosen), "before": before, "limit": MAX_ROWS}
    try:
        listed = control().get("/requests", **query, count=True)
    except Refused as refused:
        if refused.status not in (400, 404):
            raise
        listed, error, status = NOTHING, refused.message, refused.status
    empty = not listed["requests"]
    page = render_template(
        "calls/show.html",
        **listed,
        **row_values(chosen),
        chips=[
            (name, value, url_for("calls.show", **without(chosen, name, value)))
            for name, value in pairs(chosen)
        ],
        json_url=api_url(
            "/requests?" + query_of({**control_query(chosen), "before": before, "limit": MAX_ROWS})
        ),
        before=before,
        error=error,
        typed_status=typed,
        status_error=STATUS_ERROR if status == 400 and not error else "",
        hidden=control().get("/requests", limit=1)["kept"] if empty and chosen else 0,
        curl=_sample_curl() if empty else "",
        **_choices(chosen),
    )
    return page, status


@pages.get("/calls/rows")
def rows() -> str:
    """Show the calls after a position, and how many they are. With `only=count`, show no calls."""
    chosen = filter_of(request.args)
    limit = 1 if request.args.get("only") == "count" else MAX_ROWS
    listed = control().get(
        "/requests", **control_query(chosen), after=request.args.get("after"), limit=limit, count=True
    )
    if limit == 1:
        listed["requests"] = []
    return render_template("calls/rows.html", **listed, **row_values(chosen))


@pages.get("/calls/clear")
def ask_to_clear() -> str:
    sandbox = request.args.get("sandbox")
    return render_template(
        "calls/clear.html", sandbox=sandbox, kept=control().get("/requests", sandbox=sandbox, limit=1)["kept"]
    )


@pages.post("/calls/clear")
def clear() -> AnyPage:
    sandbox = request.form.get("sandbox")
    control().delete("/requests", sandbox=sandbox)
    return after("cleared", "calls.show", **({"sandbox": sandbox} if sandbox else {}))


def row_values(chosen: Filter) -> dict[str, Any]:
    """Return what the template of a row needs."""
    return {
        "filter": chosen,
        "sandbox_shown": "sandbox" not in chosen and may_use_all(),
        "titles": {one.vendor.name: one.vendor.title for one in backend().contracts},
        "call_url": lambda call: url_for("call.show", call=call, **chosen),
    }


def _choices(chosen: Filter) -> dict[str, Any]:
    """Return what the fields of the filter offer."""
    listed = control().get("/sandboxes", limit=MAX_LISTED_SANDBOXES)
    names = [*(one["name"] for one in listed["sandboxes"]), STRAYS]
    operations = [name for one in backend().contracts for name in sorted(one.spec.operations)]
    return {
        "more_filters": bool(chosen.keys() - {"q", "sandbox", "status"}),
        "sandboxes": _options(names, chosen.get("sandbox"), {STRAYS: "None"}),
        "only_sandbox": not may_use_all(),
        "all_sandboxes": listed["next"] is None,
        "vendor_choices": [
            *((one.vendor.name, one.vendor.title) for one in backend().contracts),
            (NO_VENDOR, "No vendor"),
        ],
        "operations": _options(operations, chosen.get("operation")),
        "methods": _options(METHODS, chosen.get("method")),
    }


def _options(
    values: Sequence[str], chosen: str | None, titles: Mapping[str, str] = MappingProxyType({})
) -> list[tuple[str, str]]:
    """Return the options of a field: all, each value, and the chosen one if it is another."""
    others = [chosen] if chosen and chosen not in values else []
    return [("", "All"), *((one, titles.get(one, one)) for one in (*values, *others))]


def _sample_curl() -> str:
    """Return a command that makes one call to the first vendor, in the visitor's own sandbox."""
    found = control().get("/sandboxes", limit=MAX_LISTED_SANDBOXES)["sandboxes"]
    names = [one["name"] for one in found]
    name = DEFAULT_SANDBOX if DEFAULT_SANDBOX in names else names[0]
    sandbox = control().get(path_of("sandboxes", name))
    return vendor_tabs(backend().contracts[0], sandbox)[0][1]
