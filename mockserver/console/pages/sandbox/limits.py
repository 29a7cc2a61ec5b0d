"""The vendors' rate limits in a sandbox: what is left of them, on and off, other numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.context import DONE, after, backend, control
from mockserver.console.pages.forms import Field, Form

pages = Blueprint("limits", __name__)
DONE.update(
    limits_on="Rate limits are on. All counts start at 0.",
    limits_off="Rate limits are off.",
)


@pages.route("/sandboxes/<sandbox>/limits", methods=["GET", "POST"])
def show(sandbox: str) -> str | AnyPage | tuple[str, int]:
    path = path_of("sandboxes", sandbox, "limits")
    limits = control().get(path)
    form = Form(_fields(limits))
    if request.method == "POST" and form.fill(request.form):
        enabled = request.form.get("enabled") == "true"
        try:
            control().put(path, {"enabled": enabled, "overrides": _overrides(form.values)})
        except Refused as refused:
            form.refuse(refused)
        else:
            return after("limits_on" if enabled else "limits_off", "limits.show", sandbox=sandbox)
    page = render_template("limits/show.html", sandbox=sandbox, limits=limits, form=form, path=path)
    return page, form.status


def _fields(limits: Mapping[str, Any]) -> Iterator[Field]:
    """Yield a field for each limit: how many calls it allows instead of the vendor's own number."""
    for contract in backend().contracts:
        vendor, title = contract.vendor.name, contract.vendor.title
        usual = {one.name: one.most for one in contract.vendor.limits}
        for name in limits["vendors"][vendor]:
            own = limits["overrides"].get(vendor, {}).get(name, "")
            place, vendors_own = f"overrides.{vendor}.{name}", f"{usual[name]:,}"
            hint = f"the vendor's: {vendors_own}" if own != "" else ""
            shown = {"placeholder": vendors_own}
            yield Field(place, f"{title}, {name}", "number", str(own), hint, attributes=shown)


def _overrides(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the values of the fields as the control API has them."""
    overrides: dict[str, dict[str, Any]] = {}
    for place, value in values.items():
        _, vendor, name = place.split(".", 2)
        overrides.setdefault(vendor, {})[name] = value
    return overrides
