"""The pages that begin and end a session."""

import re
from urllib.parse import unquote

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.backend import ROOT
from mockserver.console.control_client import Refused
from mockserver.console.pages.access.visitor import access, logged_in, open_to_all, own_url, visitor
from mockserver.console.pages.context import DONE, after, backend, raw
from mockserver.server.access.session_cookie import may_set_cookie, remove_cookie, session_ids, set_cookie

pages = Blueprint("login", __name__)
PRINTABLE = re.compile(r"[!-\[\]-~]{1,2000}")  # without the backslash, which browsers take for a slash
WRONG = "This is neither the admin token nor the control token of a sandbox."
DONE["logged_out"] = "You are logged out."


@pages.get("/login")
@open_to_all
def show() -> AnyPage:
    code = request.args.get("once")
    if code is None and visitor() is not None:
        return _to_next()
    if not may_set_cookie(raw(), backend().access):
        return _page("plain_http", 403)
    if code is None:
        return _page("login", 200, error="")
    return _page("confirm", 200, code=code) if access().sessions.knows_code(code) else _page("used", 410)


@pages.post("/login")
@open_to_all
def enter() -> AnyPage:
    if not may_set_cookie(raw(), backend().access):
        return _page("plain_http", 403)
    if (code := request.form.get("once")) is not None:
        session_id = access().sessions.redeem(code)
        return _begin(session_id) if session_id else _page("used", 410)
    attempts, peer = access().attempts, raw().peer
    if seconds := attempts.seconds_to_wait(peer):
        answer = _page("login", 429, error=f"Too many wrong tokens. Try again in {seconds} seconds.")
        answer.headers.update({"Retry-After": str(seconds), "X-Mock-Error": "too_many_attempts"})
        return answer
    if session_id := access().log_in(request.form.get("token", "").strip()):
        return _begin(session_id)
    attempts.count_wrong(peer)
    return _page("login", 401, error=WRONG)


@pages.post("/logout")
@open_to_all
def leave() -> AnyPage:
    _end_sessions()
    answer = after("logged_out", "login.show")
    answer.headers.add("Set-Cookie", remove_cookie(raw(), backend().access))
    return answer


@pages.route("/another-device", methods=["GET", "POST"])
def another_device() -> str:
    """Show how to go on in another browser, and after the button the link for it."""
    rights = visitor()
    if rights is None or not logged_in():
        raise Refused(404, "missing", "Only a browser that has logged in can let in another one.")
    link = ""
    if request.method == "POST":
        link = own_url(url_for("login.show", once=access().new_code(rights)))
    return render_template("access/another_device.html", link=link, sandbox=rights.sandbox)


def _begin(session_id: str) -> AnyPage:
    """Return the redirect that gives the browser its new session. Those that it had before end."""
    _end_sessions()
    answer = _to_next()
    answer.headers.add("Set-Cookie", set_cookie(raw(), backend().access, session_id))
    return answer


def _end_sessions() -> None:
    for session_id in session_ids(raw()):
        access().sessions.end(session_id)


def _to_next() -> AnyPage:
    return redirect(request.script_root + safe_next(request.values.get("next", "")), 303)


def safe_next(target: str) -> str:
    """Return a path and query if they lead to a page of the console, otherwise those of the start page."""
    path = unquote(target.partition("?")[0])
    is_page = path.startswith(f"{ROOT}/") and ".." not in path.split("/") and "\\" not in path
    return target if is_page and PRINTABLE.fullmatch(target) else f"{ROOT}/"


def _page(name: str, status: int, **values: str) -> AnyPage:
    following = safe_next(request.values.get("next", ""))
    return make_response(render_template(f"access/{name}.html", next=following, **values), status)
