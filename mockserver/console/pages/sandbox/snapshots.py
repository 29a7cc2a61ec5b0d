"""The snapshots of a sandbox: take, restore and delete them, and see what has changed."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused, path_of
from mockserver.console.differences import Difference, of_fields
from mockserver.console.pages.context import DONE, after, backend, control

pages = Blueprint("snapshots", __name__)
ROWS = 25
FULL = 507  # the status of a demo's refusal
MAX_TEXT = 20_000  # characters of a record that the page shows
MAX_COMPARED = 10_000  # changed records that the list compares, in all snapshots together
NAME_RULE = "It has 1 to 64 letters, digits, dots, dashes and underscores, at least one letter or digit."
DONE.update(
    snapshot_taken="The snapshot has been taken.",
    snapshot_restored="The snapshot has been restored.",
    snapshot_deleted="The snapshot has been deleted.",
    record_put_back="The record is back to its values at the beginning.",
)


@pages.route("/sandboxes/<sandbox>/snapshots", methods=["GET", "POST"], endpoint="list")
def show_list(sandbox: str) -> AnyPage | tuple[str, int]:
    """Show the snapshots. If a name was sent, take one, or ask first if there is one of this name."""
    names, error, status = _names(sandbox), "", 200
    name = request.form.get("name", "").strip()
    if request.method == "POST":
        if name in names:
            return redirect(url_for("snapshots.replace", sandbox=sandbox, snapshot=name), 303)
        try:
            control().put(_path(sandbox, name or "-"))
            return after("snapshot_taken", "snapshots.list", sandbox=sandbox)
        except Refused as refused:
            if refused.message.startswith("path.snapshot: "):
                error, status = f"This cannot be a name. {NAME_RULE}", 400
            elif refused.error == "full" or refused.status == FULL:
                error, status = f"No more can be taken: {refused.message}. Delete one first.", refused.status
            else:
                raise
    changes = _differences(sandbox, names)
    page = render_template(
        "snapshots/list.html", sandbox=sandbox, names=names, changes=changes, name=name, error=error,
        path=path_of("sandboxes", sandbox, "snapshots"),
    )  # fmt: skip
    return page, status


def _differences(sandbox: str, names: list[str]) -> dict[str | None, int]:
    """Return how many records differ now from the beginning (None) and from each snapshot.

    Where there are many changed records, only as many are compared as do not take long.
    """
    changed = control().get(path_of("sandboxes", sandbox))["changes"]
    compared: list[str | None] = [None, *names]
    limit = MAX_COMPARED // max(changed, 1)
    return {name: _diff(sandbox, name, limit=1)["total"] for name in compared[:limit]}


@pages.route("/sandboxes/<sandbox>/snapshots/<snapshot>/replace", methods=["GET", "POST"])
def replace(sandbox: str, snapshot: str) -> str | AnyPage:
    if request.method == "POST":
        control().put(_path(sandbox, snapshot))
        return after("snapshot_taken", "snapshots.list", sandbox=sandbox)
    return _ask("replace", sandbox, snapshot)


@pages.route("/sandboxes/<sandbox>/snapshots/<snapshot>/restore", methods=["GET", "POST"])
def restore(sandbox: str, snapshot: str) -> str | AnyPage:
    if request.method == "POST":
        control().post(_path(sandbox, snapshot) + "/restore")
        return after("snapshot_restored", "snapshots.list", sandbox=sandbox)
    return _ask("restore", sandbox, snapshot)


@pages.route("/sandboxes/<sandbox>/snapshots/<snapshot>/delete", methods=["GET", "POST"])
def delete(sandbox: str, snapshot: str) -> str | AnyPage:
    if request.method == "POST":
        control().delete(_path(sandbox, snapshot))
        return after("snapshot_deleted", "snapshots.list", sandbox=sandbox)
    return _ask("delete", sandbox, snapshot)


@pages.route("/sandboxes/<sandbox>/diff", methods=["GET", "POST"])
def diff(sandbox: str) -> AnyPage | tuple[str, int]:
    """Show what differs between two moments. If the place of a record was sent, put the record back."""
    error, status = "", 200
    if request.method == "POST":
        place = [request.form.get(part, "") for part in ("vendor", "collection", "key")]
        try:
            control().post(path_of("sandboxes", sandbox, "records", *place, "revert"))
            return after("record_put_back", "snapshots.diff", sandbox=sandbox)
        except Refused as refused:
            if refused.error != "exists":
                raise
            error, status = f"{refused.message}. Put that one back first.", refused.status
    first, second = (request.args.get(name) or None for name in ("from", "to"))
    offset = max(request.args.get("offset", 0, int), 0)
    found = _diff(sandbox, first, second, offset=offset, limit=ROWS)
    page = render_template(
        "snapshots/diff.html", sandbox=sandbox, error=error, names=_names(sandbox), titles=_titles(),
        first=first, second=second, offset=offset, path=path_of("sandboxes", sandbox, "diff"),
        max_text=MAX_TEXT, settings=_settings(found), of_fields=of_fields, **found,
    )  # fmt: skip
    return page, status


def _settings(found: Mapping[str, Any]) -> list[Difference]:
    """Return the settings that differ."""
    names = {"clock": "clock", "limits": "rate limits", "faults": "faults"}
    return of_fields([{"field": title, **found[name]} for name, title in names.items() if found[name]])


def _ask(action: str, sandbox: str, snapshot: str) -> str:
    """Return the page that asks before an action. It says how many records differ from the snapshot."""
    total = _diff(sandbox, snapshot, limit=1)["total"]
    return render_template("snapshots/ask.html", action=action, sandbox=sandbox, name=snapshot, total=total)


def _names(sandbox: str) -> list[str]:
    names: list[str] = control().get(path_of("sandboxes", sandbox, "snapshots"))["snapshots"]
    return names


def _path(sandbox: str, snapshot: str) -> str:
    return path_of("sandboxes", sandbox, "snapshots", snapshot)


def _diff(sandbox: str, first: str | None, second: str | None = None, **page: int) -> Any:
    moments = {"from": first, "to": second}
    return control().get(path_of("sandboxes", sandbox, "diff"), **moments, **page)


def _titles() -> dict[str, str]:
    return {contract.vendor.name: contract.vendor.title for contract in backend().contracts}
