"""The visitor of the present page, and what she may rule."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused
from mockserver.console.pages.access.ended import away, is_demo
from mockserver.console.pages.context import backend, raw
from mockserver.server.access.control_access import ControlAccess
from mockserver.server.access.own_origin import is_https
from mockserver.server.access.session_cookie import session_ids
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem

ONLY_HERE = "without --admin-token, the console answers only this machine, under a loopback host"
LOGGED_OUT = (
    "You are not logged in, or no longer. To keep what you have typed, log in in another tab, come back, and"
    " reload this page."
)
View = TypeVar("View", bound=Callable[..., Any])
_open_to_all: set[Callable[..., Any]] = set()


def open_to_all(view: View) -> View:
    """Mark a page that needs no login."""
    _open_to_all.add(view)
    return view


def access() -> ControlAccess:
    return backend().pipeline.control_access


def visitor() -> Credential | None:
    """Return what the visitor may rule: one sandbox, which it names, or all. None means nothing."""
    return cast(Credential | None, g.get("visitor"))


def may_use_all() -> bool:
    """Return True if the visitor may use all sandboxes, and make new ones, instead of one alone."""
    rights = visitor()
    return rights is not None and rights.sandbox is None


def logged_in() -> bool:
    """Return True if the visitor's browser has a session."""
    return visitor() is not None and any(map(access().sessions.find, session_ids(raw())))


def own_url(path: str) -> str:
    """Return the URL of a path under the scheme, host and port that the visitor has used."""
    scheme = "https" if is_https(raw(), backend().access) else "http"
    return f"{scheme}://{raw().headers.get('host', '')}{path}"


def admit() -> AnyPage | None:
    """Find out what the visitor may rule. If it is nothing, return the way to the login. Raise Refused.

    Scripts and forms are not led there: a script would take the page for what it has asked for, and a form
    would be lost.
    """
    try:
        g.visitor = access().visitor_of(raw())
        return None
    except Problem as problem:
        g.visitor = None
        if problem.kind != "unauthenticated":
            raise Refused(403, "forbidden", problem.message or ONLY_HERE) from None
    if current_app.view_functions.get(request.endpoint or "") in _open_to_all:
        return None
    if is_demo():
        return away()
    if request.method in ("GET", "HEAD") and raw().headers.get("sec-fetch-dest") in (None, "document"):
        return redirect(url_for("login.show", next=raw().target), 303)
    raise Refused(401, "unauthorized", LOGGED_OUT)
