"""Requests for the pages of the public demo."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from msgspec import structs
from werkzeug.wrappers import Response as AnyPage

from mockserver.console import snippets
from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.access.visitor import open_to_all
from mockserver.console.pages.context import DONE, after, backend, control, raw
from mockserver.console.pages.demo import visit
from mockserver.console.pages.demo.tour import (
    comparison,
    faults_of,
    most_shared,
    reason,
    route_of,
    tour,
    writes,
)
from mockserver.console.pages.demo.written import Written, written_in
from mockserver.console.pages.docs.sample_request import SampleRequest
from mockserver.control.journal.reproduce import ClientRequest
from mockserver.server.access.own_origin import is_https
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.json_text import decode, pretty
from mockserver.vendor_api.vendor import Vendor

pages = Blueprint("demo", __name__)
KEPT = "public, max-age=300"
FAULT = {"fault": 503, "times": 2}
PRODUCTS = 100  # among which the tour chooses one
MAIN_LIMITS = (
    "sandboxes_per_address",
    "idle",
    "calls_per_second",
    "calls_per_day",
    "changes",
    "import_bytes",
)
DONE["kept"] = "Your sandbox goes on."
DONE["faults_on"] = "The next two calls will fail with a 503."
DONE["faults_off"] = "No call fails on purpose any more."
DONE["imported"] = "Your file is in this sandbox now."


def landing() -> AnyPage:
    """Return the first page. It is the same for everybody, so that a cache may keep it."""
    answer = make_response(_landing(""))
    answer.headers.update({"Cache-Control": KEPT, "Vary": "Accept, Sec-Fetch-Dest, Host"})
    return answer


def _landing(error: str) -> str:
    guard = backend().guard
    assert guard is not None
    vendor = min((contract.vendor for contract in backend().contracts), key=lambda one: len(one.sample))
    sample = ClientRequest(
        "GET", f"{_base_url()}/{vendor.name}{vendor.sample}", vendor.auth_headers(DEFAULT_SANDBOX)
    )
    groups: dict[str, list[Any]] = {}
    for row in guard.quotas.rows():
        groups.setdefault(row.group, []).append(row)
    return render_template(
        "demo/landing.html", error=error, groups=groups, curl=snippets.curl(sample),
        main_limits=MAIN_LIMITS, idle=guard.quotas.shown("idle"), life_text=guard.quotas.shown("life"),
        paused=guard.paused,
    )  # fmt: skip


def _base_url() -> str:
    scheme = "https" if is_https(raw(), backend().access) else "http"
    return backend().access.public_url or f"{scheme}://{raw().headers.get('host', 'localhost')}"


@pages.post("/try")
@open_to_all
def try_it() -> AnyPage:
    """Make a sandbox, if there is one with the data of a file, and begin a session for it.

    Whoever has a sandbox already goes on with it.
    """
    if visit.own_sandbox():
        return redirect(url_for("start.show"), 303)
    if not visit.may_begin():
        return make_response(render_template("access/plain_http.html", next=url_for("start.show")), 403)
    has_file = "file" in request.files
    try:
        document = _uploaded()
        made = control().post("/demo/sandboxes")
        if document is not None:
            _import_as_owner(made, document)
    except Refused as refused:
        text = f"{refused.message[:1].upper()}{refused.message[1:]}."
        page = render_template("demo/ended.html", error=text) if has_file else _landing(text)
        return make_response(page, refused.status, refused.headers)
    return visit.begin(made["name"], **({} if document is None else {"done": "imported"}))


def _import_as_owner(made: Mapping[str, Any], document: Any) -> None:
    """Import a document into a sandbox that has just been made. If it is refused, the sandbox goes again."""
    token = f"Bearer {made['control_token']}"
    owner = replace(
        control(), raw=structs.replace(raw(), headers=raw().headers.with_value("authorization", token))
    )
    path = path_of("sandboxes", made["name"])
    try:
        owner.put(f"{path}/import", document)
    except Refused:
        owner.delete(path)
        raise


def _uploaded() -> Any:
    """Return the JSON of the file in the form, or None if there is none. Raise Refused."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return None
    try:
        return decode(file.read())
    except ValueError as error:
        raise Refused(400, "invalid", f"this file is not the export of a sandbox: {error}") from None


