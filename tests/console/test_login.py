"""Logging in and out: with a token, with a link that works once, and on another device."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup

from mockserver import app
from mockserver.console.pages.access.login import safe_next
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.login_attempts import MAX_WRONG
from mockserver.server.access_log import CallLine
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.console.html import UI, element, page, submit

TOKEN = "the-admins-own-s3cret"
LOGIN = f"{UI}/login"
PROXY = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "mock.example"}


@dataclass
class Site:
    """A server with an admin token, and all that its clients have got from it."""

    mock: app.Mock
    url: str
    stack: ExitStack
    seen: list[str] = field(default_factory=list)

    def browser(self, **options: Any) -> httpx.Client:
        """Return a client with cookies of its own, which does not follow redirects."""
        hooks = {"response": [self._see]}
        client = httpx.Client(
            base_url=self.url, verify=NO_CERTIFICATES, timeout=TIMEOUT, event_hooks=hooks, **options
        )
        return self.stack.enter_context(client)

    def _see(self, response: httpx.Response) -> None:
        response.read()
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers.multi_items())
        self.seen.append(f"{response.request.url}\n{headers}\n{response.text}")

    def code(self, sandbox: Sandbox | None = None) -> str:
        return self.mock.application.control_access.sessions.new_code(sandbox)

    def logged_in(self) -> httpx.Client:
        """Return the client of somebody who has just logged in."""
        browser = self.browser()
        assert log_in(browser).status_code == 303
        return browser


@pytest.fixture
def site() -> Iterator[Site]:
    mock = app.build(names=["merchantpro"], admin_token=TOKEN, trusted_proxies=(ip_network("192.0.2.0/24"),))
    with ExitStack() as stack:
        yield Site(mock, stack.enter_context(serving(mock.application)), stack)


def log_in(browser: httpx.Client, token: str = TOKEN, path: str = "/login") -> httpx.Response:
    """Send a token in the form of the login page."""
    return submit(browser, element(page(browser, path)), token=token)


@pytest.mark.console(42)
@pytest.mark.parametrize("path", ["/", "/calls?status=4xx&q=a%20b", "/sandboxes/demo", "/nothing"])
def test_page_leads_to_the_login_and_the_login_back(site: Site, path: str) -> None:
    browser = site.browser()
    answer = browser.get(UI + path)
    assert (answer.status_code, httpx.URL(answer.headers["location"]).path) == (303, LOGIN)
    login = browser.get(answer.headers["location"])
    answer = submit(browser, element(BeautifulSoup(login.text, "html.parser")), token=f" {TOKEN}\n")
    assert (answer.status_code, answer.headers["location"]) == (303, UI + path)
    assert browser.get(UI + path).status_code == (404 if path == "/nothing" else 200)
    assert browser.get("/_mock/sandboxes").status_code == 200, "the cookie opens the control API too"


def test_root_leads_to_the_console_which_leads_to_the_login(site: Site) -> None:
    headers = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
    answer = site.browser(follow_redirects=True).get("/", headers=headers)
    assert (answer.status_code, answer.url.path) == (200, LOGIN)


def test_cookie_has_the_attributes_that_keep_it(site: Site) -> None:
    browser = site.browser()
    cookie = log_in(browser).headers["set-cookie"]
    name, *attributes = cookie.split("; ")
    assert name.startswith(f"mockserver-{browser.base_url.port}=")
    assert attributes == ["Path=/_mock", "Max-Age=2592000", "HttpOnly", "SameSite=Lax"]


@pytest.mark.console(42)
def test_logout_ends_the_session_on_the_server(site: Site) -> None:
    browser = site.logged_in()
    (old,) = browser.cookies.jar
    (form,) = page(browser, "/").select('form[action$="/logout"]')
    answer = submit(browser, form)
    assert answer.status_code == 303
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert "You are logged out." in browser.get(answer.headers["location"]).text
    for path, status in ((f"{UI}/", 303), ("/_mock/sandboxes", 401)):
        kept = site.browser().get(path, headers={"Cookie": f"{old.name}={old.value}"})
        assert kept.status_code == status, "the old cookie opens nothing"


@pytest.mark.console(42)
def test_logout_ends_the_event_streams_of_the_session(site: Site) -> None:
    browser = site.logged_in()
    (cookie,) = browser.cookies.jar
    headers = {"Cookie": f"{cookie.name}={cookie.value}"}
    with httpx.stream("GET", f"{site.url}/_mock/events", headers=headers, timeout=60) as stream:
        lines = stream.iter_lines()
        while next(lines) != "event: hello":
            pass
        (form,) = page(browser, "/").select('form[action$="/logout"]')
        submit(browser, form)
        browser.get("/merchantpro/api/v2/inventory/id/10001", auth=("demo", "demo"))
        assert "event: call" not in [*lines]


def test_login_ends_the_session_that_the_browser_had_before(site: Site) -> None:
    browser = site.logged_in()
    (old,) = browser.cookies.jar
    answer = browser.post(LOGIN, data={"once": site.code()})
    assert answer.status_code == 303
    assert browser.cookies[old.name] != old.value
    kept = site.browser().get("/_mock/sandboxes", headers={"Cookie": f"{old.name}={old.value}"})
    assert kept.status_code == 401


@pytest.mark.console(42)
def test_link_works_once_and_only_by_its_button(site: Site) -> None:
    link = f"/login?once={site.code()}"
    preview, browser, late = site.browser(), site.browser(), site.browser()
    for _ in range(3):  # what a chat does with a link in it
        assert "set-cookie" not in preview.get(UI + link).headers
        assert preview.head(UI + link).status_code == 200
    forms = [element(page(one, link)) for one in (browser, late)]
    assert submit(browser, forms[0]).headers["location"] == f"{UI}/"
    assert page(browser, "/").h1
    answer = submit(late, forms[1])
    assert (answer.status_code, "set-cookie" in answer.headers) == (410, False)
    assert "no longer works" in page(late, link, 410).h1.text  # type: ignore[union-attr]
    assert page(late, "/login?once=guess", 410).h1 == page(late, link, 410).h1, "both look alike"


def test_control_token_logs_in_to_its_sandbox_alone(site: Site) -> None:
    admin = site.logged_in()
    token = admin.post("/_mock/sandboxes", json={"name": "mine"}).json()["control_token"]
    browser = site.browser()
    assert log_in(browser, token).status_code == 303
    listed = browser.get("/_mock/sandboxes").json()["sandboxes"]
    assert [one["name"] for one in listed] == ["mine"]
    page(browser, "/sandboxes/mine")
    page(browser, "/sandboxes/demo", 404)
    assert "Sandbox mine" in page(browser, "/").text
    admin.delete("/_mock/sandboxes/mine")
    admin.post("/_mock/sandboxes", json={"name": "mine"})
    assert browser.get(f"{UI}/sandboxes/mine").status_code == 303, "another sandbox has the name now"


def test_link_for_another_device_has_the_same_rights(site: Site) -> None:
    browser = site.browser()
    browser.post(LOGIN, data={"once": site.code(site.mock.sandboxes.create("mine"))})
    first = page(browser, "/another-device")
    assert first.select_one("#login-link") is None, "a GET makes no link"
    answer = submit(browser, element(first))
    link = BeautifulSoup(answer.text, "html.parser").select_one("#login-link")
    assert link and link.text.startswith(f"{site.url}{LOGIN}?once=")
    other = site.browser()
    submit(other, element(page(other, link.text.removeprefix(site.url + UI))))
    for one in (browser, other):
        assert [box["name"] for box in one.get("/_mock/sandboxes").json()["sandboxes"]] == ["mine"]


def test_nobody_else_gets_a_link_for_another_device(site: Site, api: httpx.Client) -> None:
    assert site.browser().get(f"{UI}/another-device").status_code == 303
    assert site.browser().post(f"{UI}/another-device").status_code == 401
    page(site.browser(headers={"Authorization": f"Bearer {TOKEN}"}), "/another-device", 404)
    page(api, "/another-device", 404)


def test_wrong_token_is_said_at_the_field_and_not_shown(site: Site) -> None:
    answer = log_in(site.browser(), "wrong-t0ken", "/login?next=%2F_mock%2Fui%2Fcalls")
    soup = BeautifulSoup(answer.text, "html.parser")
    field = soup.select_one("#token")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert field and (field["value"], field["aria-invalid"]) == ("", "true")
    assert "neither the admin token" in soup.select_one(f"#{field['aria-describedby']}").text  # type: ignore[union-attr]
    assert soup.select_one("[name=next]")["value"] == f"{UI}/calls"  # type: ignore[index]
    assert "wrong-t0ken" not in answer.text


@pytest.mark.parametrize(
    "token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "ctl_", "ctl_" + "a" * 26, "ü", "\0", "x" * 9999]
)
def test_other_text_logs_nobody_in(site: Site, token: str) -> None:
    assert log_in(site.browser(), token).status_code == 401


@pytest.mark.parametrize("token", ["Schlüssel", "密码", "a b+c%20&"])
def test_admin_token_can_be_any_text(token: str) -> None:
    mock = app.build(names=["merchantpro"], admin_token=token)
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as browser,
    ):
        assert log_in(browser, token).status_code == 303


def test_sixth_wrong_token_in_a_minute_has_to_wait_even_if_it_is_right(site: Site) -> None:
    browser = site.browser()
    for _ in range(MAX_WRONG):
        assert log_in(browser, "wrong").status_code == 401
    for token in ("wrong", TOKEN):
        answer = log_in(browser, token)
        assert (answer.status_code, answer.headers["x-mock-error"]) == (429, "too_many_attempts")
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert f"Try again in {answer.headers['retry-after']} seconds." in answer.text
        assert "set-cookie" not in answer.headers
    assert (
        site.browser(headers={"Authorization": f"Bearer {TOKEN}"}).get("/_mock/sandboxes").status_code == 200
    )
    assert browser.post(LOGIN, data={"once": site.code()}).status_code == 303, "a link still works"


def test_clients_of_a_trusted_proxy_are_counted_one_by_one() -> None:
    mock = app.build(names=["merchantpro"], admin_token=TOKEN, trusted_proxies=(ip_network("127.0.0.1"),))
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as browser,
    ):

        def attempt(address: str, token: str) -> int:
            headers = PROXY | {"X-Forwarded-For": address}
            return browser.post(LOGIN, data={"token": token}, headers=headers).status_code

        statuses = [attempt(f"2001:db8::{number}", "wrong") for number in range(MAX_WRONG + 1)]
        assert statuses == [401] * MAX_WRONG + [429]
        assert attempt("203.0.113.8", TOKEN) == 303


def test_cookie_is_secure_through_a_trusted_https_proxy() -> None:
    mock = app.build(names=["merchantpro"], admin_token=TOKEN, trusted_proxies=(ip_network("127.0.0.1"),))
    with serving(mock.application) as url, httpx.Client(base_url=url, headers=PROXY) as browser:
        cookie = log_in(browser).headers["set-cookie"]
    assert cookie.startswith("mockserver-443=")
    assert cookie.endswith("HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize("way", ["token", "once"])
@pytest.mark.parametrize(
    "headers", [{"Host": "mock.internal:8080"}, {"X-Forwarded-For": "203.0.113.7"}], ids=str
)
def test_plain_http_from_another_machine_gets_a_reason_and_no_cookie(
    site: Site, headers: dict[str, str], way: str
) -> None:
    browser = site.browser(headers=headers)
    code = site.code()
    soup = page(browser, f"/login?once={code}" if way == "once" else "/login", 403)
    assert soup.h1 and soup.h1.text == "Logging in needs HTTPS"
    assert not soup.select("form"), "so nobody types a token here"
    answer = browser.post(LOGIN, data={"token": TOKEN} if way == "token" else {"once": code})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert site.browser().post(LOGIN, data={"once": code}).status_code == 303, "the link is not used up"


def test_page_of_another_origin_logs_nobody_in_or_out(site: Site) -> None:
    """Otherwise it could let a user work, without noticing, in a session of somebody else."""
    browser = site.logged_in()
    headers = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}
    for path in ("/login", "/logout", "/another-device"):
        answer = browser.post(UI + path, data={"once": site.code()}, headers=headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    page(browser, "/")


def test_script_and_form_of_a_page_are_not_led_to_the_login(site: Site) -> None:
    """A script would take the login for the rows that it has asked for, and a form would be lost."""
    browser = site.browser()
    script = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}
    assert browser.get(f"{UI}/calls", headers=script).status_code == 401
    answer = browser.post(f"{UI}/calls", data={"typed": "text"})
    assert (answer.status_code, "log in in another tab" in answer.text) == (401, True)


def test_server_without_a_token_has_no_login(api: httpx.Client) -> None:
    answer = api.get(LOGIN, params={"next": f"{UI}/calls"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{UI}/calls")
    assert not page(api, "/").select('form[action$="/logout"]')


def test_whoever_is_logged_in_needs_no_form(site: Site) -> None:
    assert site.logged_in().get(LOGIN).headers["location"] == f"{UI}/"


@pytest.mark.parametrize(
    "target",
    [
        "", "//evil.example", "https://evil.example", "/", "/highlevel/x", "/_mock/ui", "/_mock/uix/",
        "/_mock/sandboxes", "/_mock/ui/../sandboxes", "/_mock/ui/%2e%2e/sandboxes", "/_mock/ui/\\evil",
        "/_mock/ui/%5c..",
        "/_mock/ui/a\r\nSet-Cookie: x=y", "/_mock/ui/ü", "javascript:alert(1)", f"/_mock/ui/{'a' * 2000}",
    ],
)  # fmt: skip
def test_login_leads_to_the_console_and_nowhere_else(site: Site, target: str) -> None:
    assert safe_next(target) == f"{UI}/"
    answer = site.browser().post(LOGIN, data={"once": site.code(), "next": target})
    assert answer.headers["location"] == f"{UI}/"


def test_under_the_path_of_the_public_url_all_links_have_it() -> None:
    public = "https://mock.example/inventory"
    mock = app.build(names=["merchantpro"], admin_token=TOKEN, public_url=public)
    headers = {"Host": "mock.example"}
    with serving(mock.application) as url, httpx.Client(base_url=url, headers=headers) as browser:
        answer = browser.get(f"{UI}/calls")
        assert answer.headers["location"].startswith(f"/inventory{LOGIN}?next=")
        login = page(browser, "/login?next=/_mock/ui/calls")
        links = [
            str(one.get("href") or one.get("src") or one.get("action"))
            for one in login.select("[href^='/'], [src], form")
        ]
        assert links and all(link.startswith("/inventory/_mock/ui/") for link in links)
        answer = browser.post(LOGIN, data={"token": TOKEN, "next": f"{UI}/calls"})
        assert answer.headers["location"] == f"/inventory{UI}/calls"
        assert "; Path=/inventory/_mock; " in answer.headers["set-cookie"]


@pytest.mark.console(43)
def test_token_is_in_no_page_header_url_or_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        browser, code = site.browser(), site.code()
        log_in(browser, TOKEN, "/login?next=/_mock/ui/calls")
        log_in(site.browser(), f"{TOKEN}-but-wrong")
        site.browser().get(f"{UI}/calls", headers={"Authorization": f"Bearer {TOKEN}"})
        for path in ("/", "/calls", "/sandboxes", "/about", "/another-device", "/nothing"):
            browser.get(UI + path)
        link = browser.post(f"{UI}/another-device").text.partition("once=")[2].partition("<")[0]
        for once in (code, link):
            site.browser().get(f"{UI}/login?once={once}")
            site.browser().post(f"{UI}/login?once={once}", data={"once": once})
    assert len(link) == 43
    assert not [text for text in site.seen if TOKEN in text]
    records = [record for record in caplog.records if record.name.startswith(("mockserver", "uvicorn"))]
    log = "\n".join(f"{record.getMessage()} {record.args}" for record in records)
    log += "".join(str(record.msg.fields()) for record in records if isinstance(record.msg, CallLine))
    session_ids = [cookie.value or "" for cookie in browser.cookies.jar]
    for secret in (TOKEN, code, link, *session_ids):
        assert secret and secret not in log
    assert "once=***" in log
