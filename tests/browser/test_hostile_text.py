"""Text from clients is shown as text: no page makes markup of it, or lets it hide or turn other text."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import NewPage
from tests.browser.console_pages import ADDRESSES, Names
from tests.browser.shop import HEADER, MARKUP, hostile_server

# Everything that a page shows, also in fields. Line feed and tab are the only control characters in it.
TEXT = """() => document.documentElement.textContent + document.title +
    [...document.querySelectorAll("input, textarea")].map(field => field.value).join("")"""
HIDDEN = """text => [...text.matchAll(
    /[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2069]/g)]
    .map(found => text.slice(found.index - 20, found.index + 20))"""
MADE = "img[src='x'], script:not([src]), [onerror], b"


@pytest.fixture(scope="session")
def hostile() -> Iterator[RunningServer]:
    """Yield a server full of hostile text. Tests only look at it."""
    with hostile_server() as server:
        yield server


@pytest.fixture
def server(hostile: RunningServer) -> RunningServer:
    return hostile


@pytest.fixture
def page(look: NewPage) -> Page:
    """Return a page. Its watch lets the test fail if hostile text runs as a script."""
    return look()


@pytest.fixture
def names(server: RunningServer) -> Names:
    return Names.of(server)


@pytest.mark.console(44)
@pytest.mark.parametrize("address", ADDRESSES)
def test_hostile_text_is_text(page: Page, names: Names, address: str) -> None:
    page.goto(names.url(address))
    assert page.locator(MADE).count() == 0
    assert page.evaluate(HIDDEN, page.evaluate(TEXT)) == []


@pytest.mark.console(44)
@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("/calls", MARKUP),
        ("/calls", "%E2%80%AE"),
        ("/calls/{refused}", MARKUP),
        ("/calls/{refused}", "left\\u202eright"),
        ("/calls/{sandbox}.1", HEADER),
    ],
)
def test_hostile_text_is_shown(page: Page, names: Names, address: str, text: str) -> None:
    page.goto(names.url(address))
    assert text in page.evaluate(TEXT)
