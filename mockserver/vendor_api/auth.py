"""Functions that read and write the credential in the `Authorization` header."""

import base64
import binascii
from collections.abc import Mapping

from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request


def require_accepted(call: Call) -> None:
    """Raise Problem unless the credential is accepted.

    The problem is `forbidden` if the credential is denied, and `unauthenticated` if it is missing or unknown.
    Use this function as `Vendor.authenticate` if the vendor checks nothing else.
    """
    if call.credential.status == "denied":
        raise Problem("forbidden")
    if call.credential.status != "accepted":
        raise Problem("unauthenticated")


def bearer_token(request: Request) -> Credential:
    """Return the token in `Authorization: Bearer …`. Use this function as `Vendor.credential`."""
    return bearer_credential(request.headers)


def bearer_credential(headers: Mapping[str, str]) -> Credential:
    """Return the token in the header `authorization`. Names are in lower case."""
    return _token(headers.get("authorization", ""))


@memoized
def _token(header: str) -> Credential:
    return Credential(_authorization(header, "bearer"))


def bearer_header(credential: str) -> dict[str, str]:
    """Return the header `Authorization: Bearer <credential>`."""
    return {"Authorization": f"Bearer {credential}"}


def basic_header(credential: str) -> dict[str, str]:
    """Return a header for Basic authentication, with the credential as user name and `demo` as password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{credential}:demo".encode()).decode()}


def basic_user(request: Request) -> Credential:
    """Return the user name in `Authorization: Basic …`, or an empty string if it cannot be decoded.

    The password is ignored. Use this function as `Vendor.credential`.
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
    """Return the header's value after the scheme.

    Return None if there is no header, or an empty string if it has a different scheme.
    """
    if not header.strip():
        return None
    name, _, value = header.strip().partition(" ")
    return value.strip() if name.lower() == scheme else ""
