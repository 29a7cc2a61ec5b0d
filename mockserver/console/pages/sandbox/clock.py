"""The clock of a sandbox: see it, freeze it, set it, move it on."""

from datetime import UTC, datetime

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.context import DONE, after, control
from mockserver.console.pages.forms import Field, Form
from mockserver.data.catalog.products import iso_timestamp
from mockserver.vendor_api.words import time_in_words

pages = Blueprint("clock", __name__)
STEPS = ((60, "1 minute"), (3600, "1 hour"), (86400, "1 day"), (7 * 86400, "1 week"))
DONE.update(
    clock_freeze="The clock is frozen.",
    clock_resume="The clock is running again, from the time it showed.",
    clock_set="The clock has been set.",
    clock_advance="The clock has been moved forward.",
)


@pages.route("/sandboxes/<sandbox>/clock", methods=["GET", "POST"])
def show(sandbox: str) -> str | AnyPage | tuple[str, int]:
    path = path_of("sandboxes", sandbox, "clock")
    clock = control().get(path)
    fields = {
        "set": Field("instant", "Time (UTC)", "time", clock["now"][:19], required=True),
        "advance": Field("seconds", "Seconds", "number", required=True),
    }
    action = request.form.get("action", "")
    form = Form([fields[action]] if action in fields else [])
    if request.method == "POST" and form.fill(request.form):
        try:
            control().put(path, {"action": action, **form.values})
        except Refused as refused:
            form.refuse(refused)
        else:
            return after(f"clock_{action}", "clock.show", sandbox=sandbox)
    wall = datetime.now(UTC)
    page = render_template(
        "clock/show.html", sandbox=sandbox, clock=clock, path=path, form=form, fields=fields, steps=STEPS,
        wall=iso_timestamp(wall), ahead=_ahead(datetime.fromisoformat(clock["now"]), wall),
    )  # fmt: skip
    return page, form.status


def _ahead(shown: datetime, wall: datetime) -> str:
    """Say by how much a clock is ahead of the real time or behind it: `1 day 2 hours ahead of real time`."""
    seconds = round((shown - wall).total_seconds())
    if abs(seconds) < 2:
        return "the same as real time"
    return f"{time_in_words(abs(seconds))} {'ahead of' if seconds > 0 else 'behind'} real time"