def start(name: str) -> str:
    """Return the start page of a visitor."""
    sandbox = control().get(path_of("sandboxes", name))
    products, calls = _products(sandbox), _calls(name)
    route = route_of(backend().contracts, sandbox, products)
    written = written_in(name, route, writes(calls)) if route else None
    faults = faults_of(control().get(path_of("sandboxes", name, "faults"))["faults"], FAULT)
    base_url = sandbox["credentials"][route.contract.vendor.name]["base_url"] if route else ""

    def curl(sent: SampleRequest) -> str:
        return snippets.curl(ClientRequest(sent.method, base_url + sent.target, sent.headers, sent.body))

    return render_template(
        "demo/start.html", sandbox=sandbox, tabs=_tabs(sandbox, products), curl=curl,
        tasks=tour(route, calls, written.call if written and written.done else None) if route else [],
        faults=faults, last=calls[0] if calls else None, reason=reason(calls[0], faults) if calls else "",
        written=written, compared=_compared(written), agreement_url=_agreement_url(name, written),
    )  # fmt: skip


def _tabs(
    sandbox: Mapping[str, Any], products: Sequence[Mapping[str, Any]]
) -> list[tuple[Vendor, snippets.Tabs]]:
    """Return the snippets of each vendor: about a product that as many vendors as possible have."""
    places = most_shared(products)[0]["vendors"] if products else {}
    targets = {name: place["path"] for name, place in places.items()}
    vendors = [(one, one.vendor) for one in backend().contracts]
    return [
        (one, snippets.vendor_tabs(contract, sandbox, targets.get(one.name, ""))) for contract, one in vendors
    ]


def _products(sandbox: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    listed = control().get(path_of("sandboxes", sandbox["name"], "products"), limit=PRODUCTS)
    products: list[Mapping[str, Any]] = listed["products"]
    return products


def _compared(written: Written | None) -> str:
    """Say how the vendors differ in the product that a call changed. Empty if it is gone.

    If only one vendor has it, say who.
    """
    if written is None or written.product is None:
        return ""
    titles = {contract.vendor.name: contract.vendor.title for contract in backend().contracts}
    if written.done:
        return comparison(written.product, titles)
    return " and ".join(titles[name] for name in written.product["vendors"])


def _agreement_url(sandbox: str, written: Written | None) -> str:
    product = written.product if written else None
    found = product and (product["sku"] or next(iter(product["vendors"].values()))["key"])
    return url_for("agreement.show", sandbox=sandbox, q=found)


@pages.post("/demo/send/<step>")
def send(step: str) -> AnyPage:
    """Send a request of the tour, for visitors without a shell."""
    sandbox = control().get(path_of("sandboxes", _own()))
    route = route_of(backend().contracts, sandbox, _products(sandbox))
    steps = [one for task in (tour(route, [], None) if route else []) for one in task.steps]
    found = next((one.request for one in steps if one.name == step), None)
    if route is None or found is None:
        raise Refused(404, "missing", "")
    control().respond(found.raw(route.contract.vendor.name, raw()))
    return redirect(url_for("start.show", _anchor=f"task-{step}"), 303)


@pages.post("/demo/faults")
def switch_faults() -> AnyPage:
    path = path_of("sandboxes", _own(), "faults")
    if request.form.get("switch") == "off":
        control().delete(path)
        return after("faults_off", "start.show", _anchor="task-fault")
    control().post(path, FAULT)
    return after("faults_on", "start.show", _anchor="task-fault")


@pages.post("/demo/keep")
def keep() -> AnyPage:
    control().post(path_of("sandboxes", _own(), "keep"))
    return after("kept", "start.show")


@pages.get("/demo/life")
def life() -> str:
    """Return the banner about the end of the visit, for pages that read it again."""
    _own()
    return render_template("demo/life.html", life=visit.life)


@pages.get("/demo/download")
def download() -> AnyPage:
    name = _own()
    exported = control().get(path_of("sandboxes", name, "export"))
    answer = make_response(pretty(exported))
    answer.headers["Content-Type"] = "application/json"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return answer


@pages.post("/demo/token")
def show_token() -> str:
    """Make a control token, and show it this once."""
    name = _own()
    made = control().post(path_of("sandboxes", name, "control-token"))
    return render_template("demo/token.html", token=made["control_token"], base_url=_base_url())


def _own() -> str:
    if (name := visit.own_sandbox()) is None:
        raise Refused(404, "missing", "Only a visitor of the demo has this page.")
    return name


def _calls(sandbox: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = control().get("/requests", sandbox=sandbox, limit=1000)["requests"]
    return found
