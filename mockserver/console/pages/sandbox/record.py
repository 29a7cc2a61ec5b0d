"""One record: as a form and as JSON, beside the vendor's answer, with what has changed and the ways back."""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused, path_of
from mockserver.console.differences import differences
from mockserver.console.edits import changed, read, same, text_of
from mockserver.console.pages.context import DONE, after, backend, control
from mockserver.console.pages.docs.answer import send
from mockserver.console.pages.docs.sample_request import SampleRequest
from mockserver.console.pages.forms import Field, Form, Mistake, field_of, fields_of, parse
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.schema import Schema

Record = Mapping[str, Any]
# Beside the names of fields, which are those of the record: what the page itself sends.
WAS, WHOLE, ACTION = "-was", "-record", "-do"
NAMES = ("name", "title")  # fields of records without items
DONE.update(
    record_saved="Saved. The API now answers with the new values. This change is too large to be undone.",
    record_undone="Your change has been undone.",
    record_reverted="The record is back to its values at the beginning.",
)


def records_path(sandbox: str, vendor: str, collection: str) -> str:
    """Return the path of a collection in the control API."""
    return path_of("sandboxes", sandbox, "records", vendor, collection)


def contract_of(vendor: str) -> Contract:
    """Return a vendor's contract. Answer 404 if there is no such vendor."""
    found = next((one for one in backend().contracts if one.vendor.name == vendor), None)
    return found or abort(404)


class Place(NamedTuple):
    """Which record a page is about."""

    sandbox: str
    vendor: str
    collection: str
    key: str

    @property
    def path(self) -> str:
        """The path of the record in the control API."""
        return records_path(*self[:3]) + path_of(self.key)

    @property
    def contract(self) -> Contract:
        return contract_of(self.vendor)

    @property
    def schema(self) -> Schema:
        return self.contract.spec.records[self.collection]

    @property
    def target(self) -> str | None:
        """Path and query of the vendor's call that reads the record, or None if no call shows it."""
        items = self.contract.base_records[self.collection].collection.items
        return next((item.path for item in items(control().get(self.path))), None) if items else None

    def name(self, record: Record) -> str:
        """Return the name of what a record is about, or an empty string."""
        items = self.contract.base_records[self.collection].collection.items
        named = next(iter(items(record)), None) if items else None
        name = named.name if named else next((record[one] for one in NAMES if record.get(one)), "")
        return name if isinstance(name, str) else ""

    def url(self, **more: Any) -> str:
        return url_for("data.record", **self._asdict(), **more)


def show_record(sandbox: str, vendor: str, collection: str, key: str) -> str | AnyPage | tuple[str, int]:
    place = Place(sandbox, vendor, collection, key)
    if request.method == "POST":
        return _changed(place)
    if request.args.get("ask") == "delete":
        present = control().get(place.path)
        return render_template("data/delete.html", place=place, record=present)
    return _page(place, _form(place, control().get(place.path)))


def _changed(place: Place) -> str | AnyPage | tuple[str, int]:
    match request.form.get(ACTION):
        case "delete":
            control().delete(place.path)
            return after("record_deleted", "data.collection", **_of_collection(place))
        case "revert":
            if control().post(place.path + "/revert") is None:
                return after("record_deleted", "data.collection", **_of_collection(place))
            return after("record_reverted", "data.record", **place._asdict())
        case "undo":
            return _undo(place)
        case "call":
            return _called(place)
        case "save":
            return _saved(place)
    return abort(400)


def _of_collection(place: Place) -> dict[str, str]:
    return {"sandbox": place.sandbox, "vendor": place.vendor, "collection": place.collection}


def _sent_record(name: str) -> Any:
    """Return the record that a page sent along in a hidden field."""
    try:
        found = parse(request.form.get(name, ""))
    except Mistake:
        abort(400)
    return found if isinstance(found, dict) else abort(400)


def _form(place: Place, record: Record) -> Form:
    if request.args.get("as") == "json":
        whole = field_of(WHOLE, {"type": "object"}, record, required=True)
        whole.label = "The whole record"
        return Form([whole])
    return Form(_fields(place, record))


