"""Tokens that vendors issue: what opens nothing, and how long they open their sandbox."""

import json
import socket
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.sandbox.sandbox import token_key
from mockserver.sandbox.tokens import SandboxTokens, sandbox_of_token
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.server import serving
from mockserver.vendor_api.call import ACCESS
from tests.conftest import NO_CERTIFICATES, TIMEOUT

LIST = "/products/inventory?altId=6578278e879ad2646715ba9c&limit=1"
ADMIN = {"Authorization": "Bearer s3cret"}


@dataclass
class Server:
    """A server, and what its token endpoint issues."""

    mock: app.Mock
    http: httpx.Client

    def tokens(self, secret: str, code: str = "code", **fields: str) -> dict[str, Any]:
        response = self.ask(secret, grant_type="authorization_code", code=code, **fields)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def ask(self, secret: str, **fields: str) -> httpx.Response:
        return self.http.post("/oauth/token", data={"client_id": "a", "client_secret": secret, **fields})

    def token(self, secret: str) -> str:
        return str(self.ask(secret, grant_type="client_credentials").json()["access_token"])

    def opens(self, token: str, **more: str) -> str | int:
        """Return the name of the sandbox that a token opens, or the status with which it is refused."""
        before = {sandbox.name: sandbox.calls for sandbox in self.mock.sandboxes}
        headers = {"Authorization": f"Bearer {token}", "Version": "v3", **more}
        response = self.http.get(LIST, headers=headers)
        if response.status_code != 200:
            return response.headers.get("x-mock-error") or response.status_code
        (opened,) = (one.name for one in self.mock.sandboxes if one.calls > before.get(one.name, 0))
        return opened

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self.http.request(method, f"/_mock{path}", json=body, headers=ADMIN)
        assert response.is_success, response.text
        return response.json() if response.content else None


NewServer = Callable[..., Server]


@pytest.fixture
def new_server() -> Iterator[NewServer]:
    opened: list[Any] = []

    def new(**options: Any) -> Server:
        mock = app.build(names=["highlevel", "shoplazza"], **options)
        block = serving(mock.application)
        client = httpx.Client(base_url=block.__enter__(), verify=NO_CERTIFICATES, timeout=TIMEOUT)
        opened.append((block, client))
        return Server(mock, client)

    yield new
    for block, client in opened:
        client.close()
        block.__exit__(None, None, None)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return what head and payload of a JSON Web Token say, and its signature."""
    head, payload, signature = token.split(".")
    return *(json.loads(urlsafe_b64decode(part + "==")) for part in (head, payload)), signature  # type: ignore[return-value]


def joined(head: dict[str, Any], payload: dict[str, Any], signature: str) -> str:
    texts = (urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in (head, payload))
    return ".".join([*texts, signature])


def with_claim(token: str, **claims: Any) -> str:
    head, payload, signature = parts(token)
    return joined(head, {**payload, **claims}, signature)


def signed_by_a_guess(token: str) -> str:
    """Return the token as one signs it who knows how, but not the sandbox's credential."""
    _, payload, _ = parts(token)
    tokens = SandboxTokens(token_key("", "private"), "highlevel", "private", _NOW)
    return tokens.issue(ACCESS, 86_400, payload)


def without_algorithm(token: str) -> str:
    _, payload, _ = parts(token)
    return joined({"alg": "none", "typ": "JWT"}, payload, "")


