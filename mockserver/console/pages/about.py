"""The page about the server itself."""

from flask import Blueprint, render_template

pages = Blueprint("about", __name__)


@pages.get("/about")
def show() -> str:
    return render_template("about.html")
