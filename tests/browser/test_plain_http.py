"""The console by plain HTTP under a name that is not local, where a browser has neither clipboard nor locks.

A proxy may let somebody in there by a header; the console itself sets no cookie over plain HTTP.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from mockserver import app
from mockserver.server.server import serving
from tests.browser.chromium import Watch
from tests.browser.conftest import TOKEN, NewPage
from tests.browser.copying import assert_says


@pytest.fixture
def named_url() -> Iterator[str]:
    """Yield the URL of a server that is called by the name `mock.test`."""
    with serving(app.build(admin_token=TOKEN).application) as url:
        yield url.replace("127.0.0.1", "mock.test")


@pytest.fixture
def named(new_page: NewPage, watch: Watch, named_url: str) -> Iterator[Page]:
    """Yield a page of the server, whose visitor is let in. It is closed before the server: it polls."""
    watch.origins.add(named_url)
    watch.expected.append("The Cross-Origin-Opener-Policy header has been ignored")
    page = new_page(base_url=named_url, extra_http_headers={"Authorization": f"Bearer {TOKEN}"})
    page.goto("/_mock/ui/")
    assert page.evaluate("[isSecureContext, !!navigator.clipboard, !!navigator.locks]") == [False] * 3
    yield page
    page.close()


@pytest.mark.console(38)
def test_copy_selects_the_text(named: Page) -> None:
    vendor = named.locator("details.vendor-access").first
    vendor.locator("summary").click()
    button = vendor.locator("button[data-copy]").first
    source = named.locator(f"#{button.get_attribute('data-copy')}")
    assert_says(button, "Selected", button.click)
    assert named.evaluate("getSelection().toString()") == source.inner_text()
    assert source.inner_text().startswith("curl ")


@pytest.mark.console(38)
def test_the_feed_says_that_it_polls(named: Page) -> None:
    expect(named.locator("[data-dot]")).to_have_text("Polling")
