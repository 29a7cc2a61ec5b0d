"""The records of a sandbox: the collections of all vendors, the records of one, and new products."""

import re
from decimal import Decimal
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.context import DONE, after, backend, control
from mockserver.console.pages.forms import Field, Form
from mockserver.console.pages.sandbox.record import contract_of, records_path, show_record
from mockserver.contract.contract import Contract

pages = Blueprint("data", __name__)
RECORD = "/sandboxes/<sandbox>/data/<vendor>/<collection>/<path:key>"
pages.add_url_rule(RECORD, "record", show_record, methods=["GET", "POST"])
ROWS = 50
COLUMNS = 5
DECIMAL = re.compile(r"-?\d+\.\d+")  # not an EAN, an id or a SKU of digits
TELLING = re.compile("name|title|sku|stock|quantity|price|active", re.IGNORECASE)  # worth a column
DONE.update(
    product_added="The product has been added at all vendors.", record_deleted="The record has been deleted."
)


@pages.get("/sandboxes/<sandbox>/data")
def show(sandbox: str) -> str:
    """Show all collections with their numbers of records, and the products that a text finds."""
    text, place = request.args.get("q", ""), request.args.get("after", "")
    found = {}
    if text:
        products = path_of("sandboxes", sandbox, "products")
        found = control().get(products, q=text[:200], after=place, limit=ROWS)
    collections = {
        contract.vendor.name: [_counted(sandbox, contract, name) for name in contract.base_records]
        for contract in backend().contracts
    }
    return render_template("data/show.html", sandbox=sandbox, q=text, found=found, collections=collections)


def _counted(sandbox: str, contract: Contract, name: str) -> tuple[str, int, int]:
    """Return the name of a collection, how many records it has, and how many of them have changed."""
    path = records_path(sandbox, contract.vendor.name, name)
    total = control().get(path, limit=1)["total"]
    return name, total, control().get(path, limit=1, changed=True)["total"]


@pages.get("/sandboxes/<sandbox>/data/<vendor>/<collection>", endpoint="collection")
def show_collection(sandbox: str, vendor: str, collection: str) -> str:
    text, changed = request.args.get("q", ""), "changed" in request.args
    offset = max(request.args.get("offset", 0, int), 0)
    path = records_path(sandbox, vendor, collection)
    found = control().get(path, q=text[:200], changed=changed or None, offset=offset, limit=ROWS)
    contract = contract_of(vendor)
    return render_template(
        "data/collection.html", sandbox=sandbox, contract=contract, collection=collection, path=path,
        columns=_columns(contract, collection), key=contract.base_records[collection].collection.key,
        q=text, only_changed=changed, offset=offset, rows=ROWS, cell=_cell,
        numbers=_numbers(found["records"]), **found,
    )  # fmt: skip


def _columns(contract: Contract, collection: str) -> list[str]:
    """Return the fields that the list shows beside the key: those that tell most."""
    key, schema = contract.base_records[collection].collection.key, contract.spec.records[collection].draft4
    names = [name for name in schema.get("required", schema["properties"]) if name != key]
    chosen = sorted(names, key=lambda name: TELLING.search(name) is None)[:COLUMNS]
    return [name for name in names if name in chosen]


def _numbers(records: list[dict[str, Any]]) -> set[str]:
    """Return the fields with numbers, which some vendors write as texts."""
    values = [(name, value) for record in records for name, value in record.items() if value is not None]
    return {name for name, value in values if _is_number(value)} - {
        name for name, value in values if not _is_number(value)
    }


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return DECIMAL.fullmatch(value) is not None
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    """Return a value as a cell of a table shows it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return f"{len(value)} {'item' if len(value) == 1 else 'items'}"
        case dict():
            return f"{len(value)} fields"
    return str(value)


@pages.route("/sandboxes/<sandbox>/data/new-product", methods=["GET", "POST"])
def new_product(sandbox: str) -> str | AnyPage | tuple[str, int]:
    form = Form(
        [
            Field("sku", "SKU", required=True, hint="no other product may have it"),
            Field("name", "Name", required=True),
            Field("price", "Price with tax", "number", hint="empty: 10.00"),
            Field("quantity", "In stock", "number", hint="empty: 0"),
            Field("ean", "EAN", hint="13 digits; empty: made by the server"),
        ]
    )
    if request.method != "POST":
        control().get(path_of("sandboxes", sandbox))  # maybe there is no such sandbox
    elif form.fill(request.form):
        try:
            control().post(path_of("sandboxes", sandbox, "products"), form.values)
        except Refused as refused:
            form.refuse(refused)
        else:
            return after("product_added", "data.show", sandbox=sandbox, q=form.values["sku"])
    return render_template("data/new_product.html", sandbox=sandbox, form=form), form.status
