"""Rules for every page of the console, with data and without."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import NewPage
from tests.browser.console_pages import ADDRESSES, PAGES, Names, page_endpoints

AXE = Axe()
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
# What a reader would have to scroll sideways: the page itself, or a part with a scroll bar of its own.
WIDE = """() => [document.scrollingElement, ...document.querySelectorAll("body *")].filter(element =>
    element.scrollWidth > element.clientWidth + 1 && (element === document.scrollingElement ||
    ["auto", "scroll"].includes(getComputedStyle(element).overflowX))).map(element => element.outerHTML)"""
NARROW = ((320, 640), (640, 400))  # a small telephone; 1280 x 800 at 200 %


@pytest.fixture(params=["filled", "empty"])
def server(request: pytest.FixtureRequest) -> RunningServer:
    """Return one of the two servers."""
    found: RunningServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def names(server: RunningServer) -> Names:
    return Names.of(server)


def test_no_page_is_forgotten() -> None:
    assert page_endpoints() == PAGES.keys()


@pytest.mark.console(34)
@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_nothing(page: Page, names: Names, address: str) -> None:
    page.goto(names.url(address))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = AXE.run(page, options=RULES)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"


@pytest.mark.console(36)
@pytest.mark.parametrize("address", ADDRESSES)
def test_narrow_page_scrolls_in_one_direction(page: Page, names: Names, address: str) -> None:
    for width, height in NARROW:
        page.set_viewport_size({"width": width, "height": height})
        page.goto(names.url(address))
        assert page.evaluate(WIDE) == [], f"at {width} px"


@pytest.mark.console(37)
@pytest.mark.parametrize("address", ADDRESSES)
def test_page_without_scripts_offers_nothing_that_needs_them(
    new_page: NewPage, names: Names, address: str
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(names.url(address))
    assert page.locator("h1").count() == 1
    assert [one.inner_text() for one in page.locator("button[type=button]:visible").all()] == []
