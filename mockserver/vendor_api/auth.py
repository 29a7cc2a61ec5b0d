"""Credentials in `Authorization`, read and written."""

import base64
import binascii

from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request


def require_accepted(call: Call) -> None:
    """Refuse every credential but an accepted one: `forbidden` or `unauthenticated`."""
    if call.credential.status == "denied":
        raise Problem("forbidden")
    if call.credential.status != "accepted":
        raise Problem("unauthenticated")


def bearer_token(request: Request) -> Credential:
    """The token of `Authorization: Bearer …`."""
    return _token(request.headers.get("authorization", ""))


@memoized
def _token(header: str) -> Credential:
    return Credential(_authorization(header, "bearer"))


def bearer_header(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def basic_header(credential: str) -> dict[str, str]:
    """Basic, with the credential for user name and a password that nobody looks at."""
    return {"Authorization": "Basic " + base64.b64encode(f"{credential}:demo".encode()).decode()}


def basic_user(request: Request) -> Credential:
    """The user name of `Authorization: Basic …`; empty text if it cannot be read."""
    return _user(request.headers.get("authorization", ""))


@memoized
def _user(header: str) -> Credential:
    encoded = _authorization(header, "basic")
    if not encoded:
        return Credential(encoded)
    try:
        user, colon, _ = base64.b64decode(encoded, validate=True).partition(b":")
        return Credential(user.decode() if colon else "")
    except (binascii.Error, ValueError):
        return Credential("")


def _authorization(header: str, scheme: str) -> str | None:
    """What follows the scheme; None without the header, empty text under another scheme."""
    if not header.strip():
        return None
    name, _, value = header.strip().partition(" ")
    return value.strip() if name.lower() == scheme else ""
