"""The context of the present request: its client of the control API, its sandbox, the navigation."""

from collections.abc import Iterator
from typing import Any, cast

from flask import current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.backend import Backend
from mockserver.console.control_client import ControlClient, Refused, path_of
from mockserver.sandbox.journal.entry import STRAYS
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.raw_request import RawRequest

RAW, LOOP = "mockserver.raw", "mockserver.loop"  # in the WSGI environment
# (name, endpoint) of the pages of the whole server, and of those about one sandbox, in this order.
PAGES = (
    ("Start", "start.show"), ("Calls", "calls.show"), ("Sandboxes", "sandboxes.list"), ("Docs", "docs.list"),
    ("About", "about.show"),
)  # fmt: skip
SANDBOX_PAGES = (
    ("Overview", "sandboxes.show"), ("Data", "data.show"), ("Agreement", "agreement.show"),
    ("Faults", "faults.show"), ("Clock", "clock.show"), ("Limits", "limits.show"),
    ("Dialect", "dialect.show"), ("Snapshots", "snapshots.list"),
)  # fmt: skip
# Blueprints whose pages stand below a page of the navigation.
PARENTS = {"call": "calls", "compare": "calls", "shares": "calls"}
# Sentences that a page says once, after a form has been accepted: `?done=reset`. No other text can be shown.
DONE: dict[str, str] = {}


def control() -> ControlClient:
    """Return the client of the control API for the present visitor."""
    return cast(ControlClient, g.control)


def backend() -> Backend:
    """Return the backend of the server that the present page belongs to."""
    return cast(Backend, current_app.config["BACKEND"])


def raw() -> RawRequest:
    """Return the present request as the client has sent it."""
    return cast(RawRequest, request.environ[RAW])


def api_url(path: str) -> str:
    """Return the path of an operation of the control API for a browser. A proxy may remove its beginning."""
    return f"{request.script_root}/_mock{path}"


def missing_sandbox() -> str | None:
    """Return the sandbox that the page's URL names, if the visitor has no such sandbox.

    A page whose path names it asks for it anyway. So only the page of a 404 looks: it sets `g.not_found`.
    """
    name = (request.view_args or {}).get("sandbox") if g.get("not_found") else None
    name = name or request.args.get("sandbox")
    if not name or name == STRAYS:
        return None
    try:
        control().get(path_of("sandboxes", name))
    except Refused as refused:
        return str(name) if refused.status == 404 else None
    return None


def sandbox_name() -> str:
    """Return the sandbox that the page is about, or the visitor's only one, or the default one.

    A page whose URL does not name it sets `g.sandbox`.
    """
    asked = g.get("sandbox") or request.args.get("sandbox")
    named = (request.view_args or {}).get("sandbox") or (None if asked == STRAYS else asked)
    only = g.visitor.sandbox if g.get("visitor") else None
    return str(named or only or DEFAULT_SANDBOX)


def after(done: str, endpoint: str, **values: Any) -> AnyPage:
    """Return the redirect after an accepted form, to a page that says once what was done."""
    assert done in DONE, done
    return redirect(url_for(endpoint, done=done, **values), 303)


def said() -> str:
    """Return the sentence of `?done=`, or an empty string."""
    return DONE.get(request.args.get("done", ""), "")


def navigation() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Yield each part of the navigation: its title, and (name, URL, `aria-current`) for its pages."""
    if g.get("visitor") is None:
        return
    known = current_app.view_functions
    missing, shown = missing_sandbox(), request.view_args or {}
    sandbox = g.visitor.sandbox if missing else sandbox_name()
    yield (
        "",
        [
            (name, url_for(end), "" if "sandbox" in shown else _current(end))
            for name, end in PAGES
            if end in known
        ],
    )
    if sandbox is None:
        return
    yield (
        f"Sandbox {sandbox}",
        [
            (name, url_for(end, sandbox=sandbox), _current(end) if "sandbox" in shown and not missing else "")
            for name, end in SANDBOX_PAGES
            if end in known
        ],
    )


def _current(endpoint: str) -> str:
    """Return `page` for the entry of the present page, `true` if the page is below it, or nothing."""
    here, own = (request.endpoint or "").partition(".")[0], endpoint.partition(".")[0]
    return "page" if here == own else "true" if PARENTS.get(here) == own else ""
