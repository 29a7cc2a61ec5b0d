"""The visit to a public demo: how it begins, how long it lasts, and how it ends."""

from datetime import datetime, timedelta
from typing import Any

from flask import g, redirect, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import path_of
from mockserver.console.pages.access.ended import is_demo
from mockserver.console.pages.access.visitor import access, visitor
from mockserver.console.pages.context import backend, control, raw
from mockserver.sandbox.clock import wall_clock
from mockserver.server.access.session_cookie import may_set_cookie, set_cookie
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.words import time_in_words

WARNING = timedelta(minutes=10)  # before the end, the banner is shown


def own_sandbox() -> str | None:
    """Return the name of the sandbox of a visitor of the demo, or None if it is somebody else."""
    rights = visitor()
    return rights.sandbox if is_demo() and rights is not None else None


def demo_limit(quota: str) -> str:
    """Return a quota as text if it limits the visitor, otherwise an empty string."""
    guard = backend().guard
    return guard.quotas.shown(quota) if guard and own_sandbox() else ""


def begin(sandbox: str, endpoint: str = "start.show", **values: Any) -> AnyPage:
    """Return the redirect that gives a browser a session for a sandbox."""
    session_id = access().begin_session(Credential("", opens=sandbox))
    answer = redirect(url_for(endpoint, **values), 303)
    answer.headers.add("Set-Cookie", set_cookie(raw(), backend().access, session_id))
    return answer


def may_begin() -> bool:
    """Return True if the browser can get a cookie: by HTTPS, or on the server's own machine."""
    return may_set_cookie(raw(), backend().access)


def life() -> dict[str, Any] | None:
    """Return how long the visitor's sandbox still lives, for the banner of all pages. None means no visit."""
    if "life" not in g:
        name = own_sandbox()
        g.life = None if name is None else _life(control().get(path_of("sandboxes", name)))
    found: dict[str, Any] | None = g.life
    return found


def _life(sandbox: dict[str, Any]) -> dict[str, Any]:
    expires, ends = (datetime.fromisoformat(sandbox[field]) for field in ("expires", "ends"))
    left = expires - wall_clock()
    return {
        "sandbox": sandbox["name"],
        "expires": sandbox["expires"],
        "ends": sandbox["ends"],
        "left": time_left(left),
        "soon": left <= WARNING,
        "may_go_on": ends > expires,
    }


def time_left(left: timedelta) -> str:
    """Return a time in whole minutes, such as `1 hour 58 minutes`. countdown.js goes on with it."""
    minutes = left // timedelta(minutes=1)
    return time_in_words(minutes * 60) if minutes > 0 else "less than a minute"
