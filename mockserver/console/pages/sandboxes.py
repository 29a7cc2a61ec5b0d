"""The list of sandboxes, and the page of one."""

from flask import Blueprint, render_template

from mockserver.console.control_client import path_of
from mockserver.console.pages.context import control

pages = Blueprint("sandboxes", __name__)


@pages.get("/sandboxes", endpoint="list")
def show_list() -> str:
    return render_template("sandboxes/list.html", **control().get("/sandboxes"))


@pages.get("/sandboxes/<sandbox>")
def show(sandbox: str) -> str:
    return render_template("sandboxes/show.html", sandbox=control().get(path_of("sandboxes", sandbox)))
