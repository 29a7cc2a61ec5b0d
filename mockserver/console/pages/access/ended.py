"""The end of a visit to the public demo, as a browser learns of it."""

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused
from mockserver.console.pages.context import backend, raw
from mockserver.server.access.session_cookie import session_ids


def is_demo() -> bool:
    return backend().guard is not None


def away() -> AnyPage:
    """Return the answer to a browser that asks for a page, and has no sandbox, or none any more.

    Scripts and forms get a message alone. Raise Refused.
    """
    if request.method not in ("GET", "HEAD") or raw().headers.get("sec-fetch-dest") not in (None, "document"):
        raise Refused(410, "gone", "Your sandbox has ended. Open the first page for a new one.")
    if not session_ids(raw()):
        return redirect(url_for("root"), 303)
    return make_response(render_template("demo/ended.html", error=""), 410)
