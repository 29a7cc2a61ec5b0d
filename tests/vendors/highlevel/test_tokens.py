"""HighLevel over HTTP: tokens for a code, for a refresh token and for a location, and what they open."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

LOCATION, COMPANY = "6578278e879ad2646715ba9c", "tDtDnQdgm2LXpyiqYvZ6"
VERSION = {"Version": "2021-07-28"}
DAY = 86_400
INVALID_CLIENT, NO_CODE, NO_REFRESH = (
    "Invalid client credentials!", "Authorization code not found", "Invalid refresh token",
)  # fmt: skip


class App:
    """A client of HighLevel's OAuth, with a sandbox of its own whose clock can be moved."""

    def __init__(self, api: httpx.Client, sandbox: str) -> None:
        self.api, self.sandbox, self.secret = api, sandbox, f"sbx_{sandbox}"

    def ask(self, grant: str, client_id: str = "app-1", **fields: str) -> httpx.Response:
        form = {"client_id": client_id, "client_secret": self.secret, "grant_type": grant, **fields}
        return self.api.post("/oauth/token", data=form)

    def tokens(self, code: str = "installation", **fields: str) -> dict[str, Any]:
        """Return the tokens for a code."""
        return self.got(self.ask("authorization_code", code=code, **fields))

    def refresh(self, token: str, **fields: str) -> httpx.Response:
        return self.ask("refresh_token", refresh_token=token, **fields)

    @staticmethod
    def got(response: httpx.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def location_token(self, token: str, company: str = COMPANY, location: str = LOCATION) -> httpx.Response:
        form = {"companyId": company, "locationId": location}
        return self.api.post("/oauth/locationToken", data=form, headers=VERSION | bearer(token))

    def inventory(self, token: str, location: str = LOCATION) -> httpx.Response:
        query = {"altId": location, "limit": 1}
        return self.api.get("/products/inventory", params=query, headers=VERSION | bearer(token))

    def later(self, seconds: int) -> None:
        body = {"action": "advance", "seconds": seconds}
        self.api.put(f"/_mock/sandboxes/{self.sandbox}/clock", json=body).raise_for_status()

    def control(self, method: str, path: str) -> None:
        self.api.request(method, f"/_mock/sandboxes/{self.sandbox}{path}").raise_for_status()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def claims_of(token: str) -> dict[str, Any]:
    """Return what a JSON Web Token says."""
    head, payload, _ = token.split(".")
    assert msgspec.json.decode(urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}
    found: dict[str, Any] = msgspec.json.decode(urlsafe_b64decode(payload + "=="))
    return found


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return status and description of the refusal of a token, after checking the form of its body."""
    body = response.json()
    assert list(body) == ["error", "error_description"]
    assert body["error"] == "UnAuthorized!"
    return response.status_code, body["error_description"]


@pytest.fixture
def oauth(api: httpx.Client, sandbox: str) -> App:
    api.post("/_mock/sandboxes", json={"name": sandbox}).raise_for_status()
    return App(api, sandbox)


def test_tokens_of_a_location(oauth: App) -> None:
    found = oauth.tokens()
    assert list(found) == [
        "access_token", "token_type", "expires_in", "refresh_token", "scope", "userType", "locationId",
        "companyId", "userId", "isBulkInstallation",
    ]  # fmt: skip
    claims = claims_of(found["access_token"])
    assert (claims["authClass"], claims["authClassId"], claims["channel"]) == ("Location", LOCATION, "OAUTH")
    assert claims["exp"] - claims["iat"] == found["expires_in"] == DAY - 1
    assert claims["oauthMeta"]["scopes"] == found["scope"].split(" ")
    assert oauth.inventory(found["access_token"]).status_code == 200


def test_tokens_of_a_company_open_every_location(oauth: App) -> None:
    found = oauth.tokens(user_type="Company")
    assert (found["userType"], found["approvedLocations"]) == ("Company", [LOCATION])
    assert "locationId" not in found
    for location in (LOCATION, "ve9EPM428h8vShlRW1KT"):
        assert oauth.inventory(found["access_token"], location).status_code == 200


def test_token_of_a_location_opens_no_other(oauth: App) -> None:
    response = oauth.inventory(oauth.tokens()["access_token"], "ve9EPM428h8vShlRW1KT")
    assert (response.status_code, response.json()["message"]) == (
        403, "The token does not have access to this location.",
    )  # fmt: skip


def test_client_credentials_get_no_refresh_token(oauth: App) -> None:
    found = oauth.got(oauth.ask("client_credentials"))
    assert found["userType"] == "Company"
    assert "refresh_token" not in found
    assert oauth.inventory(found["access_token"]).status_code == 200


def test_access_token_expires_by_the_clock_of_the_sandbox(oauth: App) -> None:
    tokens = oauth.tokens()
    oauth.later(DAY - 10)
    assert oauth.inventory(tokens["access_token"]).status_code == 200
    oauth.later(10)
    response = oauth.inventory(tokens["access_token"])
    assert (response.status_code, response.json()) == (401, {
        "statusCode": 401, "message": "Invalid token: access token is invalid", "error": "Unauthorized",
    })  # fmt: skip
    fresh = oauth.got(oauth.refresh(tokens["refresh_token"]))
    assert oauth.inventory(fresh["access_token"]).status_code == 200


def test_expired_call_is_in_the_journal_of_its_sandbox(oauth: App) -> None:
    token = oauth.tokens()["access_token"]
    oauth.later(DAY)
    oauth.inventory(token)
    found = oauth.api.get("/_mock/requests", params={"sandbox": oauth.sandbox, "status": 401}).json()
    (call,) = found["requests"]
    explained = oauth.api.get(f"/_mock/requests/{call['id']}").json()
    assert "the token has expired" in str(explained["explanation"]["why"])


def test_refresh_token_works_once_and_lives_for_a_year(oauth: App) -> None:
    first = oauth.tokens()
    second = oauth.got(oauth.refresh(first["refresh_token"]))
    assert second["access_token"] != first["access_token"]
    assert refusal(oauth.refresh(first["refresh_token"])) == (401, INVALID_CLIENT)
    third = oauth.got(oauth.refresh(second["refresh_token"]))
    oauth.later(364 * DAY)
    fourth = oauth.got(oauth.refresh(third["refresh_token"]))
    oauth.later(366 * DAY)
    assert refusal(oauth.refresh(fourth["refresh_token"])) == (401, NO_REFRESH)


@pytest.mark.parametrize(
    ("fields", "description"),
    [
        ({"client_id": "app-2"}, INVALID_CLIENT),
        ({"client_secret": "wrong"}, INVALID_CLIENT),
        ({"client_secret": "forbidden"}, INVALID_CLIENT),
        ({"user_type": "Company"}, INVALID_CLIENT),
        ({"refresh_token": "wrong"}, NO_REFRESH),
        ({"refresh_token": ""}, NO_REFRESH),
        ({"client_secret": "demo"}, NO_REFRESH),
    ],
)
def test_refresh_that_is_refused_uses_nothing_up(
    oauth: App, fields: dict[str, str], description: str
) -> None:
    token = oauth.tokens()["refresh_token"]
    form = {"client_id": "app-1", "client_secret": oauth.secret, "refresh_token": token, **fields}
    response = oauth.api.post("/oauth/token", data={"grant_type": "refresh_token", **form})
    assert refusal(response) == (401, description)
    assert oauth.refresh(token).status_code == 200


@pytest.mark.parametrize("code", ["used", "forbidden", ""])
def test_code_that_is_not_known(oauth: App, code: str) -> None:
    oauth.tokens("used")
    assert refusal(oauth.ask("authorization_code", code=code)) == (401, NO_CODE)
    assert refusal(oauth.ask("authorization_code")) == (401, NO_CODE)
    assert oauth.ask("authorization_code", code="another").status_code == 200


def test_access_token_is_no_refresh_token(oauth: App) -> None:
    tokens = oauth.tokens()
    assert refusal(oauth.refresh(tokens["access_token"])) == (401, NO_REFRESH)
    assert oauth.inventory(tokens["refresh_token"]).status_code == 401


@pytest.mark.parametrize("undo", ["reset", "restore"])
def test_use_of_a_refresh_token_is_undone_with_the_world(oauth: App, undo: str) -> None:
    tokens = oauth.tokens()
    oauth.control("PUT", "/snapshots/before")
    later = oauth.got(oauth.refresh(tokens["refresh_token"]))
    oauth.control("POST", "/reset" if undo == "reset" else "/snapshots/before/restore")
    assert oauth.inventory(later["access_token"]).status_code == 200
    assert oauth.refresh(tokens["refresh_token"]).status_code == 200
    assert refusal(oauth.refresh(tokens["refresh_token"])) == (401, INVALID_CLIENT)


def test_token_for_a_location_of_the_company(oauth: App) -> None:
    company = oauth.tokens(user_type="Company")["access_token"]
    response = oauth.location_token(company, location="ve9EPM428h8vShlRW1KT")
    assert response.status_code == 201, response.text
    found = response.json()
    assert list(found) == ["access_token", "token_type", "expires_in", "scope", "locationId", "userId"]
    assert found["expires_in"] == DAY
    assert found["scope"].endswith(" oauth.readonly oauth.write")
    assert oauth.inventory(found["access_token"], "ve9EPM428h8vShlRW1KT").status_code == 200
    assert oauth.inventory(found["access_token"]).status_code == 403


@pytest.mark.parametrize(
    ("form", "status", "message"),
    [
        ({"companyId": "another"}, 403, "The token does not have access to this location."),
        ({"locationId": "anotherLocation00001"}, 403, "The token does not have access to this location."),
        ({"locationId": "inactiveLocation0001"}, 401, "Location is not active"),
        ({"locationId": ""}, 422, ["locationId should not be empty"]),
    ],
)
def test_location_token_that_is_refused(oauth: App, form: dict[str, str], status: int, message: Any) -> None:
    sent = {"companyId": COMPANY, "locationId": LOCATION, **form}
    headers = VERSION | bearer(oauth.secret)
    response = oauth.api.post("/oauth/locationToken", data=sent, headers=headers)
    assert (response.status_code, response.json()["message"]) == (status, message)


def test_location_gets_no_token_for_a_location(oauth: App) -> None:
    response = oauth.location_token(oauth.tokens()["access_token"])
    assert (response.status_code, response.json()["message"]) == (
        401, "This authClass type is not allowed to access this scope.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b"", None, 422, None),
        (b"client_id=a", None, 422, None),
        (b"client_id=a&client_id=b&client_secret=demo&grant_type=client_credentials", "form", 422, None),
        (b"client_id=%FF", "form", 400, "Bad Request"),
        (b'{"client_id":"a"}', "application/json", 400,
         "The request body must be application/x-www-form-urlencoded"),
        (b"client_id=a", "multipart/form-data; boundary=x", 400,
         "The request body must be application/x-www-form-urlencoded"),
        (b"client_id=a&client_secret=demo&grant_type=client_credentials&more=1", "form; charset=utf-8", 200,
         None),
    ],
)  # fmt: skip
def test_body_of_a_request_for_tokens(
    api: httpx.Client, body: bytes, kind: str | None, status: int, message: str | None
) -> None:
    headers = {"Content-Type": kind.replace("form", "application/x-www-form-urlencoded", 1)} if kind else {}
    if kind and kind.startswith("multipart"):
        headers = {"Content-Type": kind}
    response = api.post("/oauth/token", content=body, headers=headers)
    assert response.status_code == status, response.text
    if message:
        assert response.json() == {"statusCode": status, "message": message}


def test_stale_bearer_beside_the_form_does_not_count(oauth: App) -> None:
    for stale in ("demo", "YOUR_TOKEN", "forbidden"):
        form = {"client_id": "a", "client_secret": oauth.secret, "grant_type": "client_credentials"}
        response = oauth.api.post("/oauth/token", data=form, headers=bearer(stale))
        assert claims_of(response.json()["access_token"])["sandbox"] == oauth.sandbox


def test_call_counts_in_the_sandbox_of_its_secret_only(oauth: App) -> None:
    def calls(name: str) -> int:
        return int(oauth.api.get(f"/_mock/sandboxes/{name}").json()["calls"])

    before = calls(oauth.sandbox), calls("demo")
    oauth.tokens()
    assert (calls(oauth.sandbox), calls("demo")) == (before[0] + 1, before[1])


def test_same_calls_get_the_same_tokens(
    new_client: Callable[..., httpx.Client], sandbox: str, api: httpx.Client
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox}).raise_for_status()
    oauth = App(api, sandbox)
    freeze = {"action": "freeze", "instant": "2026-01-02T03:04:05Z"}
    found = []
    for _ in range(2):
        oauth.control("POST", "/reset")
        api.put(f"/_mock/sandboxes/{sandbox}/clock", json=freeze).raise_for_status()
        found.append(oauth.tokens())
    assert found[0] == found[1]
    assert claims_of(found[0]["access_token"])["iat"] == 1767323045


def test_prefer_needs_the_secret_of_a_sandbox(oauth: App) -> None:
    form = {"client_id": "a", "client_secret": oauth.secret, "grant_type": "client_credentials"}
    prefer = {"Prefer": "code=401, example=code"}
    answers = [
        oauth.api.post("/oauth/token", data=form | secret, headers=prefer)
        for secret in ({}, {"client_secret": "wrong"})
    ]
    assert [refusal(answer) for answer in answers] == [(401, NO_CODE), (401, INVALID_CLIENT)]


def test_fault_of_the_sandbox_meets_its_own_requests_for_tokens(oauth: App) -> None:
    rule = {"fault": {"type": "status", "status": 503}, "times": 1}
    oauth.api.post(f"/_mock/sandboxes/{oauth.sandbox}/faults", json=rule).raise_for_status()
    form = {"client_id": "a", "client_secret": "demo", "grant_type": "client_credentials"}
    assert oauth.api.post("/oauth/token", data=form).status_code == 200
    assert oauth.ask("client_credentials").status_code == 503
    assert oauth.ask("client_credentials").status_code == 200


def test_longest_client_id_gets_tokens_that_work(oauth: App) -> None:
    longest = "\x01" * 200  # in JSON, each of them takes six bytes
    found = oauth.got(oauth.ask("authorization_code", longest, code="installation"))
    assert oauth.inventory(found["access_token"]).status_code == 200
    assert oauth.refresh(found["refresh_token"], client_id=longest).status_code == 200
    refused = oauth.ask("client_credentials", "a" * 201)
    assert refused.status_code == 422
    assert refused.json()["message"] == ["client_id must be shorter than or equal to 200 characters"]
