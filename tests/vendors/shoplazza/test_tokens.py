"""Shoplazza over HTTP: tokens for a code and for a refresh token, as the official SDKs ask for them."""

from typing import Any

import httpx
import pytest

SHOP = {"Host": "my-shop.myshoplaza.com"}
STOCK = "/openapi/2022-01/products/f854e9a2-986d-4e2b-9df0-8e4c139ae80e/inventory"
YEAR = 365 * 86_400
WRONG_CODE = (400, "invalid_grant", "The code is invalid or has been used")
WRONG_REFRESH = (400, "invalid_grant", "The refresh token is invalid or has been used")
WRONG_CLIENT = (401, "invalid_client", "Client authentication failed")


class App:
    """A client of a shop's OAuth, with a sandbox of its own. It sends forms, or JSON."""

    def __init__(self, api: httpx.Client, sandbox: str, *, form: bool) -> None:
        self.api, self.sandbox, self.form = api, sandbox, form

    def ask(self, grant: str, shop: str = "my-shop", **fields: str) -> httpx.Response:
        known = {"client_id": "app-1", "client_secret": f"sbx_{self.sandbox}", "grant_type": grant}
        sent = {"data" if self.form else "json": known | fields}
        host = {"Host": f"{shop}.myshoplaza.com"}
        return self.api.post("/admin/oauth/token", headers=host, **sent)  # type: ignore[arg-type]

    def tokens(self, code: str = "code") -> dict[str, Any]:
        response = self.ask("authorization_code", code=code)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def status(self, token: str, shop: str = "my-shop") -> int:
        headers = {"Host": f"{shop}.myshoplaza.com", "access-token": token}
        return self.api.get(STOCK, headers=headers).status_code

    def later(self, seconds: int) -> None:
        body = {"action": "advance", "seconds": seconds}
        self.api.put(f"/_mock/sandboxes/{self.sandbox}/clock", json=body).raise_for_status()


@pytest.fixture(params=[True, False], ids=["form", "json"])
def oauth(api: httpx.Client, sandbox: str, request: pytest.FixtureRequest) -> App:
    api.post("/_mock/sandboxes", json={"name": sandbox}).raise_for_status()
    return App(api, sandbox, form=request.param)


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()
    assert list(body) == ["error", "error_description"]
    assert "request-id" in response.headers
    return response.status_code, body["error"], body["error_description"]


def test_tokens_for_a_code(oauth: App) -> None:
    found = oauth.tokens()
    assert list(found) == [
        "token_type", "expires_at", "access_token", "refresh_token", "store_id", "store_name", "expires_in",
        "scope", "created_at", "locale",
    ]  # fmt: skip
    assert (found["store_name"], found["expires_at"] - found["created_at"]) == ("my-shop", YEAR)
    assert "." not in found["access_token"]
    assert oauth.status(found["access_token"]) == 200


def test_token_of_a_shop_opens_no_other(oauth: App) -> None:
    assert oauth.status(oauth.tokens()["access_token"], "another-shop") == 401


def test_access_token_expires_by_the_clock_of_the_sandbox(oauth: App) -> None:
    tokens = oauth.tokens()
    oauth.later(YEAR - 10)
    assert oauth.status(tokens["access_token"]) == 200
    oauth.later(10)
    assert oauth.status(tokens["access_token"]) == 401
    fresh = oauth.ask("refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert oauth.status(fresh["access_token"]) == 200


def test_refresh_token_works_once(oauth: App) -> None:
    first = oauth.tokens()
    second = oauth.ask("refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["access_token"] != first["access_token"]
    assert refusal(oauth.ask("refresh_token", refresh_token=first["refresh_token"])) == WRONG_REFRESH
    assert oauth.ask("refresh_token", refresh_token=second["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"client_id": "app-2"}, WRONG_REFRESH),
        ({"refresh_token": "wrong"}, WRONG_REFRESH),
        ({"refresh_token": ""}, WRONG_REFRESH),
        ({"shop": "another-shop"}, WRONG_REFRESH),
        ({"client_secret": "demo"}, WRONG_REFRESH),
        ({"client_secret": "wrong"}, WRONG_CLIENT),
        ({"client_secret": "forbidden"}, WRONG_CLIENT),
        ({"client_id": ""}, (400, "invalid_request", "client_id is missing or invalid")),
        ({"grant": "password"}, (400, "unsupported_grant_type", "The grant type is not supported")),
    ],
)
def test_refused_refresh_uses_nothing_up(
    oauth: App, fields: dict[str, str], expected: tuple[int, str, str]
) -> None:
    token = oauth.tokens()["refresh_token"]
    sent = {"grant": "refresh_token", "refresh_token": token, **fields}
    assert refusal(oauth.ask(**sent)) == expected
    assert oauth.ask("refresh_token", refresh_token=token).status_code == 200


@pytest.mark.parametrize("code", ["used", "forbidden", ""])
def test_code_that_is_not_known(oauth: App, code: str) -> None:
    oauth.tokens("used")
    assert refusal(oauth.ask("authorization_code", code=code)) == WRONG_CODE
    assert oauth.ask("authorization_code", code="used", shop="another-shop").status_code == 200


@pytest.mark.parametrize(
    ("host", "status", "body"),
    [
        ("myshoplaza.com", 400, {"errors": ["No Context"]}),
        ("inactive.myshoplaza.com", 401, {"error": "store is not active"}),
    ],
)
def test_shop_is_checked_first(api: httpx.Client, host: str, status: int, body: Any) -> None:
    form = {"client_id": "a", "client_secret": "wrong", "grant_type": "refresh_token"}
    response = api.post("/admin/oauth/token", data=form, headers={"Host": host})
    assert (response.status_code, response.json()) == (status, body)


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (b"{", "application/json", "The request body is not valid JSON"),
        (b"[1]", "application/json", "The body is missing or invalid"),
        (b"a=%FF", "application/x-www-form-urlencoded", "The request body is not a valid form"),
        (b"a=1", "text/plain",
         "The request body must be application/x-www-form-urlencoded or application/json"),
    ],
)  # fmt: skip
def test_body_that_cannot_be_read(api: httpx.Client, content: bytes, kind: str, text: str) -> None:
    response = api.post("/admin/oauth/token", content=content, headers=SHOP | {"Content-Type": kind})
    assert refusal(response) == (400, "invalid_request", text)


def test_longest_client_id_gets_tokens_that_work(oauth: App) -> None:
    longest = "\x01" * 200  # in JSON, each of them takes six bytes
    found = oauth.ask("authorization_code", code="code", client_id=longest).json()
    assert oauth.status(found["access_token"]) == 200
    refreshed = oauth.ask("refresh_token", refresh_token=found["refresh_token"], client_id=longest)
    assert refreshed.status_code == 200
    refused = oauth.ask("authorization_code", code="other", client_id="a" * 201)
    assert refusal(refused) == (400, "invalid_request", "client_id is missing or invalid")
