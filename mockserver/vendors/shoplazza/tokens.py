"""The token endpoint of a shop: a code or a refresh token for new tokens.

Sources: the vendor's OAuth SDKs for Go, which sends a form, and for PHP, which sends JSON. The form of the
refusals is that of RFC 6749, 5.2. The mock does not issue the codes, so any text is a code. Each works once,
except `demo`, which works always.
"""

from collections.abc import Callable

from mockserver.vendor_api import (
    ACCESS,
    Answer,
    Call,
    Problem,
    Record,
    Violation,
    redeem_code,
    use_refresh_token,
)
from mockserver.vendors.shoplazza.shops import check_shop

PATH = "/admin/oauth/token"
REFRESH = "refresh"  # the use of a refresh token
YEAR = 365 * 86_400
SCOPE, STORE_ID, LOCALE = "read_product write_product", "2", "en-US"
Render = Callable[[Problem, Call], Answer]


def give_out_tokens(call: Call) -> Record:
    """Return new tokens for a code, or for a refresh token, which then is used up."""
    shop = check_shop(call)
    if call.credential.status != "accepted":
        raise _refused("invalid_client", "Client authentication failed")
    if call.body["grant_type"] == "refresh_token":
        return _tokens(call, shop, *_use_refresh_token(call, shop))
    return _tokens(call, shop, _use_code(call, shop), 0)


def rendering(otherwise: Render) -> Render:
    """Return a `Vendor.render` for the token endpoint's own refusals, which leaves the rest to another."""

    def render(problem: Problem, call: Call) -> Answer:
        own = call.request.target.partition("?")[0] == PATH
        if own and problem.kind in ("invalid", "bad_request") and not problem.fields and not problem.message:
            problem = _refused_form(problem.violations)
        elif own and problem.check == "body":
            problem = _refused("invalid_request", problem.message or "")
        if not (own and problem.fields):
            return otherwise(problem, call)
        return Answer(401 if problem.kind == "unauthenticated" else 400, problem.fields)

    return render


def _refused(error: str, description: str) -> Problem:
    kind = "unauthenticated" if error == "invalid_client" else "bad_request"
    return Problem(kind, fields={"error": error, "error_description": description})  # type: ignore[arg-type]


def _refused_form(violations: tuple[Violation, ...]) -> Problem:
    """Return the refusal of a body with missing or wrong fields."""
    for one in violations:
        if one.name == "grant_type" and one.rule == "enum":
            return _refused("unsupported_grant_type", "The grant type is not supported")
    name = violations[0].name if violations else ""
    return _refused("invalid_request", f"{name or 'The body'} is missing or invalid")


def _use_code(call: Call, shop: str) -> str:
    grant = redeem_code(call, shop, call.body["client_id"])
    if grant is None:
        raise _refused("invalid_grant", "The code is invalid or has been used")
    return grant


def _use_refresh_token(call: Call, shop: str) -> tuple[str, int]:
    """Return the grant of a refresh token, and the number of its next one. Raise Problem."""
    assert call.tokens is not None
    token, number = call.tokens.read(call.body.get("refresh_token", ""), REFRESH), None
    if token is not None and (token["client_id"], token["sub"]) == (call.body["client_id"], shop):
        number = use_refresh_token(call, token)
    if token is None or number is None:
        raise _refused("invalid_grant", "The refresh token is invalid or has been used")
    return token["grant"], number


def _tokens(call: Call, shop: str, grant: str, number: int) -> Record:
    assert call.tokens is not None
    now = int(call.now.timestamp())
    claims = {"client_id": call.body["client_id"], "sub": shop}
    unique = {**claims, "jti": call.random_bytes("jti").hex()[:24]}
    refresh = {**claims, "grant": grant, "number": number}
    return {
        "token_type": "Bearer",
        "expires_at": now + YEAR,
        "access_token": call.tokens.issue(ACCESS, YEAR, unique, opaque=True),
        "refresh_token": call.tokens.issue(REFRESH, 2 * YEAR, refresh, opaque=True),
        "store_id": STORE_ID,
        "store_name": shop,
        "expires_in": YEAR,
        "scope": SCOPE,
        "created_at": now,
        "locale": LOCALE,
    }
