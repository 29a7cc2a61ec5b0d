"""The list of calls."""

from flask import Blueprint, render_template

from mockserver.console.pages.context import control

pages = Blueprint("calls", __name__)
MAX_ROWS = 200


@pages.get("/calls")
def show() -> str:
    return render_template("calls/show.html", **control().get("/requests", limit=MAX_ROWS))
