"""The console's cookie: its name, when it may be set, and what it opens."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.access.session_cookie import (
    MAX_COOKIES,
    cookie_name,
    may_set_cookie,
    remove_cookie,
    session_ids,
    set_cookie,
)
from mockserver.server.access.sessions import Sessions
from mockserver.server.server import serving
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.conftest import NO_CERTIFICATES, TIMEOUT

HTTPS = {"scheme": "https"}
BEHIND_TLS = AccessPolicy(public_url="https://mock.example/inventory")


def request(host: str, cookie: str = "", **fields: Any) -> RawRequest:
    lines = [(b"host", host.encode()), *([(b"cookie", cookie.encode())] if cookie else [])]
    return RawRequest("GET", "/_mock/ui/", "", Headers(lines), **fields)


@pytest.mark.parametrize(
    ("host", "fields", "name"),
    [
        ("localhost:8080", {}, "mockserver-8080"),
        ("127.0.0.1:8081", {}, "mockserver-8081"),
        ("[::1]:8080", {}, "mockserver-8080"),
        ("mock.example", {}, "mockserver-80"),
        ("mock.example", HTTPS, "mockserver-443"),
        ("mock.example:8443", HTTPS, "mockserver-8443"),
        ("", {}, "mockserver-"),
        ("a;b=c:80", {}, "mockserver-"),
    ],
)
def test_name_has_the_port_that_the_client_has_used(host: str, fields: dict[str, str], name: str) -> None:
    assert cookie_name(request(host, **fields)) == name


@pytest.mark.parametrize(
    ("host", "fields", "policy", "allowed"),
    [
        ("localhost:8080", {}, AccessPolicy(), True),
        ("127.0.0.1", {}, AccessPolicy(), True),
        ("[::1]:80", {}, AccessPolicy(), True),
        ("localhost:8080", {"peer": "172.17.0.1"}, AccessPolicy(), True),  # a container's published port
        (
            "localhost:8080",
            {"version": "1.0"},
            AccessPolicy(),
            False,
        ),  # a proxy's, whose clients are elsewhere
        ("mock.internal:8080", {}, AccessPolicy(), False),
        ("192.168.1.7:8080", {}, AccessPolicy(), False),
        ("x.localhost", {}, AccessPolicy(), False),
        ("", {}, AccessPolicy(), False),
        ("mock.internal:8080", HTTPS, AccessPolicy(), True),
        ("mock.example", {}, BEHIND_TLS, True),
        ("other.example", {}, BEHIND_TLS, False),
        ("mock.example:8080", {}, BEHIND_TLS, False),
        ("mock.example", {}, AccessPolicy(public_url="http://mock.example"), False),
    ],
)
def test_cookie_is_set_only_where_it_cannot_be_read_on_the_way(
    host: str, fields: dict[str, str], policy: AccessPolicy, allowed: bool
) -> None:
    raw = request(host, **fields)
    assert may_set_cookie(raw, policy) == allowed
    if allowed:
        assert set_cookie(raw, policy, "id")
    else:
        with pytest.raises(ValueError, match="plain HTTP"):
            set_cookie(raw, policy, "id")


@pytest.mark.parametrize(
    ("host", "fields", "policy", "expected"),
    [
        ("localhost:8080", {}, AccessPolicy(),
         "mockserver-8080={0}; Path=/_mock; Max-Age={1}; HttpOnly; SameSite=Lax"),
        ("localhost:8443", HTTPS, AccessPolicy(),
         "mockserver-8443={0}; Path=/_mock; Max-Age={1}; HttpOnly; SameSite=Lax; Secure"),
        ("mock.example", {}, BEHIND_TLS,
         "mockserver-80={0}; Path=/inventory/_mock; Max-Age={1}; HttpOnly; SameSite=Lax; Secure"),
    ],
)  # fmt: skip
def test_attributes(host: str, fields: dict[str, str], policy: AccessPolicy, expected: str) -> None:
    raw = request(host, **fields)
    assert set_cookie(raw, policy, "id") == expected.format("id", 2_592_000)
    assert remove_cookie(raw, policy) == expected.format("", 0)


@pytest.mark.parametrize(
    ("cookie", "ids"),
    [
        ("", []),
        ("mockserver-8080=one", ["one"]),
        ("a=b; mockserver-8080=one;c=d", ["one"]),
        ("mockserver-8080=stale; mockserver-8080=one", ["stale", "one"]),
        ("mockserver-8081=other; mockserver-80=other; mockserver=other", []),
        ("mockserver-8080=; mockserver-8080; =one; ;;=", []),
        (";".join(["mockserver-8080=x"] * 1000), ["x"] * MAX_COOKIES),
    ],
)
def test_ids_in_the_cookie_header(cookie: str, ids: list[str]) -> None:
    assert session_ids(request("localhost:8080", cookie)) == ids


@dataclass
class Guarded:
    """A server with an admin token, which trusts a proxy on this machine."""

    client: httpx.Client
    sessions: Sessions
    mock: app.Mock

    @property
    def cookie(self) -> str:
        """The name of the cookie for this server's own port."""
        return f"mockserver-{self.client.base_url.port}"

    def status(self, **headers: str) -> int:
        return self.client.get("/_mock/sandboxes", headers=headers).status_code


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    proxies = (ip_network("127.0.0.1"),)
    mock = app.build(names=["merchantpro"], admin_token="s3cret", trusted_proxies=proxies)
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        yield Guarded(client, mock.application.control_access.sessions, mock)


