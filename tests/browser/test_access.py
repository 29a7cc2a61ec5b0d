"""Pages of other origins against the control API and the console, and logins, in a real browser."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from mockserver import app
from mockserver.embedding.running_server import RunningServer
from mockserver.server.server import serving
from tests.browser.conftest import TOKEN, NewPage
from tests.browser.test_every_page import ALL_RULES, AXE, CONTRAST, WIDE

# What a page does to a server, and what comes of it.
ATTACKS = """async target => {
    const list = `${target}/_mock/sandboxes`, reset = `${target}/_mock/sandboxes/demo/reset`
    const read = answer => answer.type === "opaque" ? "opaque" : `read: ${answer.status}`
    const sent = (url, options) =>
        fetch(url, {credentials: "include", ...options}).then(read, () => "refused")
    const shown = (tag, attributes) => new Promise(done => {
        const element = Object.assign(document.createElement(tag), attributes)
        element.onload = () => done("loaded")
        element.onerror = () => done("refused")
        document.body.append(element)
    })
    const stream = url => new Promise(done => {
        const source = new EventSource(url, {withCredentials: true})
        source.onopen = () => done("opened")
        source.onerror = () => { source.close(); done("refused") }
    })
    const body = JSON.stringify({action: "freeze"})
    return {
        fetch: await sent(list),
        post: await sent(reset, {method: "POST"}),
        json: await sent(`${target}/_mock/sandboxes/demo/clock`,
            {method: "PUT", headers: {"Content-Type": "application/json"}, body}),
        opaque: await sent(reset, {method: "POST", mode: "no-cors"}),
        page: await sent(`${target}/_mock/ui/calls`, {mode: "no-cors"}),
        image: await shown("img", {src: list}),
        script: await shown("script", {src: list}),
        events: await stream(`${target}/_mock/events`),
    }
}"""
SEND_FORM = """action => {
    const form = Object.assign(document.createElement("form"), {method: "post", action, target: "_blank"})
    document.body.append(form)
    form.submit()
}"""
ADD_FRAME = """url => new Promise(done => {
    const frame = Object.assign(document.createElement("iframe"), {src: url})
    frame.onload = done
    document.body.append(frame)
})"""


class Nothing(BaseHTTPRequestHandler):
    """Serves an empty page under every path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>attacker</title><body>")

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Yield the port of the attacker's server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@dataclass
class Victim:
    """A server that the user of a browser may use, with a change that an attack could undo."""

    mock: app.Mock
    url: str
    context: BrowserContext

    def attacker(self, origin: str) -> Page:
        page = self.context.new_page()
        page.goto(origin)
        return page


@pytest.fixture(params=["open to this machine", "logged in"])
def victim(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Victim]:
    token = TOKEN if request.param == "logged in" else None
    mock = app.build(names=["merchantpro"], admin_token=token)
    with serving(mock.application) as url, browser.new_context() as context:
        if token:
            log_in(context, url)
        page = context.new_page()
        page.goto(f"{url}/_mock/ui/")
        changed = page.request.patch(
            f"{url}/_mock/sandboxes/demo/records/merchantpro/inventory/10001", data={"stock": 3}
        )
        assert changed.ok, "the user herself may"
        yield Victim(mock, url, context)


def log_in(context: BrowserContext, url: str) -> Page:
    """Log in with the token, and return the page to which that leads."""
    page = context.new_page()
    page.goto(f"{url}/_mock/ui/calls")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{url}/_mock/ui/calls")
    return page


ORIGINS = pytest.mark.parametrize("host", ["127.0.0.1", "evil.test"], ids=["another port", "another site"])


@pytest.mark.console(40)
@ORIGINS
def test_page_of_another_origin_reads_and_changes_nothing(victim: Victim, port: int, host: str) -> None:
    before = victim.mock.sandboxes.get("demo").world
    page = victim.attacker(f"http://{host}:{port}/")
    outcome = page.evaluate(ATTACKS, victim.url)
    assert outcome == dict.fromkeys(outcome, "refused")
    for path in ("sandboxes/demo/reset", "ui/logout"):
        with page.expect_popup() as popup:
            page.evaluate(SEND_FORM, f"{victim.url}/_mock/{path}")
        popup.value.get_by_text("may not use the control API").wait_for()
    page.evaluate(ADD_FRAME, f"{victim.url}/_mock/ui/calls")
    (frame,) = [frame for frame in page.frames if frame is not page.main_frame]
    assert not frame.url.startswith(victim.url), "the browser shows nothing of the console in a frame"
    assert victim.mock.sandboxes.get("demo").world == before
    own = victim.context.new_page()
    own.goto(f"{victim.url}/_mock/ui/calls")
    assert own.url == f"{victim.url}/_mock/ui/calls", "the user is still logged in"


