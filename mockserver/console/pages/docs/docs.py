"""The documentation of vendors and operations, and the requests that try them."""

from typing import Any, NamedTuple

from flask import Blueprint, Response, abort, jsonify, render_template, request
from msgspec import DecodeError, Struct
from msgspec.json import decode as decode_json

from mockserver.console.control_client import path_of
from mockserver.console.pages.context import backend, control, sandbox_name
from mockserver.console.pages.docs.answer import MAX_BODY, VendorAnswer, call_after, send
from mockserver.console.pages.docs.causes import Cause
from mockserver.console.pages.docs.checks import checks_of, limit_in_words
from mockserver.console.pages.docs.fields import BODY, Field, body_of, fields_of, request_of, sent_values
from mockserver.console.pages.docs.operation_page import OperationPage
from mockserver.console.pages.docs.sample_request import SampleRequest
from mockserver.contract.contract import Contract
from mockserver.contract.evidence import EVIDENCE
from mockserver.contract.openapi.operation import SCOPES

SCOPE_LABELS = {"page": "vendor's inventory page", "neighbour": "other operations"}
pages = Blueprint("docs", __name__)
FORM = "form"  # the place of the answer to the form, and of those to the buttons of a status: its key


class Chosen(NamedTuple):
    """A request to send after those in `given`, the status that it shall get, and the place of its answer."""

    request: SampleRequest
    given: tuple[Cause, ...] = ()
    wanted: int | None = None
    place: str = FORM


class ScriptAnswer(Struct):
    """A request that a script has sent to a vendor, and the answer that it got. Status 0 means none."""

    method: str
    target: str
    url: str
    status: int
    headers: list[tuple[str, str]]
    body: str
    position: str
    place: str
    wanted: int | None = None
    sent_headers: dict[str, str] = {}
    sent_body: str = ""


@pages.get("/docs", endpoint="list")
def show_list() -> str:
    document = control().get("/openapi.json")
    operations = [
        (method.upper(), path, item)
        for path, methods in document["paths"].items()
        for method, item in methods.items()
        if method != "parameters"
    ]
    return render_template(
        "docs/list.html",
        contracts=backend().contracts,
        tags=document["tags"],
        operations=operations,
        scopes=SCOPES,
        evidence=evidence_counts,
    )


@pages.get("/docs/<vendor>", endpoint="vendor")
def show_vendor(vendor: str) -> str:
    contract = _contract(vendor)
    return render_template(
        "docs/vendor.html",
        contract=contract,
        access=_access(contract),
        sandbox=sandbox_name(),
        limits=[limit_in_words(one) for one in contract.vendor.limits],
        scopes=SCOPES,
        evidence=evidence_counts(contract),
        read_on=days_read(contract),
        dialect=_dialect(vendor),
    )


@pages.get("/docs/<vendor>/<operation>", endpoint="operation")
def show_operation(vendor: str, operation: str) -> str:
    page = _page(vendor, operation)
    return _operation_page(page, *_form(page))


@pages.post("/docs/<vendor>/<operation>/send", endpoint="send")
def send_request(vendor: str, operation: str) -> str | Response | tuple[str, int]:
    """Send the request of a button or of the form. A script gets it as JSON, to send it itself."""
    page = _page(vendor, operation)
    fields, body = _form(page)
    chosen = _chosen(page, fields, body)
    if chosen is None:
        return _operation_page(page, fields, body), 422
    sent = chosen.request
    for one in chosen.given:
        send(control(), vendor, one.request)
    if request.accept_mimetypes.best == "application/json":
        position = control().get("/requests", limit=1)["position"]
        return jsonify(
            method=sent.method,
            url=request.script_root + sent.path_on(vendor),
            target=sent.target,
            headers=sent.headers,
            body=sent.body,
            by_browser=sent.fits_a_browser,
            position=position,
            place=chosen.place,
            wanted=chosen.wanted,
        )
    answer = send(control(), vendor, sent, chosen.wanted)
    return _operation_page(page, fields, body, answer, chosen.place)