def test_one_valid_cookie_among_others_is_enough(guarded: Guarded) -> None:
    """A page on another port could set one of the same name, so that the user's own would not be seen."""
    name, session_id = guarded.cookie, guarded.sessions.begin(None)
    assert guarded.status(Cookie=f"{name}=stale; {name}={session_id}") == 200
    assert guarded.status(Cookie=f"{name}=stale") == 401


def test_no_other_host_of_the_domain_can_hide_the_cookie_among_its_own(guarded: Guarded) -> None:
    """It could set cookies of this name, with longer paths: browsers send those first. They keep 180."""
    name, session_id = guarded.cookie, guarded.sessions.begin(None)
    others = [f"{name}={number:043}" for number in range(180)]
    assert guarded.status(Cookie="; ".join([*others, f"{name}={session_id}"])) == 200
    assert guarded.status(Cookie="; ".join(others)) == 401


@pytest.mark.console(42)
def test_cookie_ends_with_its_session(guarded: Guarded) -> None:
    session_id = guarded.sessions.begin(None)
    cookie = f"{guarded.cookie}={session_id}"
    assert guarded.status(Cookie=cookie) == 200
    guarded.sessions.end(session_id)
    assert guarded.status(Cookie=cookie) == 401


def test_cookie_of_a_sandbox_opens_that_sandbox_alone(guarded: Guarded) -> None:
    sandbox = guarded.mock.sandboxes.create("visited")
    cookie = {"Cookie": f"{guarded.cookie}={guarded.sessions.begin(sandbox)}"}
    page = guarded.client.get("/_mock/sandboxes", headers=cookie).json()
    assert [one["name"] for one in page["sandboxes"]] == ["visited"]
    paths = {"/visited": 200, "/demo": 404, "/nobody": 404}
    for path, status in paths.items():
        assert guarded.client.get(f"/_mock/sandboxes{path}", headers=cookie).status_code == status
    guarded.mock.sandboxes.delete("visited")
    guarded.mock.sandboxes.create("visited")
    assert guarded.client.get("/_mock/sandboxes/visited", headers=cookie).status_code == 401


@pytest.mark.console(42)
def test_two_servers_on_two_ports_stay_logged_in_side_by_side() -> None:
    mocks = [app.build(names=["merchantpro"], admin_token="s3cret") for _ in range(2)]
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(mock.application)) for mock in mocks]
        browser = stack.enter_context(httpx.Client(verify=NO_CERTIFICATES, timeout=TIMEOUT))
        for url, mock in zip(urls, mocks, strict=True):
            raw = request(httpx.URL(url).netloc.decode())
            line = set_cookie(raw, mock.access, mock.application.control_access.sessions.begin(None))
            name, _, value = line.partition(";")[0].partition("=")
            browser.cookies.set(name, value, domain="127.0.0.1", path="/_mock")  # no port: like a browser
        for url in (*urls, urls[0]):
            assert browser.get(f"{url}/_mock/sandboxes").status_code == 200


def test_cookie_works_through_a_trusted_proxy(guarded: Guarded) -> None:
    proxy = {
        "Cookie": f"mockserver-443={guarded.sessions.begin(None)}",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "mock.example",
    }
    assert guarded.status(**proxy, Origin="https://mock.example") == 200
    assert guarded.status(**proxy, Origin="http://mock.example") == 403


def test_cookie_is_looked_at_again_when_the_body_has_arrived(guarded: Guarded) -> None:
    session_id = guarded.sessions.begin(None)

    def body() -> Iterator[bytes]:
        yield b'{"action": '
        guarded.sessions.end(session_id)
        yield b'"freeze"}'

    headers = {"Cookie": f"{guarded.cookie}={session_id}", "Content-Type": "application/json"}
    answer = guarded.client.put("/_mock/sandboxes/demo/clock", content=body(), headers=headers)
    assert answer.status_code == 401
    assert not guarded.mock.sandboxes.get("demo").clock.frozen
