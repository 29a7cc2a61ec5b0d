"""The public demo in a browser: from the first page to the end of a visit."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from mockserver import Client
from mockserver.embedding.running_server import RunningServer
from tests.browser.chromium import Watch
from tests.browser.conftest import NewPage
from tests.browser.test_every_page import ALL_RULES, AXE, CONTRAST, NARROW, TORN, WIDE
from tests.server.access.quotas.demo_server import TOKEN, WASHER, running_demo


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """Yield a server with a public demo."""
    with (
        running_demo(trusted_proxies=(), sandboxes_per_address=9) as demo,
        Client(demo.url, token=TOKEN) as client,
    ):
        yield RunningServer(demo.url, client)


def visit(page: Page) -> str:
    """Press the button of the first page, and return the visitor's credential."""
    page.goto("/")
    page.get_by_role("button", name="Open my sandbox").click()
    page.wait_for_url("**/_mock/ui/")
    return str(page.locator("#credential").text_content())


@pytest.mark.console(2)
def test_tour_ticks_itself_off_when_a_call_comes(page: Page, server: RunningServer) -> None:
    credential = visit(page)
    expect(page.locator("[data-dot]")).to_have_text("Live")
    page.evaluate("window.sameDocument = true")
    task = page.locator(".tour > li").first
    expect(task.get_by_text("Waiting for the call")).to_be_visible()
    httpx.get(server.url + WASHER, auth=(credential, ""))
    expect(task.get_by_role("link", name="Your first call arrived")).to_be_visible()
    expect(page.get_by_text("1 of 4 done")).to_be_visible()
    assert page.evaluate("window.sameDocument"), "the page was not loaded again"


@pytest.mark.console(46)
def test_two_visitors_see_only_their_own(new_page: NewPage, server: RunningServer) -> None:
    one, other = new_page(), new_page()
    first, second = visit(one), visit(other)
    for page in (one, other):
        page.goto("/_mock/ui/calls")
        expect(page.locator("[data-dot]")).to_have_text("Live")
    httpx.get(f"{server.url}{WASHER}?who=first", auth=(first, ""))
    httpx.get(f"{server.url}{WASHER}?who=second", auth=(second, ""))
    expect(one.get_by_text("who=first")).to_be_visible()
    expect(other.get_by_text("who=second")).to_be_visible()
    expect(one.get_by_text("who=second")).to_have_count(0)
    expect(other.get_by_text("who=first")).to_have_count(0)
    assert second not in one.content()
    assert first not in other.content()


@pytest.mark.console(45)
def test_first_page_leaves_nothing_in_the_browser(page: Page) -> None:
    page.goto("/")
    assert page.context.cookies() == []
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_banner_comes_by_itself(page: Page) -> None:
    page.clock.install()
    visit(page)
    banner = page.locator("#life")
    expect(banner).to_be_hidden()
    page.clock.fast_forward(111 * 60 * 1000)
    expect(banner).to_be_visible()
    expect(banner).to_contain_text("8 minutes")
    banner.get_by_role("button", name="Keep going").click()
    expect(page.get_by_text("Your sandbox goes on.")).to_be_visible()


@pytest.mark.console(48)
def test_page_of_an_ended_sandbox_offers_a_new_one(page: Page, server: RunningServer, watch: Watch) -> None:
    watch.expected.append("410 (Gone)")  # the page may read itself again before it is left
    visit(page)
    server.client.demo.wipe()
    answer = page.goto("/_mock/ui/")
    assert answer is not None
    assert answer.status == 410
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_role("heading", name="Your sandbox", exact=True)).to_be_visible()


@pytest.mark.console(37)
def test_visit_works_without_scripts(new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    visit(page)
    page.locator("#task-read").get_by_role("button").click()
    expect(page.get_by_role("link", name="Your first call arrived")).to_be_visible()


@pytest.mark.console(34)
@pytest.mark.console(36)
@pytest.mark.parametrize(
    "place", ["landing", "start", "start with calls", "start after the tour", "token", "ended"]
)
def test_pages_of_the_demo_are_accessible_and_narrow(
    page: Page, server: RunningServer, watch: Watch, place: str
) -> None:
    if place == "landing":
        page.goto("/")
    else:
        credential = visit(page)
    if place == "start with calls":
        httpx.patch(server.url + WASHER, json={"stock": 4}, auth=(credential, ""))
        page.goto("/_mock/ui/")
    elif place == "start after the tour":
        for step in ("read", "refuse", "mend", "write", "fail"):
            if step == "fail":
                page.get_by_role("button", name="Fail twice").click()
            page.locator(f"form[action$='/send/{step}'] button").click()
        expect(page.get_by_text("That was the tour.")).to_be_visible()
    elif place == "token":
        page.get_by_role("button", name="Make a control token").click()
    elif place == "ended":
        watch.expected.append("410 (Gone)")  # as above
        server.client.demo.wipe()
        page.goto("/_mock/ui/")
    for scheme, rules in (("light", ALL_RULES), ("dark", CONTRAST)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = AXE.run(page, options=rules)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
    assert page.evaluate(TORN) == []
    for width, height in NARROW:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(WIDE) == [], f"at {width} px"
