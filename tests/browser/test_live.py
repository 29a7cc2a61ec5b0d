"""Live pages: one stream for all tabs, the dot that tells its state, and elements that are read again."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import NewPage

UI = "/_mock/ui"
WASHER = "/merchantpro/api/v2/inventory/id/10001"
# Makes the content of the page live, as an element of a template with `data-live` is.
LIVE_MAIN = (
    "sandbox => Object.assign(document.querySelector('#main').dataset, {live: '', liveSandbox: sandbox})"
)
STREAMS = "performance.getEntriesByType('resource').filter(one => one.name.includes('/_mock/events')).length"


def call(server: RunningServer, sandbox: str = "demo") -> None:
    """Make one call to a vendor."""
    headers = {"X-Mock-Sandbox": sandbox}
    assert httpx.get(server.url + WASHER, auth=("demo", "demo"), headers=headers).status_code == 200


def streams_of(page: Page) -> list[Page]:
    """Return a list to which each stream that a visitor's pages open adds its page."""
    opened: list[Page] = []
    page.context.on(
        "request", lambda one: opened.append(one.frame.page) if one.resource_type == "eventsource" else None
    )
    return opened


def open_live(page: Page, path: str) -> Page:
    """Open a page, and wait until it is live."""
    page.goto(UI + path)
    expect(page.locator("[data-dot]")).to_have_text("Live")
    return page


def test_live_element_is_read_again_when_its_sandbox_has_a_call(page: Page, server: RunningServer) -> None:
    call(server, "autumn")
    open_live(page, "/sandboxes/autumn")
    calls = page.locator("#tiles li").first
    expect(calls).to_have_text("1 call")
    call(server, "autumn")
    expect(calls).to_have_text("2 calls")


def test_calls_of_other_sandboxes_do_not_concern_a_live_element(page: Page, server: RunningServer) -> None:
    call(server, "autumn")
    with page.expect_event("requestfinished", lambda one: one.resource_type == "fetch"):
        open_live(page, "/sandboxes/autumn")  # which is read again when the page is live
    reads: list[str] = []
    page.on("request", lambda one: reads.append(one.url) if one.resource_type == "fetch" else None)
    call(server)
    call(server, "winter")
    call(server, "autumn")
    expect(page.locator("#tiles li").first).to_have_text("2 calls")
    assert reads == [f"{server.url}{UI}/sandboxes/autumn"]


def test_refreshed_element_keeps_focus_open_details_and_typed_text(page: Page, server: RunningServer) -> None:
    open_live(page, "/sandboxes").evaluate(LIVE_MAIN, "demo")
    page.evaluate(
        """document.querySelector('#main .stack').append(...['input', 'details'].map(name =>
            Object.assign(document.createElement(name), {id: name})))"""
    )
    fresh = page.content().replace("<details", "<details><summary>More</summary>fresh</details><details", 1)
    page.route("**/_mock/ui/sandboxes", lambda route: route.fulfill(body=fresh, content_type="text/html"))
    page.evaluate("document.querySelector('details').open = true")
    page.get_by_role("textbox").fill("typed")
    call(server)
    expect(page.get_by_text("fresh")).to_be_attached()
    expect(page.get_by_role("textbox")).to_have_value("typed")
    expect(page.get_by_role("textbox")).to_be_focused()
    assert page.evaluate("document.querySelector('details#details').open")


@pytest.mark.console(7)
def test_tabs_share_one_stream(page: Page) -> None:
    opened = streams_of(page)
    open_live(page, "/sandboxes")
    second = open_live(page.context.new_page(), "/about")
    assert opened == [page]
    with page.context.expect_event("request", lambda one: one.resource_type == "eventsource"):
        page.close()
    expect(second.locator("[data-dot]")).to_have_text("Live")
    assert opened == [page, second]


def test_pages_of_another_visitor_have_a_stream_of_their_own(new_page: NewPage) -> None:
    for page in (new_page(), new_page()):
        opened = streams_of(page)
        open_live(page, "/about")
        assert opened == [page]


@pytest.mark.console(38)
def test_page_without_locks_says_that_it_polls(page: Page, server: RunningServer) -> None:
    opened = streams_of(page)
    page.add_init_script("delete Navigator.prototype.locks")
    page.clock.install()
    page.goto(UI + "/sandboxes")
    expect(page.locator("[data-dot]")).to_have_text("Polling")
    page.evaluate(LIVE_MAIN, "demo")
    call(server)
    page.clock.run_for(3000)
    expect(page.get_by_role("row").filter(has_text="demo")).to_contain_text("1")
    assert opened == []


def test_tab_of_another_version_is_told_to_reload(page: Page) -> None:
    open_live(page, "/about")
    expect(page.get_by_text("The server was updated")).to_be_hidden()
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => (document.body.dataset.version = '0.0'))"
    )
    open_live(page, "/about")
    expect(page.get_by_text("The server was updated")).to_be_visible()