@pages.post("/docs/<vendor>/<operation>/answer", endpoint="answer")
def show_answer(vendor: str, operation: str) -> str:
    """Show the answer that a script of the page has got."""
    _page(vendor, operation)
    try:
        got = decode_json(request.get_data(), type=ScriptAnswer)
    except DecodeError:
        abort(400)
    sent = SampleRequest(got.method, got.target, got.sent_headers, got.sent_body)
    cut, call = len(got.body) > MAX_BODY, call_after(control(), got.position, vendor, sent)
    answer = VendorAnswer(sent, got.url, got.status, got.headers, got.body[:MAX_BODY], cut, call, got.wanted)
    return render_template("docs/answer.html", answer=answer, place=got.place, sandbox=sandbox_name())


def _operation_page(
    page: OperationPage, fields: list[Field], body: str, answer: VendorAnswer | None = None, place: str = ""
) -> str:
    return render_template(
        "docs/operation.html",
        page=page,
        contract=page.contract,
        operation=page.operation,
        access=_access(page.contract),
        checks=checks_of(page.contract, page.operation),
        fields=fields,
        body=body,
        answer=answer,
        place=place,
        sandbox=sandbox_name(),
        dialect=_dialect(page.contract.vendor.name),
        differences=[one for one in page.contract.spec.differences if one.concerns(page.operation.id)],
        state=request.args.to_dict(),
    )


def _dialect(vendor: str) -> str:
    """Return the dialect that a vendor speaks in the present sandbox."""
    chosen = control().get(path_of("sandboxes", sandbox_name(), "dialect"))
    return str(chosen["vendors"][vendor]["dialect"])


def _page(vendor: str, operation: str) -> OperationPage:
    contract = _contract(vendor)
    found = contract.spec.operations.get(operation) or abort(404)
    sandbox = control().get(path_of("sandboxes", sandbox_name()))
    return OperationPage(contract, found, sandbox["credentials"][vendor]["headers"], sandbox["credential"])


def _contract(vendor: str) -> Contract:
    found = next((one for one in backend().contracts if one.vendor.name == vendor), None)
    return found or abort(404)


def _access(contract: Contract) -> Any:
    """Return base URL and headers with which the present sandbox is reached."""
    return control().get(path_of("sandboxes", sandbox_name()))["credentials"][contract.vendor.name]


def _form(page: OperationPage) -> tuple[list[Field], str]:
    """Return the fields of the form and its body: as sent, or else those of an example."""
    example = page.causes.example(page.operation)
    if request.method == "GET" and (call := request.args.get("call")):
        sent = sent_values(page.operation, control().get(path_of("requests", call))["request"])
        return fields_of(page.operation, example, sent), sent[BODY]
    if request.method == "POST" and "cause" not in request.form:
        sent = dict(request.form)
        return fields_of(page.operation, example, sent), sent.get(BODY, "").replace("\r\n", "\n")
    return fields_of(page.operation, example, None), body_of(example)


def _chosen(page: OperationPage, fields: list[Field], body: str) -> Chosen | None:
    """Return the request of a button or of the form, or None if a field of the form is wrong."""
    if "cause" in request.form:
        status, cause = page.cause(request.form["cause"]) or abort(404)
        return Chosen(cause.request, cause.given, status.response.status, request.form["cause"])
    if any(field.error for field in fields):
        return None
    return Chosen(request_of(page.operation, fields, body))


def days_read(contract: Contract) -> dict[str, str]:
    """Return the days on which a vendor's sources were last read, by the labels of their scopes."""
    return {SCOPE_LABELS[scope]: day for scope, day in contract.spec.read_on.items()}


def evidence_counts(contract: Contract) -> dict[str, dict[str, int]]:
    """Count the responses of a vendor by their evidence: for each scope, and for unknown paths."""
    spec = contract.spec
    groups = {
        SCOPE_LABELS[scope]: [
            one for operation in spec.of_scope(scope) for one in operation.responses.values()
        ]
        for scope in SCOPES
    }
    groups["unknown paths"] = [*spec.shared_responses.values()]
    return {
        group: {name: sum(one.evidence == name for one in responses) for name in EVIDENCE}
        for group, responses in groups.items()
        if responses
    }