def with_last_character_changed(token: str) -> str:
    """Return the token with bits set that a lenient decoder ignores."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


_NOW = app.build(products=1).sandboxes.get("demo").clock.now()
FORGED: list[Callable[[str], str]] = [
    lambda token: token[:-5] + "AAAAA",
    lambda token: token.rpartition(".")[0] + ".",
    lambda token: token.rpartition(".")[0],
    lambda token: f"{token}=",
    lambda token: f"{token}.{token}",
    lambda token: with_claim(token, sandbox="demo"),
    lambda token: with_claim(token, exp=99_999_999_999),
    lambda token: with_claim(token, sandbox=["private"]),
    lambda token: with_claim(token, sandbox="../private"),
    without_algorithm,
    signed_by_a_guess,
    with_last_character_changed,
    lambda token: token.partition(".")[0] + ".e30." + token.rpartition(".")[2],
    lambda token: token.partition(".")[0] + "." + "W1tb" * 1000 + ".x",
    lambda token: token.partition(".")[0] + "." + "A" * 100_000 + ".x",
]


@pytest.mark.parametrize("forge", FORGED)
def test_forged_token_opens_nothing(new_server: NewServer, forge: Callable[[str], str]) -> None:
    server = new_server(admin_token="s3cret")
    made = server.control("POST", "/sandboxes", {"name": "private", "credential": "issued"})
    genuine = server.token(made["credential"])
    assert server.opens(genuine) == "private"
    assert server.opens(forge(genuine)) in (401, 431, 400)
    assert server.opens(genuine) == "private"


def test_token_of_another_vendor_opens_nothing(new_server: NewServer) -> None:
    server = new_server()
    token = server.token("sbx_a")
    path = "/shoplazza/openapi/2022-01/products/f854e9a2-986d-4e2b-9df0-8e4c139ae80e/inventory"
    assert server.http.get(path, headers={"access-token": token}).status_code == 401
    assert server.http.get(path, headers={"access-token": "sbx_a"}).status_code == 200


@pytest.mark.parametrize(
    ("here", "there", "opens"),
    [
        ({}, {}, "a"),
        ({"token_secret": "x"}, {"token_secret": "x"}, "a"),
        ({"token_secret": "x"}, {"token_secret": "y"}, 401),
        ({}, {"token_secret": "x"}, 401),
        ({"token_secret": "x"}, {}, 401),
        ({}, {"demo": DemoQuotas()}, 401),
    ],
)
def test_server_accepts_a_token_of_another_with_its_secret(
    new_server: NewServer, here: dict[str, Any], there: dict[str, Any], opens: str | int
) -> None:
    token = new_server(**here).token("sbx_a")
    assert new_server(**there).opens(token) == opens


def test_token_opens_what_its_secret_opened_and_nothing_else(new_server: NewServer) -> None:
    server = new_server()
    made = server.control("POST", "/sandboxes", {"name": "private", "credential": "issued"})
    tokens = {name: server.token(secret) for name, secret in
              (("demo", "demo"), ("a", "sbx_a"), ("private", made["credential"]))}  # fmt: skip
    assert {name: server.opens(token) for name, token in tokens.items()} == {name: name for name in tokens}
    assert server.opens(tokens["a"], **{"X-Mock-Sandbox": "a"}) == "a"
    for name, other in (("a", "demo"), ("a", "private"), ("demo", "a"), ("private", "a")):
        assert server.opens(tokens[name], **{"X-Mock-Sandbox": other}) == "sandbox_header_not_trusted"
    for secret in ("sbx_private", "ctl_" + "a" * 26, made["control_token"], "s3cret", "forbidden", ""):
        assert server.ask(secret, grant_type="client_credentials").status_code in (401, 422)


@pytest.mark.parametrize(("path", "sent", "opened"), [
    ("/oauth/token", {"client_secret": "sbx_a"}, "a"),
    ("/oauth/token", {"clientSecret": "sbx_a"}, "a"),
    ("/oauth/token", {"client_secret": "sbx_a", "clientSecret": "sbx_b"}, "a"),
    ("/admin/oauth/token", {"client_secret": "sbx_a"}, "a"),
    ("/admin/oauth/token", {"clientSecret": "sbx_a"}, "demo"),
])  # fmt: skip
def test_only_a_field_that_the_vendor_reads_opens_a_sandbox(
    new_server: NewServer, path: str, sent: dict[str, str], opened: str
) -> None:
    server = new_server()
    server.http.post(path, data=sent)
    assert [one.name for one in server.mock.sandboxes if one.calls] == [opened]


def test_token_ends_with_its_sandbox(new_server: NewServer) -> None:
    server = new_server()
    issued = {"name": "private", "credential": "issued"}
    secret = server.control("POST", "/sandboxes", issued)["credential"]
    tokens, chosen = server.tokens(secret), server.token("sbx_a")
    for name in ("private", "a"):
        server.control("DELETE", f"/sandboxes/{name}")
    assert (server.opens(tokens["access_token"]), server.opens(chosen)) == (401, 401)
    assert server.mock.sandboxes.find("a") is None
    again = server.control("POST", "/sandboxes", issued)["credential"]
    assert server.opens(tokens["access_token"]) == 401
    refreshed = server.ask(again, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (refreshed.status_code, refreshed.json()["error_description"]) == (401, "Invalid refresh token")
    assert server.opens(server.token(again)) == "private"


def test_token_of_a_fork_is_another(new_server: NewServer) -> None:
    server = new_server()
    secret = server.control("POST", "/sandboxes", {"name": "private", "credential": "issued"})["credential"]
    tokens = server.tokens(secret)
    fork = server.control("POST", "/sandboxes/private/fork", {"name": "copy"})["credential"]
    refreshed = server.ask(fork, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json()["error_description"] == "Invalid refresh token"
    assert server.opens(tokens["access_token"]) == "private"


def test_token_survives_an_import_into_its_sandbox(new_server: NewServer) -> None:
    server = new_server()
    secret = server.control("POST", "/sandboxes", {"name": "private", "credential": "issued"})["credential"]
    token = server.token(secret)
    document = server.control("GET", "/sandboxes/private/export")
    server.control("PUT", "/sandboxes/private/import", document)
    assert server.opens(token) == "private"


def test_any_credential_is_a_client_secret_where_the_server_says_so(new_server: NewServer) -> None:
    server = new_server(any_credential=True)
    token = server.token("the-real-secret")
    assert server.opens(token) == "demo"
    server.control("PUT", "/sandboxes/demo/clock", {"action": "advance", "seconds": 90_000})
    assert server.opens(token) == 401


def test_visitor_of_a_demo_gets_tokens_for_her_own_sandbox(new_server: NewServer) -> None:
    server = new_server(admin_token="s3cret", demo=DemoQuotas(calls_per_second=1, burst=3))
    made = server.control("POST", "/demo/sandboxes")
    tokens = server.tokens(made["credential"])
    assert server.opens(tokens["access_token"]) == made["name"]
    assert server.opens(server.token("demo")) == "demo"
    assert [server.opens(tokens["access_token"]) for _ in range(3)][-1] == "demo_quota"
    assert server.ask("sbx_a", grant_type="client_credentials").status_code == 401


def test_demo_keeps_no_used_codes(new_server: NewServer) -> None:
    server = new_server(admin_token="s3cret", demo=DemoQuotas())
    first = server.tokens("demo")
    assert server.tokens("demo").keys() == first.keys()
    for _ in range(2):
        fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        assert server.ask("demo", **fields).status_code == 200


def test_new_token_is_no_new_client_for_rate_limits(new_server: NewServer) -> None:
    server = new_server(limits=True)
    headers = {"Version": "v3"}
    left = []
    for _ in range(3):
        headers["Authorization"] = f"Bearer {server.token('sbx_a')}"
        left.append(server.http.get(LIST, headers=headers).headers["x-ratelimit-remaining"])
    assert left == ["99", "98", "97"]


def test_secrets_of_a_grant_are_in_no_journal(new_server: NewServer) -> None:
    server = new_server()
    tokens = server.tokens("sbx_a", code="the-code")
    server.ask("sbx_a", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    server.opens(tokens["access_token"])
    calls = server.control("GET", "/requests")
    each = [server.control("GET", f"/requests/{one['id']}") for one in calls["requests"]]
    told = json.dumps([calls, each, server.control("GET", "/requests/har")])
    for secret in (tokens["access_token"], tokens["refresh_token"], "the-code", "client_secret=sbx_a"):
        assert secret not in told
    assert "client_secret=***" in told


def test_late_body_makes_no_difference(new_server: NewServer) -> None:
    """Send a request for tokens in two pieces: the body, which names the sandbox, comes later."""
    server = new_server()
    body = b"client_id=a&client_secret=sbx_a&grant_type=client_credentials"
    head = b"POST /oauth/token HTTP/1.1\r\nHost: services.leadconnectorhq.com\r\nConnection: close\r\n"
    head += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
    answers = []
    server.control("POST", "/sandboxes", {"name": "a"})
    for pieces in ([head + body], [head, body]):
        server.control("POST", "/sandboxes/a/reset")
        server.control("PUT", "/sandboxes/a/clock", {"action": "freeze", "instant": "2026-01-02T03:04:05Z"})
        address = server.http.base_url.host, server.http.base_url.port or 0
        with socket.create_connection(address) as client:
            for piece in pieces:
                client.sendall(piece)
                time.sleep(0.05)
            answers.append(b"".join(iter(lambda: client.recv(65536), b"")))
        assert server.control("GET", "/sandboxes/a")["calls"] == 1
    assert [answer.partition(b" 200 ")[0] for answer in answers] == [b"HTTP/1.1"] * 2
    assert answers[0].partition(b"\r\n\r\n")[2] == answers[1].partition(b"\r\n\r\n")[2]
    assert server.control("GET", "/sandboxes/demo")["calls"] == 0


def test_body_that_is_refused_before_it_is_read_counts_nowhere(new_server: NewServer) -> None:
    server = new_server()
    response = server.http.post("/oauth/token", content=b"a" * 70_000)
    assert (response.status_code, response.json()["message"]) == (413, "Payload Too Large")
    assert server.control("GET", "/sandboxes/demo")["calls"] == 0


@pytest.mark.parametrize(
    "text", ["", "a", "demo", "a.b", "a.b.c", "é.b.c", "eyJ", "=" * 99, "\ud800", "A" * 5000, "..", "e30"]
)
def test_text_that_is_no_token(text: str) -> None:
    assert sandbox_of_token(text) is None