@pytest.mark.console(40)
@ORIGINS
def test_link_on_a_page_of_another_origin_opens_the_console(victim: Victim, port: int, host: str) -> None:
    page = victim.attacker(f"http://{host}:{port}/")
    page.evaluate("url => document.body.innerHTML = `<a href='${url}' target=_blank rel=opener>link</a>`",
                  f"{victim.url}/_mock/ui/calls")  # fmt: skip
    with page.expect_popup() as popup:
        page.get_by_role("link").click()
    popup.value.wait_for_url(f"{victim.url}/_mock/ui/calls")
    assert popup.value.evaluate("window.opener") is None, "the pages cannot reach each other"


@pytest.mark.console(42)
def test_two_servers_stay_logged_in_side_by_side_until_logout(browser: Browser) -> None:
    with ExitStack() as stack:
        mocks = [app.build(names=["merchantpro"], admin_token=TOKEN) for _ in range(2)]
        urls = [stack.enter_context(serving(mock.application)) for mock in mocks]
        context = stack.enter_context(browser.new_context())
        pages = [log_in(context, url) for url in urls]
        for page in pages:
            page.reload()
            assert page.get_by_role("heading", level=1).inner_text() == "Calls"
        cookies = context.cookies(f"{urls[0]}/_mock/ui/")
        assert {cookie["name"] for cookie in cookies} == {
            f"mockserver-{url.rpartition(':')[2]}" for url in urls
        }
        kept = {(one["path"], one["httpOnly"], one["sameSite"]) for one in cookies}
        assert kept == {("/_mock", True, "Lax")}
        assert context.cookies(urls[0]) == [], "a call of a vendor carries no cookie"
        pages[0].get_by_role("button", name="Log out").click()
        pages[0].get_by_role("status").filter(has_text="You are logged out.").wait_for()
        pages[1].reload()
        assert pages[1].url == f"{urls[1]}/_mock/ui/calls", "the other login stays"
        context.add_cookies(cookies)  # as somebody who has copied them
        pages[0].goto(f"{urls[0]}/_mock/ui/calls")
        assert "/login?next=" in pages[0].url


@pytest.mark.console(42)
def test_login_link_works_once(browser: Browser) -> None:
    mock = app.build(names=["merchantpro"], admin_token=TOKEN)
    with serving(mock.application) as url:
        link = f"{url}/_mock/ui/login?once={mock.application.control_access.sessions.new_code()}"
        with browser.new_context() as first, browser.new_context() as second:
            pages = [context.new_page() for context in (first, second)]
            for page in pages:
                page.goto(link)
            for page in pages:
                page.get_by_role("button", name="Log in").click()
            pages[0].wait_for_url(f"{url}/_mock/ui/")
            pages[1].get_by_role("heading", name="This link no longer works").wait_for()
            assert second.cookies() == []


@pytest.mark.console(43)
def test_token_is_sent_by_the_form_alone(browser: Browser) -> None:
    sent: list[tuple[str, str]] = []

    def note(request: Request) -> None:
        sent.append((request.url, f"{request.url} {request.all_headers()} {request.post_data}"))

    mock = app.build(names=["merchantpro"], admin_token=TOKEN)
    with serving(mock.application) as url, browser.new_context() as context:
        context.on("request", note)
        page = log_in(context, url)
        for path in ("", "calls", "sandboxes", "sandboxes/demo", "about", "another-device"):
            page.goto(f"{url}/_mock/ui/{path}")
            assert TOKEN not in page.content() + page.url
        storage = page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, name])"
        )
        assert TOKEN not in storage + str(context.storage_state(indexed_db=True))
        page.go_back()
        assert {address for address, text in sent if TOKEN in text} == {f"{url}/_mock/ui/login"}


@pytest.mark.console(52)
def test_share_link_shows_a_call_until_it_is_revoked(
    page: Page, new_page: NewPage, server: RunningServer
) -> None:
    vendor = server.client.sandbox("demo").vendors["merchantpro"]
    httpx.patch(f"{vendor.base_url}/api/v2/inventory/id/10001", headers=vendor.headers, json={"stock": 3})
    page.goto("/_mock/ui/calls/demo.1")
    page.get_by_role("link", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#share-link").inner_text()
    guest = new_page()
    guest.goto(link)
    assert guest.get_by_role("heading", level=1).inner_text() == "PATCH /api/v2/inventory/id/10001"
    guest.get_by_text("It changed one record.").wait_for()
    assert guest.locator("form").count() == 0
    for scheme, rules in (("light", ALL_RULES), ("dark", CONTRAST)):
        guest.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = AXE.run(guest, options=rules)
        assert found.violations_count == 0, found.generate_report()
    guest.set_viewport_size({"width": 320, "height": 640})
    assert guest.evaluate(WIDE) == []
    page.get_by_role("button", name="Revoke the link").click()
    page.get_by_role("status").filter(has_text="The link is revoked").wait_for()
    guest.reload()
    guest.get_by_role("heading", name="This link no longer works").wait_for()
