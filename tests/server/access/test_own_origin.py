"""The own-origin rule for all of `/_mock`, with the headers that browsers send."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.server.access.session_cookie import cookie_name
from mockserver.server.server import serving
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.conftest import NO_CERTIFICATES, TIMEOUT

SUITE = "http://localhost:5173"  # where the operator's browser suite runs
RESET = ("POST", "/_mock/sandboxes/demo/reset")
LIST = ("GET", "/_mock/sandboxes")
# What Chromium sends if a page of another origin does this. The first column is its Sec-Fetch-Site: a page on
# another port of this machine is `same-site`, one of another site `cross-site`.
FROM_PAGES: list[tuple[str, tuple[str, str], dict[str, str]]] = [
    ("form POST", RESET, {"Origin": "ORIGIN", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
    ("form POST to the console", ("POST", "/_mock/ui/login"),
     {"Origin": "ORIGIN", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
    ("form POST without referrer", RESET,
     {"Origin": "null", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
    ("form POST of a sandboxed frame", RESET,
     {"Origin": "null", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
    ("form GET", LIST, {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
    ("fetch", LIST, {"Origin": "ORIGIN", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
    ("fetch POST", RESET, {"Origin": "ORIGIN", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
    ("fetch no-cors", LIST, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}),
    ("fetch POST no-cors", RESET,
     {"Origin": "ORIGIN", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}),
    ("fetch of the console", ("GET", "/_mock/ui/"), {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}),
    ("image", LIST, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
    ("script", LIST, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}),
    ("EventSource", ("GET", "/_mock/events"),
     {"Origin": "ORIGIN", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
    ("frame", LIST, {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
    ("frame of the console", ("GET", "/_mock/ui/"),
     {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
    ("object", ("GET", "/_mock/ui/"), {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"}),
]  # fmt: skip
PAGES = {"same-site": "http://localhost:3000", "cross-site": "https://evil.example"}


@dataclass
class Target:
    """A server, the headers with which its own page would be admitted, and its sandboxes."""

    client: httpx.Client
    admitted: dict[str, str]
    mock: app.Mock

    def send(self, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        return self.client.request(method, path, headers=self.admitted | headers)


@pytest.fixture(scope="module", params=["local", "cookie", "cookie and token"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Yield a server that is open to this machine, and one with a token where the browser has logged in."""
    token = {} if request.param == "local" else {"admin_token": "s3cret"}
    mock = app.build(names=["merchantpro"], control_origins=frozenset({SUITE}), **token)
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        admitted = {}
        if token:
            session_id = mock.application.control_access.sessions.begin(None)
            admitted["Cookie"] = f"mockserver-{client.base_url.port}={session_id}"
        if "and token" in request.param:
            admitted["Authorization"] = "Bearer s3cret"
        yield Target(client, admitted, mock)


@pytest.mark.console(40)
@pytest.mark.parametrize("site", PAGES)
@pytest.mark.parametrize(("what", "call", "headers"), FROM_PAGES, ids=[one[0] for one in FROM_PAGES])
def test_page_of_another_origin_changes_and_reads_nothing(
    target: Target, site: str, what: str, call: tuple[str, str], headers: dict[str, str]
) -> None:
    before = target.mock.sandboxes.get("demo").world
    headers = {name: value.replace("ORIGIN", PAGES[site]) for name, value in headers.items()}
    for fetch_metadata in ({"Sec-Fetch-Site": site}, {}):
        if not fetch_metadata and "Origin" not in headers:
            continue  # an older browser: what it sends then looks like a program, but no page can read it
        answer = target.send(*call, headers | fetch_metadata)
        assert answer.status_code == 403, what
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert target.mock.sandboxes.get("demo").world == before


@pytest.mark.console(40)
@pytest.mark.parametrize("site", PAGES)
@pytest.mark.parametrize("path", ["/_mock/ui", "/_mock/ui/", "/_mock/ui/calls/demo.1?sandbox=demo"])
def test_link_on_any_page_may_lead_to_the_console(target: Target, site: str, path: str) -> None:
    navigation = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert target.send("GET", path, navigation).status_code != 403


@pytest.mark.parametrize(
    "path", ["/_mock/uix", "/_mock/ui.json", "/_mock/requests", "/_mock//ui/", "/_mock/%75i/"]
)
def test_link_on_another_page_may_not_lead_elsewhere(target: Target, path: str) -> None:
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert target.send("GET", f"/_mock/{path}", navigation).status_code == 403


