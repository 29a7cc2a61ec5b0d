"""Access: the `Version` header, the credential, the location, and the rate limits with their headers."""

import re

from mockserver.vendor_api import Call, Problem, Window

VERSIONS = ("2021-07-28", "2021-04-15", "2023-02-21", "v3")
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*")
BURST, DAILY = Window("burst", seconds=10, most=100), Window("daily", seconds=86_400, most=200_000)


def authenticate(call: Call) -> None:
    """Check the `Version` header, then the credential, in the same order as the live API."""
    version = call.request.headers.get("version")
    if version is None:
        raise Problem("unauthenticated", "version header was not found.")
    if version not in VERSIONS:
        raise Problem("unauthenticated", "version header is invalid")
    match call.credential.status:
        case "missing":
            raise Problem("unauthenticated", "No Authorization header found for authentication!")
        case "denied":
            raise Problem("unauthenticated", "The token is not authorized for this scope.")
        case "unknown":
            raise Problem("unauthenticated", _unknown_token(call.credential.text or ""))


def _unknown_token(token: str) -> str:
    if token.startswith("pit-"):
        return "Invalid Private Integration token"
    return "Invalid token: access token is invalid" if JWT.fullmatch(token) else "Invalid JWT"


def check_location(call: Call, location: str) -> None:
    """Raise Problem if the call's credential does not open a location, or if the location is not active."""
    token = call.credential.claims
    bound = token and token["authClass"] == "Location" and token["sub"] != location
    known = call.records("locations").get(location)
    if bound or (known and not known["accessible"]):
        raise Problem("forbidden", "The token does not have access to this location.")
    if known and not known["active"]:
        raise Problem("unauthenticated", "Location is not active")


def common_headers(call: Call) -> dict[str, str]:
    """Return the rate limit headers.

    `X-RateLimit-Daily-Reset` is the time until the reset in milliseconds, as the official SDK expects.
    """
    if not call.quota.statuses:
        return {}
    burst, daily = (call.quota.statuses[limit.name] for limit in (BURST, DAILY))
    return {
        "X-RateLimit-Limit-Daily": str(daily.most),
        "X-RateLimit-Daily-Remaining": str(daily.remaining),
        "X-RateLimit-Daily-Reset": str(-(-daily.reset_after // 1000)),
        "X-RateLimit-Interval-Milliseconds": str(BURST.seconds * 1000),
        "X-RateLimit-Max": str(burst.most),
        "X-RateLimit-Remaining": str(burst.remaining),
    }
