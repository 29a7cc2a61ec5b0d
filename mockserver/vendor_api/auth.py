"""Read credentials from the `Authorization` header, and write them into it."""

import base64
import binascii

from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request


def require_accepted(call: Call) -> None:
    """Raise Problem unless the credential is accepted.

    The kind is `forbidden` for a denied credential, `unauthenticated` for a missing or unknown one. Use it as
    `Vendor.authenticate` if the vendor checks nothing else.
    """
    if call.credential.status == "denied":
        raise Problem("forbidden")
    if call.credential.status != "accepted":
        raise Problem("unauthenticated")


def bearer_token(request: Request) -> Credential:
    """Return the token of `Authorization: Bearer …`. Use it as `Vendor.credential`."""
    return _token(request.headers.get("authorization", ""))


@memoized
def _token(header: str) -> Credential:
    return Credential(_authorization(header, "bearer"))


def bearer_header(credential: str) -> dict[str, str]:
    """Return the header `Authorization: Bearer <credential>`."""
    return {"Authorization": f"Bearer {credential}"}


def basic_header(credential: str) -> dict[str, str]:
    """Return the header for Basic authentication: the credential as user name, any password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{credential}:demo".encode()).decode()}


def basic_user(request: Request) -> Credential:
    """Return the user name of `Authorization: Basic …`, or an empty text if the header cannot be decoded.

    The password is ignored. Use it as `Vendor.credential`.
    """
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
    """Return what follows the scheme: None without the header, an empty text with another scheme."""
    if not header.strip():
        return None
    name, _, value = header.strip().partition(" ")
    return value.strip() if name.lower() == scheme else ""
