"""Functions that read and write credentials, and use up what clients exchange for tokens."""

import base64
import binascii
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, DENIED, Credential
from mockserver.vendor_api.json_text import decode
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request, first_parameters


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


def credential_in_body(request: Request, *names: str) -> Credential:
    """Return the credential in a field of a form or a JSON object: in the first of these that it has.

    It is that of the default sandbox if the first name is empty. The body may be anything.
    """
    if not names[0]:
        return Credential(DEFAULT_SANDBOX)
    try:
        if "json" in request.headers.get("content-type", "").lower():
            fields = decode(request.body)
        else:
            pairs = parse_qsl(first_parameters(request.body.decode()), keep_blank_values=True)
            fields = dict(reversed(pairs))  # if a field is repeated, its first value counts
    except (ValueError, RecursionError):
        return Credential(None)
    found = (fields[name] for name in names if isinstance(fields, dict) and name in fields)
    text = next(found, None)
    return Credential(text if isinstance(text, str) else None)


def redeem_code(call: Call, *owner: str) -> str | None:
    """Return the id of the grant that the `code` in the body stands for, or None if the code is not valid.

    The mock does not issue codes, so any text is one. Each works once for an owner, except that of the
    default sandbox. The collection `grants` has a record of each that was used.
    """
    code, grants = call.body.get("code", ""), call.records("grants")
    if code == DEFAULT_SANDBOX:
        return call.random_bytes("grant").hex()[:24]
    grant = sha256(" ".join((*owner, code)).encode()).hexdigest()[:24]
    if code in ("", DENIED) or grants.get(grant):
        return None
    grants.put({grants.base.collection.key: grant, "refreshes": 0})
    return grant


def use_refresh_token(call: Call, claims: Mapping[str, Any]) -> int | None:
    """Return the number of the refresh token that follows the one with these claims.

    The claims are its `grant` and its `number`. Return None if it has been used before.
    """
    grants, grant, number = call.records("grants"), claims["grant"], claims["number"]
    known = grants.get(grant)
    if known is not None and number < known["refreshes"]:
        return None
    grants.put({grants.base.collection.key: grant, "refreshes": number + 1})
    return int(number) + 1


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
