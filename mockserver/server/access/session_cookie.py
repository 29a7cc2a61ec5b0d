"""The console's cookie, which carries the id of a session."""

from collections.abc import Iterator
from datetime import timedelta

from mockserver.server.access.forwarding import sign_of_a_proxy
from mockserver.server.access.own_origin import is_https, names_this_machine, port_in_host, public_path
from mockserver.server.access.policy import AccessPolicy
from mockserver.vendor_api.raw_request import RawRequest

CONTROL_PATH = "/_mock"
# The server ends a session earlier (see `sessions`); this only bounds how long a browser sends an old id.
MAX_AGE = timedelta(days=30)
# Of one name; more are not read. Browsers keep fewer for a domain (Chromium 180), so that another host of it
# cannot hide the user's own cookie among others.
MAX_COOKIES = 200


def cookie_name(raw: RawRequest) -> str:
    """Return the name of the cookie.

    It has the port that the client has used. Browsers do not keep the cookies of different ports apart, so
    otherwise to log in to one server of a machine would be to log out of another.
    """
    return f"mockserver-{port_in_host(raw)}"


def session_ids(raw: RawRequest) -> list[str]:
    """Return the ids that a browser has sent, mostly one.

    There may be several cookies of one name, set for different paths, and only one of them may be valid.
    """
    header = raw.headers.get("cookie", "")
    return [*_values(header, cookie_name(raw))][:MAX_COOKIES] if header else []


def may_set_cookie(raw: RawRequest, policy: AccessPolicy) -> bool:
    """Return True if a cookie for this client cannot be read on the way: by HTTPS, or within one machine.

    A proxy may send a Host of this machine for clients elsewhere, so a sign of one counts against it.
    """
    return is_https(raw, policy) or (names_this_machine(raw) and not sign_of_a_proxy(raw))


def set_cookie(raw: RawRequest, policy: AccessPolicy, session_id: str) -> str:
    """Return the header Set-Cookie for a session that has just begun.

    Raise ValueError if others could read it on the way: ask `may_set_cookie` before.
    """
    if not may_set_cookie(raw, policy):
        raise ValueError("a cookie must not be set over plain HTTP on another machine")
    return _cookie(raw, policy, session_id, int(MAX_AGE.total_seconds()))


def remove_cookie(raw: RawRequest, policy: AccessPolicy) -> str:
    """Return the header Set-Cookie that makes the browser forget its session."""
    return _cookie(raw, policy, "", 0)


def _cookie(raw: RawRequest, policy: AccessPolicy, value: str, max_age: int) -> str:
    path = public_path(raw, policy) + CONTROL_PATH
    secure = "; Secure" if is_https(raw, policy) else ""
    return f"{cookie_name(raw)}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"


def _values(header: str, name: str) -> Iterator[str]:
    for pair in header.split(";"):
        found, _, value = pair.strip(" \t").partition("=")
        if found == name and value:
            yield value
