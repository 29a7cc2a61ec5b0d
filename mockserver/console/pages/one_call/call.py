"""The page of one call: why it was answered so, what would have helped, and ways to repeat it."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.call_filter import Filter, control_query, filter_of
from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.context import backend, control
from mockserver.console.pages.one_call import view
from mockserver.console.snippets import pytest_assertion, request_tabs
from mockserver.control.journal.reproduce import ClientRequest
from mockserver.sandbox.journal.entry import NO_VENDOR, STRAYS
from mockserver.sandbox.journal.redaction import STRUCK

pages = Blueprint("call", __name__)
GONE, INVALID = 410, 400


@pages.get("/calls/<call>")
def show(call: str) -> str | tuple[str, int]:
    return _page(call)


@pages.post("/calls/<call>/send")
def send(call: str) -> AnyPage | tuple[str, int]:
    """Send the call again, and lead to the new one."""
    chosen, change = filter_of(request.args), request.form.get("smallest_change", "")
    try:
        sent = control().post(path_of("requests", call, "send"), {"smallest_change": bool(change)})
    except Refused as refused:
        if refused.status != INVALID:
            return _gone(refused)
        page = _page(call, refused.message)
        return page if isinstance(page, tuple) else (page, INVALID)
    said = "example" if change == "example" else "mended" if change else "again"
    values: Filter = {"call": sent["id"], said: call, **chosen}
    return redirect(url_for("call.show", **values), 303)


def _page(call: str, error: str = "") -> str | tuple[str, int]:
    try:
        found = control().get(path_of("requests", call))
    except Refused as refused:
        return _gone(refused)
    if found["sandbox"] != STRAYS:
        g.sandbox = found["sandbox"]
    chosen = filter_of(request.args)
    return render_template(
        "call/show.html",
        **shown_call(found),
        explanation=found["explanation"],
        error=error,
        filter=chosen,
        tabs=_tabs(found),
        struck=_is_struck(found),
        strays=STRAYS,
        links=_links(found, chosen),
        record_url=lambda change: _record_url(found["sandbox"], change),
        shared=False,
    )


def shown_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the templates need to show a call, whoever sees it."""
    return {
        "call": call,
        "view": view,
        "verdict": view.verdict(call),
        "vendor": _vendor_title(call["vendor"]),
        "by_example": view.is_example(call["explanation"]["edits"]),
        "in_demo": backend().guard is not None,
    }


def _gone(refused: Refused) -> tuple[str, int]:
    """Return the page of a call that was there once. Raise any other refusal."""
    if refused.status != GONE:
        raise refused
    return render_template("call/gone.html", message=refused.message), GONE


def _tabs(call: Mapping[str, Any]) -> list[tuple[str, str]]:
    tabs = request_tabs(ClientRequest(**call["explanation"]["repeat"]))
    return [*tabs, ("pytest", pytest_assertion(call))] if call["direction"] == "incoming" else tabs


def _is_struck(call: Mapping[str, Any]) -> bool:
    """Return True if the snippets have secrets that are struck out."""
    repeat = call["explanation"]["repeat"]
    return any(STRUCK in text for text in (repeat["url"], repeat["body"], *repeat["headers"].values()))


def _vendor_title(name: str) -> str:
    titles = {one.vendor.name: one.vendor.title for one in backend().contracts}
    return titles.get(name, "No vendor" if name == NO_VENDOR else name)


def _links(call: Mapping[str, Any], chosen: Filter) -> dict[str, str | None]:
    """Return the URLs of pages that have to do with the call, or None where there is none."""
    older, newer = _neighbour(call["id"], "before", chosen), _neighbour(call["id"], "after", chosen)
    in_sandbox = {"sandbox": call["sandbox"]}
    sent_before = next(filter(None, map(request.args.get, ("mended", "example", "again"))), None)
    same = _neighbour(call["id"], "before", in_sandbox | {"operation": call["operation"]})
    known = call["vendor"] != NO_VENDOR and call["operation"] and call["direction"] == "incoming"
    return {
        "older": older and url_for("call.show", call=older, **chosen),
        "newer": newer and url_for("call.show", call=newer, **chosen),
        "compare": same and call["operation"] and _url("compare.show", left=same, right=call["id"]),
        "compare_to": sent_before and _url("compare.show", left=sent_before, right=call["id"]),
        "operation": known and _url("docs.operation", vendor=call["vendor"], operation=call["operation"]),
        "source": known and _source_url(call),
        "edit": known and _edit_url(call),
        "sandbox": None if call["sandbox"] == STRAYS else _url("sandboxes.show", **in_sandbox),
        "share": None if call["sandbox"] == STRAYS else _url("shares.show", call=call["id"]),
        "faults": None if call["sandbox"] == STRAYS else _url("faults.show", **in_sandbox),
    }


def _source_url(call: Mapping[str, Any]) -> str | None:
    """Return the URL of what the docs say about the status of a call."""
    url = _url("docs.operation", vendor=call["vendor"], operation=call["operation"])
    contract = next((one for one in backend().contracts if one.vendor.name == call["vendor"]), None)
    operation = contract and contract.spec.operations.get(call["operation"])
    if not (url and operation):
        return None
    status = call["response"]["status"]
    return f"{url}#{'own' if status in operation.responses else 'any'}-{status}"


def _neighbour(call: str, side: str, chosen: Filter) -> str | None:
    """Return the id of the nearest call `before` or `after` one that passes a filter, or None."""
    query = {**control_query(chosen), side: call, "limit": 1}
    try:
        found = control().get("/requests", **query, order="newest" if side == "before" else "oldest")
    except Refused:  # the filter in the URL is not valid, or its sandbox has ended
        return None
    return next((str(one["id"]) for one in found["requests"]), None)


def _edit_url(call: Mapping[str, Any]) -> str | None:
    """Return the URL of the form filled with a call, or None if the journal lacks a part of its body."""
    if view.CUT.search(call["request"]["body"]):
        return None
    values = {"vendor": call["vendor"], "operation": call["operation"], "call": call["id"]}
    if call["sandbox"] != STRAYS:
        values["sandbox"] = call["sandbox"]
    url = _url("docs.operation", **values)
    return url and f"{url}#try"


def _record_url(sandbox: str, change: Mapping[str, Any]) -> str | None:
    """Return the URL of a record that a call changed, or None if it was deleted."""
    if change["after"] is None:
        return None
    names = {name: change[name] for name in ("vendor", "collection", "key")}
    return _url("data.record", sandbox=sandbox, **names)


def _url(endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None