def _fields(place: Place, record: Record) -> Iterator[Field]:
    """Yield the fields of a record's schema, then those that it has beside them."""
    collections = control().get(path_of("vendors", place.vendor, "collections"))["collections"]
    found = next(one for one in collections if one["name"] == place.collection)
    for field in fields_of(found["schema"], record):
        if field.name == found["key"]:
            field.attributes, field.hint = {"readonly": True}, "the key, which cannot be changed"
        yield field
    for name, value in record.items():
        if name not in found["schema"].get("properties", {}):
            yield field_of(name, {}, value, required=False)


def _saved(place: Place) -> str | AnyPage | tuple[str, int]:
    """Save what was typed: only the fields that were changed, so that others' changes to the rest stay."""
    was = _sent_record(WAS)
    form = _form(place, was)
    form.fill(request.form, {WHOLE: was, **was})
    whole = form.fields[0].name == WHOLE
    typed = form.values.get(WHOLE, was) if whole else {**_unread(form, was), **form.values}
    former = control().get(place.path)
    record = _with_changes(former, was, typed) if isinstance(typed, dict) else typed
    if not form.check(place.schema, record, WHOLE if whole else ""):
        return _page(place, form, was=was)
    try:
        saved = former if same(former, record) else control().put(place.path, record)
    except Refused as refused:
        form.refuse(refused)
        return _page(place, form, was=was)
    edit = text_of(_key(), place.path, former, saved)
    if edit is None:
        return after("record_saved", "data.record", **place._asdict())
    return redirect(place.url(edit=edit, **{"as": request.args.get("as")}), 303)


def _unread(form: Form, was: Record) -> dict[str, Any]:
    """Return the former values of the fields that cannot be read, so that the others can be checked."""
    return {one.name: was[one.name] for one in form.fields if one.error and one.name in was}


def _key() -> bytes:
    """Return the key that signs changes: the servers of one store have the same."""
    turns = backend().pipeline.turns
    own = f"edits {turns.generation if turns else ''}"
    return hmac.digest(backend().pipeline.control_access.shared.key, own.encode(), "sha256")


def _edit(place: Place) -> tuple[Record, Record] | None:
    """Return the changed fields before and after the change that the page is about, or None."""
    return read(_key(), place.path, request.args.get("edit", ""))


def _undo(place: Place) -> AnyPage:
    edit = _edit(place)
    if edit is None:
        abort(410, "This change can no longer be undone.")
    former, saved = edit
    control().put(place.path, _with_changes(control().get(place.path), saved, former))
    return after("record_undone", "data.record", **place._asdict())


def _with_changes(record: Record, before: Record, now: Record) -> dict[str, Any]:
    """Return a record with the changes that lead from one state of it to another."""
    removed = before.keys() - now.keys()
    return {name: value for name, value in {**record, **changed(now, before)}.items() if name not in removed}


def _called(place: Place) -> AnyPage:
    """Send the vendor's call that reads the record, as any client would, and show it beside the record."""
    target = place.target
    if target is None:
        abort(400)
    access = control().get(path_of("sandboxes", place.sandbox))["credentials"][place.vendor]
    answer = send(control(), place.vendor, SampleRequest("GET", target, access["headers"]))
    call, edit = answer.call and answer.call["id"], request.args.get("edit")
    return redirect(place.url(call=call, edit=edit, _anchor="answer"), 303)


def _page(place: Place, form: Form, was: Record | None = None) -> tuple[str, int]:
    """Return the page of a record. `was` is the record that the form was made of, if not the present one."""
    present = control().get(place.path)
    initial = _found(place.path + "/initial")
    call, edit = request.args.get("call", ""), _edit(place)
    page = render_template(
        "data/record.html", place=place, form=form, record=present, was=present if was is None else was,
        edit=request.args.get("edit"), edits=differences(*edit) if edit else None,
        initial=initial, since=[] if initial is None else differences(initial, present),
        target=place.target, answer=_found(path_of("requests", call)) if call else None,
        view=request.args.get("as"),
    )  # fmt: skip
    return page, form.status


def _found(path: str) -> Any:
    """Return the JSON of a GET, or None if there is no such thing, or no longer."""
    try:
        return control().get(path)
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
