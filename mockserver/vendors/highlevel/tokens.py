"""The token endpoints: a code or a refresh token for new tokens, and a company's token for a location's.

Sources: the official API description, the vendor's OAuth pages, and answers recorded by clients. The mock
does not issue the codes, so any text is a code. As at the vendor, each of them works once, except `demo`,
which works always.
"""

from typing import Any

from mockserver.vendor_api import ACCESS, Answer, Call, Problem, Record, redeem_code, use_refresh_token
from mockserver.vendors.highlevel.access import check_location
from mockserver.vendors.highlevel.account import COMPANY, LOCATION, USER

REFRESH = "refresh"  # the use of a refresh token
ACCESS_SECONDS, LOCATION_SECONDS, REFRESH_SECONDS = 86_399, 86_400, 365 * 86_400
SCOPES = "products.readonly products.write products/prices.readonly products/prices.write"
LOCATION_SCOPES = f"{SCOPES} oauth.readonly oauth.write"  # of a location's token made from a company's
INVALID_CLIENT = "Invalid client credentials!"
CAMEL_CASE = {
    "client_id": "clientId", "client_secret": "clientSecret", "grant_type": "grantType",
    "refresh_token": "refreshToken", "user_type": "userType", "redirect_uri": "redirectUri",
    "access_token": "accessToken", "token_type": "tokenType", "expires_in": "expiresIn",
}  # fmt: skip


def get_access_token(call: Call) -> Record:
    """Issue an access token and, except for `client_credentials`, the refresh token for the next one.

    In version v3, all names are in camelCase. The answer is in the spelling of the request.
    """
    form = call.body
    if "client_id" in form:
        return _given_out(call)
    snake_case = {camel: snake for snake, camel in CAMEL_CASE.items()}
    call.body = {snake_case.get(name, name): value for name, value in form.items()}
    return {CAMEL_CASE.get(name, name): value for name, value in _given_out(call).items()}


def _given_out(call: Call) -> Record:
    """Return the answer to a form, with names in snake_case."""
    form = call.body
    if call.credential.status != "accepted":
        raise refused("unauthenticated", INVALID_CLIENT)
    match form["grant_type"]:
        case "authorization_code":
            return _tokens(call, form.get("user_type", "Location"), _redeemed(call), 0)
        case "refresh_token":
            return _refreshed(call)
    return _tokens(call, form.get("user_type", "Company"), "", None)


def get_location_token(call: Call) -> Answer:
    """Issue a token for a location, to a company."""
    form, company = call.body, call.credential.claims
    if company and company["authClass"] != "Company":
        raise Problem("unauthenticated", "This authClass type is not allowed to access this scope.")
    if form["companyId"] != company.get("sub", COMPANY):
        raise Problem("forbidden", "The token does not have access to this location.")
    check_location(call, form["locationId"])
    location, client = form["locationId"], company.get("client_id", "")
    token = _access_token(call, client, "Location", location, LOCATION_SCOPES, LOCATION_SECONDS)
    return Answer(201, {
        "access_token": token, "token_type": "Bearer", "expires_in": LOCATION_SECONDS,
        "scope": LOCATION_SCOPES, "locationId": location, "userId": USER,
    })  # fmt: skip


def refused(kind: Any, description: str) -> Problem:
    """Return the refusal of a request for tokens."""
    fields = {"error": "UnAuthorized!", "error_description": description}
    return Problem(kind, status=401, fields=fields)


def _redeemed(call: Call) -> str:
    grant = redeem_code(call, call.body["client_id"])
    if grant is None:
        raise refused("bad_request", "Authorization code not found")
    return grant


def _refreshed(call: Call) -> Record:
    """Return new tokens for a refresh token, which then is used up."""
    form = call.body
    assert call.tokens is not None
    token = call.tokens.read(form.get("refresh_token", ""), REFRESH)
    if token is None:
        raise refused("bad_request", "Invalid refresh token")
    user_type, number = token["userType"], None
    if token["client_id"] == form["client_id"] and form.get("user_type", user_type) == user_type:
        number = use_refresh_token(call, token)
    if number is None:
        raise refused("bad_request", INVALID_CLIENT)
    return _tokens(call, user_type, token["grant"], number)


def _tokens(call: Call, user_type: str, grant: str, number: int | None) -> Record:
    """Return the answer with new tokens. `number` is that of the refresh token, or None if there is none."""
    client, of_company = call.body["client_id"], user_type == "Company"
    assert call.tokens is not None
    answer: dict[str, Any] = {
        "access_token": _access_token(
            call, client, user_type, COMPANY if of_company else LOCATION, SCOPES, ACCESS_SECONDS
        ),
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
    }
    if number is not None:
        claims = {"client_id": client, "userType": user_type, "grant": grant, "number": number}
        answer["refresh_token"] = call.tokens.issue(REFRESH, REFRESH_SECONDS, claims)
    answer |= {"scope": SCOPES, "userType": user_type}
    answer |= {"companyId": COMPANY, "approvedLocations": [LOCATION]} if of_company else {
        "locationId": LOCATION, "companyId": COMPANY}  # fmt: skip
    return answer | {"userId": USER, "isBulkInstallation": of_company}


def _access_token(call: Call, client: str, auth_class: str, owner: str, scope: str, seconds: int) -> str:
    claims = {
        "authClass": auth_class, "authClassId": owner, "source": "INTEGRATION", "sourceId": client,
        "channel": "OAUTH", "primaryAuthClassId": owner, "oauthMeta": {"scopes": scope.split(" ")},
        "client_id": client, "sub": owner, "jti": call.random_bytes("jti").hex()[:24],
    }  # fmt: skip
    assert call.tokens is not None
    return call.tokens.issue(ACCESS, seconds, claims)
