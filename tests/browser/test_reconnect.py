"""The live list of calls over cut streams, restarted servers, many tabs and tabs that nobody sees."""

import os
import re
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from mockserver import app
from mockserver.embedding.running_server import RunningServer
from mockserver.server.server import serving
from tests.browser.chromium import Watch
from tests.browser.conftest import TOKEN, NewPage
from tests.browser.relay import relay
from tests.browser.test_calls import CALLS, expect_ids, open_list
from tests.browser.traffic import call, journal
from tests.server_process import serving_command

# Notes what the dot says, and the rows that are added to the list.
NOTED = """() => {
    window.states = []
    window.added = []
    const dot = document.querySelector('[data-dot]')
    new MutationObserver(() => states.push(dot.textContent)).observe(dot, {childList: true})
    const note = change => added.push(...[...change.addedNodes].map(row => row.id))
    new MutationObserver(changes => changes.forEach(note))
        .observe(document.querySelector('#rows'), {childList: true})
}"""


@pytest.mark.console(6)
def test_stream_that_is_cut_ten_times_loses_and_doubles_nothing(
    new_page: NewPage, server: RunningServer, watch: Watch
) -> None:
    with relay(server.url) as between:
        watch.origins.add(between.url)
        watch.expected.append("net::ERR_")
        call(server.url)
        page = open_list(new_page(base_url=between.url))
        page.evaluate(NOTED)
        for number in range(1, 11):
            between.cut()
            call(server.url, 3)
            page.wait_for_function(f"() => states.filter(one => one === 'Live').length === {number}")
            call(server.url, 3)
        expect_ids(page, journal(server.url))
        assert page.evaluate("states.filter(one => one === 'Reconnecting').length") == 10
        added = page.evaluate("added.filter(id => id)")
        assert len(added) == len(set(added)) == 60
        page.close()


@pytest.mark.console(6)
def test_restarted_server_is_listed_anew(new_page: NewPage, watch: Watch, tmp_path: Path) -> None:
    watch.expected.append("net::ERR_")
    with serving_command(tmp_path) as first:
        watch.origins.add(first.url)
        call(first.url, 5)
        page = open_list(new_page(base_url=first.url))
        expect_ids(page, journal(first.url))
        os.kill(first.pid, signal.SIGKILL)
        expect(page.locator("[data-dot]")).to_have_text(re.compile("Reconnecting|Offline"))
    with serving_command(tmp_path, "--port", str(urlsplit(first.url).port)) as second:
        call(second.url, 3, path="/narvar/exchanges/strange")
        expect(page.locator("[data-dot]")).to_have_text("Live")
        expect_ids(page, ["demo.3", "demo.2", "demo.1"])
        expect(page.get_by_role("row").filter(has_text="strange")).to_have_count(3)
        call(second.url, 3)
        expect_ids(page, journal(second.url))
        page.close()


@pytest.mark.console(7)
def test_eight_tabs_show_new_calls_by_one_stream(page: Page, server: RunningServer) -> None:
    call(server.url)
    tabs = [page, *(page.context.new_page() for _ in range(7))]
    for tab in tabs:
        open_list(tab)
    call(server.url, 3)
    for tab in tabs:
        expect_ids(tab, journal(server.url))
    assert listeners(server) == 1
    tabs[0].close()  # another tab takes the stream over
    call(server.url, 3)
    for tab in tabs[1:]:
        expect_ids(tab, journal(server.url))


def listeners(server: RunningServer) -> int:
    """Return the number of clients that listen to the server's events."""
    metrics = httpx.get(f"{server.url}/_mock/metrics").text
    (line,) = re.findall(r"^mockserver_listeners ([\d.]+)$", metrics, re.MULTILINE)
    return int(float(line))


def set_hidden(page: Page, hidden: bool) -> None:
    """Make a page believe that it is hidden, or shown. A browser without a window cannot hide it for real."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, 'hidden', {get: () => hidden, configurable: true})
            document.dispatchEvent(new Event('visibilitychange'))
        }""",
        hidden,
    )


@pytest.mark.console(9)
def test_hidden_tabs_hold_no_stream_and_catch_up(page: Page, server: RunningServer) -> None:
    call(server.url)
    tabs = [open_list(page), open_list(page.context.new_page())]
    assert listeners(server) == 1
    set_hidden(tabs[0], True)  # the other takes the stream over
    call(server.url)
    expect_ids(tabs[1], journal(server.url))
    assert page.evaluate("document.querySelectorAll('#rows tr').length") == 1
    set_hidden(tabs[1], True)
    deadline = time.monotonic() + 60
    while listeners(server):
        assert time.monotonic() < deadline, "a hidden tab holds a stream"
        tabs[1].evaluate("new Promise(requestAnimationFrame)")
    call(server.url, 3)
    for tab in tabs:
        set_hidden(tab, False)
        expect_ids(tab, journal(server.url))
    assert listeners(server) == 1


@pytest.mark.console(7)
def test_calls_between_two_streams_are_shown(page: Page, server: RunningServer) -> None:
    call(server.url)
    open_list(page)
    other = open_list(page.context.new_page())
    held: list[Route] = []
    other.route("**/_mock/events*", lambda route: held.append(route))
    with other.expect_request("**/_mock/events*"):
        page.close()  # the other tab takes the stream over, but does not get it yet
    call(server.url, 3)
    assert other.evaluate("document.querySelectorAll('#rows tr').length") == 1
    held[0].continue_()
    expect_ids(other, journal(server.url))


@pytest.mark.console(9)
def test_hidden_tab_does_not_poll(page: Page, server: RunningServer, watch: Watch) -> None:
    watch.expected.append("503")
    page.route("**/_mock/events*", lambda route: route.fulfill(status=503))  # so it polls at once
    page.clock.install()
    page.goto(CALLS)
    expect(page.locator("[data-dot]")).to_have_text("Polling")
    held: list[Route] = []
    page.route("**/_mock/requests*", lambda route: held.append(route))
    with page.expect_request("**/_mock/requests*"):
        page.clock.run_for(3000)
    set_hidden(page, True)  # while a poll has no answer yet
    held[0].continue_()
    page.clock.run_for(30_000)
    assert len(held) == 1
    set_hidden(page, False)
    page.unroute("**/_mock/requests*")
    call(server.url)
    expect_ids(page, journal(server.url))


@pytest.mark.console(38)
def test_browser_whose_streams_are_refused_polls(page: Page, server: RunningServer, watch: Watch) -> None:
    watch.expected.append("net::ERR_FAILED")
    page.route("**/_mock/events*", lambda route: route.abort())
    page.clock.install()
    call(server.url)
    page.goto(CALLS)
    expect(page.locator("[data-dot]")).to_have_text("Polling")
    call(server.url, 3)
    page.clock.run_for(3000)
    expect_ids(page, journal(server.url))
    server.client.sandbox("demo").requests.clear()
    page.clock.run_for(3000)
    expect(page.get_by_text("No calls yet")).to_be_visible()


@pytest.mark.console(42)
def test_tab_says_that_another_one_has_logged_out(new_page: NewPage, watch: Watch) -> None:
    watch.expected.append("401")
    with serving(app.build(admin_token=TOKEN).application) as url:
        watch.origins.add(url)
        page = new_page(base_url=url)
        page.goto("/_mock/ui/login")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/_mock/ui/")
        other = open_list(page.context.new_page())
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_text("You are logged out.")).to_be_visible()
        call(url)
        expect(other.locator("[data-dot]")).to_have_text("Logged out")
        page.context.close()
