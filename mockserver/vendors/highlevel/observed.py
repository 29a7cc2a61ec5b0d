"""Behaviour of the live API that differs from its page: the dialect `observed`."""

import re
from base64 import b64encode
from hashlib import sha1
from typing import Any

from mockserver.vendor_api import Answer, Call, Problem
from mockserver.vendors.highlevel import access, refusals
from mockserver.vendors.highlevel.access import BURST, DAILY, VERSIONS

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
VERSION = "version"  # the header, as a field of a Problem
NO_DATE = "Invalid API version segment '{}' at position 0"
# Of a first call: while rate limits are off, no calls are counted.
UNCOUNTED = {
    "X-RateLimit-Limit-Daily": str(DAILY.most),
    "X-RateLimit-Daily-Remaining": str(DAILY.most - 1),
    "X-RateLimit-Daily-Reset": str(DAILY.seconds * 1000),
    "X-RateLimit-Interval-Milliseconds": str(BURST.seconds * 1000),
    "X-RateLimit-Max": str(BURST.most),
    "X-RateLimit-Remaining": str(BURST.most - 1),
}


def authenticate(call: Call) -> None:
    """Check the `Version` header and the credential. A version that is no date has a refusal of its own."""
    version = call.request.headers.get("version")
    if version is not None and version not in VERSIONS and not DATE.fullmatch(version):
        raise Problem("bad_request", fields={VERSION: NO_DATE.format(version)})
    access.authenticate(call)


def render(problem: Problem, call: Call) -> Answer:
    if VERSION in problem.fields:
        return Answer(400, {"statusCode": 400, "message": problem.fields[VERSION]})
    return refusals.render(problem, call)


def common_headers(call: Call) -> dict[str, str]:
    """Return the rate limit headers, also while limits are off."""
    return access.common_headers(call) or UNCOUNTED


def etag(body: bytes) -> str:
    """Return a weak ETag as Express makes it: the length in hexadecimal, and the beginning of the SHA-1."""
    return f'W/"{len(body):x}-{b64encode(sha1(body, usedforsecurity=False).digest())[:27].decode()}"'


OBSERVED: dict[str, Any] = {
    "authenticate": authenticate,
    "render": render,
    "common_headers": common_headers,
    "etag": etag,
}
