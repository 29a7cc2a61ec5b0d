"""The page about the server itself, and the choice of its colors."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.pages.access.login import safe_next
from mockserver.console.pages.context import backend, control, raw
from mockserver.console.pages.docs.docs import days_read, evidence_counts
from mockserver.server.access.own_origin import is_https
from mockserver.server.access.table import HEADINGS, WHAT_OPENS_WHAT

pages = Blueprint("about", __name__)
ANYONE = "anyone"  # who makes sandboxes by calls alone: nobody on a server with a public demo
THEMES = ("light", "dark")  # beside that of the browser
THEME_COOKIE = "mockserver-theme"
YEAR = 365 * 24 * 3600


@pages.get("/about")
def show() -> str:
    return render_template(
        "about.html",
        settings=control().get("/settings"),
        contracts=backend().contracts,
        evidence=evidence_counts,
        read_on=days_read,
        headings=HEADINGS,
        rows=[row for row in WHAT_OPENS_WHAT if not (backend().guard and row.made_by == ANYONE)],
    )


@pages.post("/theme", endpoint="choose_theme")
def choose_theme() -> AnyPage:
    """Keep the theme in a cookie, or forget it for that of the browser, and show the same page again."""
    back = request.form.get("back", "").removeprefix(request.script_root)
    answer = redirect(request.script_root + safe_next(back), 303)
    chosen = request.form.get("theme")
    value, age = (chosen, YEAR) if chosen in THEMES else ("", 0)
    secure = "; Secure" if is_https(raw(), backend().access) else ""
    path = f"{request.script_root}/_mock"
    cookie = f"{THEME_COOKIE}={value}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
    answer.headers.add("Set-Cookie", cookie)
    return answer


def theme() -> str:
    """Return the theme that the visitor has chosen; empty if it is that of the browser."""
    if request.endpoint == "root":  # a cache may keep the first page of a demo, and show it to others
        return ""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else ""


def here() -> str:
    """Return the path of the present page, or of the start page if a form has led here."""
    here = request.script_root + raw().target
    return here if request.method == "GET" else url_for("start.show")
