"""Share links: the page that makes and revokes the link to a call, and the page behind the link."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, g, make_response, render_template, request, url_for
from msgspec.structs import replace
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import ControlClient, Refused, path_of
from mockserver.console.pages.access.visitor import access, open_to_all, own_url
from mockserver.console.pages.context import DONE, after, control, raw
from mockserver.console.pages.one_call.call import shown_call
from mockserver.sandbox.journal.entry import STRAYS
from mockserver.sandbox.journal.redaction import redact_headers
from mockserver.server.access.rights import Rights
from mockserver.server.access.session_cookie import cookie_name
from mockserver.server.access_log import SENT_HEADER

pages = Blueprint("shares", __name__)
GONE = 410
NO_LONGER = "Somebody has revoked it, or the sandbox of the call has ended"
DROPPED = "The call is no longer in the journal"  # in our own words, because control's name the sandbox
DONE |= {"shared": "The link works now.", "revoked": "The link is revoked: it shows nothing any more."}


@pages.get("/calls/<call>/share")
def show(call: str) -> str:
    found = control().get(path_of("requests", call))
    share = access().shares.of_call(found["id"])
    link = own_url(url_for("shares.shared", token=share.token)) if share else ""
    g.sandbox = found["sandbox"]
    return render_template("call/share.html", call=found, link=link, stray=found["sandbox"] == STRAYS)


@pages.post("/calls/<call>/share")
def make(call: str) -> AnyPage:
    found = control().get(path_of("requests", call))
    if found["sandbox"] == STRAYS:
        raise Refused(409, "stray", "A call that belongs to no sandbox cannot be shared.")
    access().share(found["sandbox"], found["id"])
    return after("shared", "shares.show", call=found["id"])


@pages.post("/calls/<call>/share/revoke")
def revoke(call: str) -> AnyPage:
    found = control().get(path_of("requests", call))
    access().shares.revoke(found["id"])
    return after("revoked", "shares.show", call=found["id"])


@pages.get("/shared")
@open_to_all
def shared() -> AnyPage:
    """Show one call to whoever has its link. Nothing here leads anywhere else."""
    share = access().shares.find(request.args.get("token", ""))
    if share is None:
        return _gone(NO_LONGER)
    with _reading(share.rights) as client:
        try:
            found = client.get(path_of("requests", share.call))
        except Refused:
            return _gone(DROPPED)
    return make_response(
        render_template(
            "call/shared.html",
            **shown_call(found),
            explanation=without_secrets(found["explanation"]),
            record_url=lambda change: None,
            links={"faults": None},
            shared=True,
        )
    )


@contextmanager
def _reading(rights: Rights) -> Iterator[ControlClient]:
    """Yield a client of the control API with these rights, and not those of the visitor."""
    own = control()
    with access().sessions.lent(rights) as session_id:
        headers = own.raw.headers.with_value("cookie", f"{cookie_name(raw())}={session_id}")
        headers.pop("authorization", None)
        yield ControlClient(own.pipeline, own.loop, replace(own.raw, headers=headers))


def without_secrets(explanation: dict[str, Any]) -> dict[str, Any]:
    """Return an explanation without the values of secret headers: a change may tell a credential."""
    return explanation | {
        "edits": explanation["edits"] and [_redacted(edit) for edit in explanation["edits"]],
        "smallest_change": [_redacted_text(change) for change in explanation["smallest_change"]],
    }


def _redacted(edit: dict[str, Any]) -> dict[str, Any]:
    if edit["place"] != "header" or not isinstance(edit["value"], str):
        return edit
    ((_, value),) = redact_headers([(edit["name"], edit["value"])])
    return edit | {"value": value}


def _redacted_text(change: str) -> str:
    header = SENT_HEADER.match(change)
    return "send {}: {}".format(*redact_headers([(header[1], header[2])])[0]) if header else change


def _gone(message: str) -> AnyPage:
    return make_response(render_template("call/share_gone.html", message=message), GONE)
