"""The dialects of the vendors in a sandbox: what differs, and the choice for each vendor."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.context import DONE, after, backend, control
from mockserver.console.pages.forms import Field, Form
from mockserver.sandbox.dialects import NAMES

pages = Blueprint("dialect", __name__)
DONE.update(dialect_chosen="Dialect saved. It applies from the next call.")
CHOICES = tuple((name, name) for name in NAMES)


@pages.route("/sandboxes/<sandbox>/dialect", methods=["GET", "POST"])
def show(sandbox: str) -> str | AnyPage | tuple[str, int]:
    path = path_of("sandboxes", sandbox, "dialect")
    chosen = control().get(path)
    form = Form(_fields(chosen))
    if request.method == "POST" and form.fill(request.form):
        try:
            control().put(path, {"dialect": _text(chosen["dialect"], form.values)})
        except Refused as refused:
            form.refuse(refused)
        else:
            return after("dialect_chosen", "dialect.show", sandbox=sandbox)
    page = render_template(
        "dialect/show.html", sandbox=sandbox, chosen=chosen, form=form, path=path,
        vendors=[contract.vendor for contract in backend().contracts],
    )  # fmt: skip
    return page, form.status


def _fields(chosen: Mapping[str, Any]) -> Iterable[Field]:
    """Return a choice for each vendor that the dialects differ at."""
    return [
        Field(contract.vendor.name, contract.vendor.title, "choice", vendor["dialect"], choices=CHOICES)
        for contract in backend().contracts
        if (vendor := chosen["vendors"][contract.vendor.name])["differences"]
    ]


def _text(before: str, values: Mapping[str, str]) -> str:
    """Return the text that chooses these dialects. All other vendors keep that of the text before."""
    first = before.partition(",")[0]
    others = first if first in NAMES else NAMES[0]
    return ",".join([others, *(f"{vendor}={dialect}" for vendor, dialect in values.items())])
