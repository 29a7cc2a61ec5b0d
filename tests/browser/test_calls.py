"""The live list of calls, in a browser and under traffic."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import NewPage
from tests.browser.traffic import call, call_at_once, journal, traffic

CALLS = "/_mock/ui/calls"
IDS = "[...document.querySelectorAll('#rows tr')].map(row => row.id.slice('call-'.length))"
# Counts the rows whenever they change, and notes when rows were asked for.
OBSERVED = """() => {
    window.most = 0
    const rows = document.getElementsByTagName('tbody')
    new MutationObserver(() => window.most = Math.max(window.most, rows[0].rows.length))
        .observe(document.querySelector('#calls'), {childList: true, subtree: true})
}"""
ASKED = """() => performance.getEntriesByType('resource').filter(one => one.name.includes('/calls/rows'))
    .map(one => one.startTime)"""


def open_list(page: Page, query: str = "") -> Page:
    page.goto(CALLS + query)
    expect(page.locator("[data-dot]")).to_have_text("Live")
    return page


def follow_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Follow", exact=True)


def expect_ids(page: Page, ids: list[str]) -> None:
    """Wait until the list shows these calls. Fail if it shows others."""
    page.wait_for_function(f"ids => JSON.stringify({IDS}) === JSON.stringify(ids)", arg=ids)


@pytest.mark.console(4)
def test_call_appears_without_a_reload(page: Page, server: RunningServer) -> None:
    call(server.url)
    open_list(page)
    page.evaluate("window.same = true")
    call(server.url, path="/narvar/exchanges/strange")
    row = page.get_by_role("row").filter(has_text="/exchanges/strange")
    expect(row).to_contain_text("404 Not Found")
    expect(page.get_by_text("2 in the journal")).to_be_visible()
    assert page.evaluate("window.same")


@pytest.mark.console(2, 4)
def test_first_call_takes_the_place_of_the_command(page: Page, server: RunningServer) -> None:
    open_list(page)
    expect(page.get_by_text("No calls yet")).to_be_visible()
    page.mouse.wheel(0, 50)  # there is no list yet that could be read
    call(server.url)
    expect_ids(page, ["demo.1"])
    expect(page.get_by_text("No calls yet")).to_be_hidden()
    call(server.url)
    expect_ids(page, ["demo.2", "demo.1"])


@pytest.mark.console(5, 10)
def test_many_calls_are_counted_while_the_page_stays_small(page: Page, server: RunningServer) -> None:
    call(server.url, 40)
    open_list(page).evaluate(OBSERVED)
    call_at_once(server.url, 1000)
    page.get_by_text("More filters").click()
    expect(page.get_by_label("Operation")).to_be_visible()
    expect(page.locator("[data-dropped-note]")).to_contain_text("Older calls dropped: 40.")
    expect(page.get_by_text("1,000 in the journal")).to_be_visible()
    expect_ids(page, journal(server.url))
    assert page.evaluate("window.most") == 200
    asked = page.evaluate(ASKED)
    assert all(later - earlier >= 249 for earlier, later in pairwise(asked))


def test_filter_is_kept_for_what_is_new(page: Page, server: RunningServer) -> None:
    page.clock.install()
    call(server.url, 2)
    open_list(page, "?status=4xx&vendor=narvar")
    expect(page.get_by_text("No calls match this filter")).to_be_visible()
    call(server.url, 3)
    call(server.url, path="/narvar/exchanges/strange")
    call(server.url, path="/narvar/exchanges/strange")
    expect_ids(page, ["demo.7", "demo.6"])
    expect(page.get_by_text("2 match the filter")).to_be_visible()
    expect(page.get_by_text("7 in the journal")).to_be_visible()
    call(server.url, 1000)  # the two are dropped; only the server can know that
    expect(page.locator("[data-dropped-note]")).to_contain_text("Older calls dropped: 7.")
    page.clock.run_for(5000)
    expect(page.get_by_text("0 match the filter")).to_be_visible()


@pytest.mark.console(8)
def test_following_holds_under_traffic(page: Page, server: RunningServer) -> None:
    call(server.url)
    open_list(page)
    with traffic(server.url):
        page.wait_for_function(f"() => Number({IDS}[0].split('.')[1]) > 500")
        expect(follow_button(page)).to_have_attribute("aria-pressed", "true")
    expect_ids(page, journal(server.url))


def scroll(page: Page) -> None:
    page.mouse.move(600, 500)
    page.mouse.wheel(0, 200)


def focus(page: Page) -> None:
    page.locator("#rows a").first.focus()


def select(page: Page) -> None:
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#rows tr:nth-child(3)'))")


def press_f(page: Page) -> None:
    page.keyboard.press("f")


@pytest.mark.console(8)
@pytest.mark.parametrize("pause", [scroll, focus, select, press_f])
def test_reader_pauses_the_list_under_traffic(page: Page, server: RunningServer, pause: object) -> None:
    call(server.url, 50)
    open_list(page)
    with traffic(server.url):
        page.wait_for_function(f"() => Number({IDS}[0].split('.')[1]) > 60")
        pause(page)  # type: ignore[operator]
        expect(follow_button(page)).to_have_attribute("aria-pressed", "false")
        expect(page.locator("[data-dot]")).to_have_text("Paused")
        shown = page.evaluate(IDS)
        button = page.get_by_role("button", name=re.compile("new call"))
        expect(button).to_have_text(re.compile(r"[3-9]\d\d new calls"))  # for some seconds
        assert page.evaluate(IDS) == shown
        expect(follow_button(page)).to_have_attribute("aria-pressed", "false")
    new = int(journal(server.url)[0].split(".")[1]) - int(shown[0].split(".")[1])
    expect(button).to_have_text(f"{new:,} new calls")
    button.click()
    expect_ids(page, journal(server.url))
    expect(button).to_be_hidden()
    expect(page.locator("[data-dot]")).to_have_text("Live")
    call(server.url)
    expect_ids(page, journal(server.url))


def test_list_that_others_clear_is_empty(page: Page, server: RunningServer) -> None:
    call(server.url, 3)
    call(server.url, sandbox="other")
    open_list(page)
    server.client.sandbox("demo").requests.clear()
    expect_ids(page, ["other.1"])
    server.client.sandbox("other").delete()
    expect(page.get_by_text("No calls yet")).to_be_visible()


@pytest.mark.console(28)
def test_clearing_asks_in_a_dialog_that_esc_closes(page: Page, server: RunningServer) -> None:
    call(server.url, 3)
    open_list(page)
    clear = page.get_by_role("link", name="Remove calls", exact=True)
    clear.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This removes 3 calls from the journal for good.")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(clear).to_be_focused()
    clear.click()
    dialog.get_by_role("button", name="Remove the calls").click()
    expect(page.get_by_text("The calls were removed.")).to_be_visible()
    expect(page.get_by_text("No calls yet")).to_be_visible()


@pytest.mark.console(35)
def test_screen_reader_hears_of_new_calls_once_in_five_seconds(page: Page, server: RunningServer) -> None:
    call(server.url)
    page.clock.install()
    open_list(page)
    page.evaluate(
        """const said = (window.said = []), voice = document.querySelector('[data-said]')
        const note = () => said.push([Date.now(), voice.textContent])
        new MutationObserver(note).observe(voice, {childList: true})"""
    )
    for number in range(2, 22):
        call(server.url)
        page.wait_for_function(f"() => {IDS}[0] === 'demo.{number}'")
    page.clock.run_for(5000)
    said = page.evaluate("said")
    assert sum(int(text.split()[0]) for _, text in said) == 20
    assert all(later - earlier >= 5000 for (earlier, _), (later, _) in pairwise(said))


@pytest.mark.console(8, 36)
def test_list_on_a_narrow_screen_follows_where_it_is_seen(new_page: NewPage, server: RunningServer) -> None:
    call(server.url, 50)
    page = open_list(new_page(viewport={"width": 360, "height": 640}))
    page.mouse.wheel(0, 900)
    expect(page.locator("[data-dot]")).to_have_text("Paused")
    call(server.url, 2)
    page.get_by_role("button", name="2 new calls").click()
    for _ in range(2):
        expect_ids(page, journal(server.url))
        expect(page.locator("#rows tr").first).to_be_in_viewport()
        expect(page.locator("[data-dot]")).to_have_text("Live")
        call(server.url)
