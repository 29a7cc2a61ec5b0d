"""Puts a sandbox's own credential into a request whose secrets have been replaced by `***`."""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from mockserver.sandbox.journal.redaction import SCHEME, STRUCK
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.vendor import Vendor


def with_credential(raw: RawRequest, vendor: Vendor, credential: str, *, in_body: bool) -> RawRequest:
    """Return a request with the credential where a vendor expects it, if `***` is there.

    That is in the vendor's headers or, if `in_body` is True, in the field of a form or of a JSON body. All
    other secrets stay replaced. `Content-Length` is that of the body as it is now.
    """
    body = raw.body or b""
    if in_body:
        names = (vendor.credential_field, *vendor.credential_spellings)
        body = _with_field(body, names, credential) if names[0] else body
    headers = {} if in_body else _headers(raw, vendor, credential)
    if body and "content-length" in raw.headers:
        headers["content-length"] = str(len(body))
    for name, value in headers.items():
        raw = replace(raw, headers=raw.headers.with_value(name, value))
    return replace(raw, body=body)


def with_credential_of_any(raw: RawRequest, vendors: Sequence[Vendor], credential: str) -> RawRequest:
    """Return a request with the credential in the form of the first vendor whose form the request has."""
    for vendor in vendors:
        headers = _headers(raw, vendor, credential)
        if headers and all(_scheme(raw.headers[name]) == _scheme(value) for name, value in headers.items()):
            return with_credential(raw, vendor, credential, in_body=False)
    return raw


def _headers(raw: RawRequest, vendor: Vendor, credential: str) -> dict[str, str]:
    """Return the vendor's headers with the credential for those headers that have been struck out."""
    own = {name.lower(): value for name, value in vendor.auth_headers(credential).items()}
    return {name: value for name, value in own.items() if STRUCK in raw.headers.get(name, "")}


def _with_field(body: bytes, names: Sequence[str], credential: str) -> bytes:
    """Return a form or a JSON body with the credential in the first of these fields that is `***`."""
    field = "|".join(map(re.escape, names))
    struck = re.compile(rf'("?\b(?:{field})"?\s*+[=:]\s*+"?){re.escape(STRUCK)}'.encode())
    return struck.sub(lambda found: found[1] + credential.encode(), body, count=1)


def _scheme(value: str) -> str:
    found = SCHEME.match(value)
    return found[1].lower() if found else ""
