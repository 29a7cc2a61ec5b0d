"""Rules for every page of the console, with data and without.

axe takes seconds for a page. So with the usual settings each page is tried once, with data, in one of the two
color schemes; `make conform` sets MOCKSERVER_PAGES=all and tries each in all states and in both schemes.
"""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import TOKEN, NewPage
from tests.browser.console_pages import PLACES, Names, listed_endpoints, page_endpoints

AXE = Axe()
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ALL_RULES = {"runOnly": {"type": "tag", "values": LEVELS}, "resultTypes": ["violations"]}
# The second scheme changes the colors and nothing else.
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
# What a reader would have to scroll sideways: the page itself, or a part with a scroll bar of its own. And
# cards that their content sticks out of.
WIDE = """() => [document.scrollingElement, ...document.querySelectorAll("body *")].filter(element =>
    element.scrollWidth > element.clientWidth + 1 && (element === document.scrollingElement ||
    element.matches(".card") ||
    ["auto", "scroll"].includes(getComputedStyle(element).overflowX))).map(element => element.outerHTML)"""
# Sentences that are torn apart: rows and columns with bare words beside a link, a code or the like.
TORN = """() => [...document.querySelectorAll("main :not(label, summary, .tiles a)")].filter(element =>
    ["flex", "grid"].includes(getComputedStyle(element).display) &&
    element.querySelector(":scope > :is(a, code, strong, em)") &&
    [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()))
    .map(element => element.outerHTML)"""
# Headings of columns in which a word is broken.
BROKEN = r"""() => [...document.querySelectorAll("main th[scope=col]")].filter(heading => {
    const range = document.createRange();
    return [...heading.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).some(node =>
        [...node.data.matchAll(/\S+/g)].some(word => {
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            return new Set([...range.getClientRects()].map(box => box.top)).size > 1;
        }));
    }).map(element => element.outerHTML)"""
SMALL_WINDOW = (1100, 800)
NARROW = ((320, 640), (640, 400))  # a small telephone; 1280 x 800 at 200 %


Place = tuple[str, str]
ALL = os.environ.get("MOCKSERVER_PAGES") == "all"
WITH_DATA = [place for place in PLACES if place[0] != "empty"]


@pytest.fixture(params=PLACES if ALL else WITH_DATA, ids="-".join)
def place(request: pytest.FixtureRequest) -> Place:
    """Return one of all pages."""
    found: Place = request.param
    return found


@pytest.fixture
def server(request: pytest.FixtureRequest, place: Place) -> RunningServer:
    """Return the server that has the page."""
    found: RunningServer = request.getfixturevalue(place[0].replace("logged_in", "locked"))
    return found


def opened(page: Page, server: RunningServer, place: Place) -> Page:
    """Open a page, after a login if it wants one."""
    if place[0] == "logged_in":
        page.request.post("/_mock/ui/login", form={"token": TOKEN})
    page.goto(Names.of(server).url(place[1]))
    return page


def test_no_page_is_forgotten() -> None:
    assert page_endpoints() == listed_endpoints()


@pytest.mark.console(34)
@pytest.mark.console(36)
def test_axe_finds_nothing_and_narrow_pages_scroll_in_one_direction(
    look: NewPage, server: RunningServer, place: Place
) -> None:
    page = opened(look(), server, place)
    once = ((("light", "dark")[PLACES.index(place) % 2], ALL_RULES),)
    for scheme, rules in (("light", ALL_RULES), ("dark", CONTRAST)) if ALL else once:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = AXE.run(page, options=rules)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
    assert page.evaluate(TORN) == []
    page.set_viewport_size(dict(zip(("width", "height"), SMALL_WINDOW, strict=True)))
    assert page.evaluate(BROKEN) == []
    for width, height in NARROW:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(WIDE) == [], f"at {width} px"


@pytest.mark.console(37)
@pytest.mark.parametrize("place", WITH_DATA, ids="-".join, indirect=True)
def test_page_without_scripts_offers_nothing_that_needs_them(
    look: NewPage, server: RunningServer, place: Place
) -> None:
    page = opened(look(java_script_enabled=False), server, place)
    assert page.locator("h1").count() == 1
    assert [one.inner_text() for one in page.locator("button[type=button]:visible").all()] == []