def test_own_page_may_do_all(target: Target) -> None:
    own = str(target.client.base_url).rstrip("/")
    for method, path in (LIST, RESET):
        for headers in (
            {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Origin": own},
            {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
            {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
            {"Origin": own.upper()},
        ):
            answer = target.send(method, path, headers)
            assert answer.status_code == 200, headers
            guards = [
                answer.headers[name] for name in ("cross-origin-resource-policy", "x-content-type-options")
            ]
            assert guards == ["same-origin", "nosniff"]


def test_vendors_may_be_called_from_any_page(target: Target) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = target.client.get("/api/v2/inventory/id/10001", headers=headers, auth=("demo", ""))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert not {"content-security-policy", "x-content-type-options", "set-cookie", "vary"} & {*answer.headers}


def test_token_alone_needs_no_own_page() -> None:
    """No browser adds a token by itself, and no page has one unless the user gives it to the page."""
    with serving(app.build(names=["merchantpro"], admin_token="s3cret").application) as url:
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        tokens = {"Bearer s3cret": 200, "Bearer wrong": 403}
        for token, status in tokens.items():
            answer = httpx.get(
                f"{url}/_mock/sandboxes",
                headers=headers | {"Authorization": token},
                verify=NO_CERTIFICATES,
                timeout=TIMEOUT,
            )
            assert answer.status_code == status


@pytest.mark.console(41)
@pytest.mark.parametrize("host", ["evil.example", "x.localhost", "localhost.evil.example", "127.0.0.1.test"])
@pytest.mark.parametrize("path", ["/_mock/sandboxes", "/_mock/ui/", "/_mock/ui/calls"])
def test_other_name_of_this_machine_is_refused(api: httpx.Client, host: str, path: str) -> None:
    """A page can make a name of its own point to this machine; then it is the same origin for a browser."""
    for headers in (
        {"Host": f"{host}:{api.base_url.port}"},
        {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"},
    ):
        assert api.get(path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("public_url", "headers", "status"),
    [
        ("https://mock.example", {"Origin": "https://mock.example"}, 200),
        ("https://mock.example/inventory", {"Origin": "https://MOCK.example:443"}, 200),
        ("https://mock.example:8443", {"Origin": "https://mock.example:8443"}, 200),
        ("https://mock.example:8443", {"Origin": "https://mock.example"}, 403),
        ("https://mock.example", {"Origin": "http://mock.example"}, 403),
        ("https://mock.example", {"Origin": "https://evil.example"}, 403),
        ("", {"Origin": "https://mock.example"}, 403),
        ("", {"Origin": "https://mock.example", "Host": "mock.example"}, 403),
        ("", {"Origin": "http://mock.example", "Host": "mock.example"}, 200),
    ],
)
def test_origin_of_the_public_url_is_the_servers_own(
    public_url: str, headers: dict[str, str], status: int
) -> None:
    mock = app.build(names=["merchantpro"], admin_token="s3cret", public_url=public_url)
    with serving(mock.application) as url:
        host = {"Host": httpx.URL(url).netloc.decode()} | headers
        raw = RawRequest("GET", "/", "", Headers([(b"host", host["Host"].encode())]))
        cookie = f"{cookie_name(raw)}={mock.application.control_access.sessions.begin(None)}"
        answer = httpx.get(
            f"{url}/_mock/sandboxes",
            headers={"Cookie": cookie} | headers,
            verify=NO_CERTIFICATES,
            timeout=TIMEOUT,
        )
    assert answer.status_code == status, answer.text


def suite(**headers: str) -> dict[str, Any]:
    return {"Origin": SUITE, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"} | headers


@pytest.fixture(scope="module")
def local() -> Iterator[httpx.Client]:
    """Yield a client of a server that admits pages of SUITE, and needs no token."""
    mock = app.build(names=["merchantpro"], control_origins=frozenset({SUITE}))
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        yield client


def test_page_of_a_control_origin_may_use_control(local: httpx.Client) -> None:
    for method, path, status in ((*LIST, 200), (*RESET, 200), ("GET", "/_mock/nothing", 404)):
        answer = local.request(method, path, headers=suite())
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, SUITE)
        assert answer.headers["access-control-expose-headers"] == "*"
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
    with local.stream("GET", "/_mock/events", params={"seconds": 1}, headers=suite()) as events:
        assert (events.status_code, events.headers["access-control-allow-origin"]) == (200, SUITE)


@pytest.mark.parametrize("origin", [*PAGES.values(), f"{SUITE}0", "https://localhost:5173", "null"])
def test_page_of_another_origin_than_a_control_origin_may_not(local: httpx.Client, origin: str) -> None:
    headers = suite(Origin=origin)
    wanted = {"Access-Control-Request-Method": "POST"}
    for method, more in (("GET", {}), ("OPTIONS", wanted), ("POST", {})):
        answer = local.request(method, "/_mock/sandboxes", headers=headers | more)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_preflight_of_a_control_origin_needs_no_token_but_the_call_does(target: Target) -> None:
    wanted = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = target.client.options("/_mock/sandboxes/demo/clock", headers=suite() | wanted)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == SUITE
    assert answer.headers["access-control-allow-methods"] == "PUT"
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    guarded = "Cookie" in target.admitted
    answer = target.client.get("/_mock/sandboxes", headers=suite())
    assert answer.status_code == (401 if guarded else 200)
    assert answer.headers["access-control-allow-origin"] == SUITE, "the page may read why"
    answer = target.client.get("/_mock/sandboxes", headers=suite(Authorization="Bearer s3cret"))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, SUITE)


def test_control_origin_cannot_use_the_cookie(target: Target) -> None:
    if "Cookie" not in target.admitted:
        return
    cookie = {"Cookie": target.admitted["Cookie"]}
    assert target.client.get("/_mock/sandboxes", headers=cookie).status_code == 200
    assert target.client.get("/_mock/sandboxes", headers=suite(**cookie)).status_code == 401


def test_link_of_a_control_origin_does_not_lead_to_the_control_api(local: httpx.Client) -> None:
    """A frame or a link sends no Origin, so it is like one on any page."""
    headers = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert local.get("/_mock/sandboxes", headers=headers).status_code == 403
