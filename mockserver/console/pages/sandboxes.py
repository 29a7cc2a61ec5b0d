"""The list of sandboxes, the page of one, and the pages that make, reset, copy, import and delete one."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.access.visitor import may_use_all
from mockserver.console.pages.context import DONE, after, backend, control, sandbox_name
from mockserver.console.pages.forms import Field, Form
from mockserver.sandbox.dialects import NAMES
from mockserver.vendor_api.credential import DEFAULT_SANDBOX

pages = Blueprint("sandboxes", __name__)
ROWS, DELIVERIES = 50, 10
DONE.update(
    sandbox_reset="The sandbox is back to the state in which it was created or last imported.",
    sandbox_deleted="The sandbox has been deleted.",
    default_deleted="The sandbox has been deleted. A new one has taken its place.",
    document_imported="The document has been imported.",
)


def path_to(sandbox: str, *segments: str) -> str:
    """Return the path of a sandbox in the control API, or of something below it."""
    return path_of("sandboxes", sandbox, *segments)


@pages.get("/sandboxes", endpoint="list")
def show_list() -> str:
    text, start = request.args.get("q", ""), request.args.get("after", "")
    found = control().get("/sandboxes", q=text[:64], after=start, limit=ROWS)
    return render_template("sandboxes/list.html", **found, q=text, start=start)


@pages.get("/sandboxes/<sandbox>")
def show(sandbox: str) -> str:
    found = control().get(path_to(sandbox))
    rules = control().get(path_to(sandbox, "faults"))["faults"]
    limits, path = control().get(path_to(sandbox, "limits")), path_to(sandbox)
    webhooks = control().get(path_to(sandbox, "webhooks"))["webhooks"]
    deliveries = control().get(path_to(sandbox, "deliveries"), limit=DELIVERIES)["deliveries"]
    titles = {one.vendor.name: one.vendor.title for one in backend().contracts}
    calls = {"webhooks": webhooks, "deliveries": deliveries, "titles": titles}
    return render_template(
        "sandboxes/show.html", sandbox=found, path=path, rules=rules, limits=limits, **calls
    )


def _new_fields() -> list[Field]:
    credentials = (("named", "sbx_ and the name"), ("issued", "random"))
    limits = (("", "the server's default"), ("true", "on"), ("false", "off"))
    dialects = (("", "the server's default"), *((name, name) for name in NAMES))
    return [
        Field("name", "Name", hint="letters, digits, dots, dashes, underscores; empty: a free name"),
        Field("products", "Products", "number", hint="1 to 10,000,000; empty: the server's default"),
        Field("seed", "Seed", "number", hint="the same seed makes the same products; empty: the server's"),
        Field("ttl", "Seconds to live", "number", hint="after its last call; empty: 86,400 (1 day)"),
        Field("frozen", "Freeze the clock at (UTC)", "time", hint="empty: it runs with real time"),
        Field(
            "credential", "Credential", "choice", hint="nobody can guess a random one", choices=credentials
        ),
        Field("limits", "Rate limits", "choice", choices=limits, is_text=False),
        Field(
            "dialect", "Dialect", "choice", hint="as the pages say, or as live vendors do", choices=dialects
        ),
        Field("faults", "Fault rules, a list as JSON", "json", hint='such as [{"fault": 503, "times": 2}]'),
    ]


@pages.route("/new-sandbox", methods=["GET", "POST"])
def new() -> str | tuple[str, int]:
    """Show the form for a new sandbox. If it was sent, make the sandbox, and show what is told only once."""
    form = Form(_new_fields())
    if request.method == "GET":
        form.fields[0].value = request.args.get("name", "")
    elif form.fill(request.form):
        try:
            made = control().post("/sandboxes", form.values)
        except Refused as refused:
            form.refuse(refused)
        else:
            return render_template("sandboxes/made.html", sandbox=made)
    return render_template("sandboxes/new.html", form=form), form.status


@pages.route("/sandboxes/<sandbox>/fork", methods=["GET", "POST"])
def fork(sandbox: str) -> str | tuple[str, int]:
    source = control().get(path_to(sandbox))["name"]
    form = Form(one for one in _new_fields() if one.name in ("name", "ttl"))
    if request.method == "POST" and form.fill(request.form):
        try:
            made = control().post(path_to(sandbox, "fork"), form.values)
        except Refused as refused:
            form.refuse(refused)
        else:
            return render_template("sandboxes/made.html", sandbox=made)
    return render_template("sandboxes/new.html", form=form, source=source), form.status


@pages.route("/import", methods=["GET", "POST"])
def import_document() -> str | AnyPage | tuple[str, int]:
    """Show the form for a document. If it was sent, import it."""
    name = Field("sandbox", "Into the sandbox", required=True, hint="created if there is none of this name")
    if not may_use_all():
        name.hint = ""
    text = Field("document", "Or its text", "json", required=True)
    form = Form((name, text))
    if request.method == "GET":
        name.value = request.args.get("sandbox") or ("" if may_use_all() else sandbox_name())
        return render_template("sandboxes/import.html", form=form)
    upload = request.files.get("file")
    read = upload.stream.read().decode("utf-8", "replace") if upload and upload.filename else None
    if form.fill(request.form if read is None else {**request.form, "document": read}):
        try:
            made = control().put(path_to(form.values["sandbox"], "import"), form.values["document"])
        except Refused as refused:
            form.refuse(refused, "document")
        else:
            return _imported(made)
    if read is not None:
        text.value = ""  # the file is still where it was: not all of it need come back
    return render_template("sandboxes/import.html", form=form), form.status


def _imported(made: Mapping[str, Any]) -> str | AnyPage:
    if "control_token" in made:
        return render_template("sandboxes/made.html", sandbox=made)
    return after("document_imported", "sandboxes.show", sandbox=made["name"])


@pages.route("/sandboxes/<sandbox>/reset", methods=["GET", "POST"])
def reset(sandbox: str) -> str | AnyPage:
    if request.method == "POST":
        control().post(path_to(sandbox, "reset"))
        return after("sandbox_reset", "sandboxes.show", sandbox=sandbox)
    total = control().get(path_to(sandbox, "diff"), limit=1)["total"]
    return render_template("sandboxes/reset.html", sandbox=control().get(path_to(sandbox)), total=total)


@pages.route("/sandboxes/<sandbox>/delete", methods=["GET", "POST"])
def delete(sandbox: str) -> str | AnyPage:
    if request.method == "POST":
        control().delete(path_to(sandbox))
        if sandbox == DEFAULT_SANDBOX:
            return after("default_deleted", "sandboxes.show", sandbox=sandbox)
        return after("sandbox_deleted", "sandboxes.list")
    path = path_to(sandbox)
    return render_template("sandboxes/delete.html", sandbox=control().get(path), path=path)
