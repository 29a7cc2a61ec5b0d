"""Fixtures for tests in a browser: one Chromium for each worker, and a server and a page for each test.

Every page is watched: see `Watch`. Without Chromium the tests are skipped, but in CI they fail.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import mockserver
from mockserver import Client, app
from mockserver.embedding.running_server import RunningServer
from mockserver.server.server import serving
from tests.browser.chromium import PROGRAM, Gallery, SharedBrowser, Watch, chromium, watched
from tests.browser.shop import filled_server

NewPage = Callable[..., Page]
TOKEN = "a-token-of-the-operator"


@pytest.fixture(scope="session")
def shared_browser() -> Iterator[SharedBrowser]:
    """Yield the browser of this worker."""
    if not PROGRAM and "CI" not in os.environ:
        pytest.skip("chromium is not installed")
    with chromium() as browser:
        shared = SharedBrowser(browser)
        yield shared
        shared.resume()


@pytest.fixture
def browser(shared_browser: SharedBrowser) -> Iterator[Browser]:
    """Yield a running browser. Pages in it are better made by `new_page`, which watches them."""
    with shared_browser.in_use() as browser:
        yield browser


@pytest.fixture(scope="session")
def filled() -> Iterator[RunningServer]:
    """Yield a server that has data for every page. Tests only look at it."""
    with filled_server() as running:
        yield running


@pytest.fixture(scope="session")
def empty() -> Iterator[RunningServer]:
    """Yield a server that nobody has called. Tests only look at it."""
    with mockserver.serve() as running:
        yield running


@pytest.fixture(scope="session")
def locked() -> Iterator[RunningServer]:
    """Yield a server that wants a login. Tests only look at it."""
    with serving(app.build(admin_token=TOKEN).application) as url, Client(url, token=TOKEN) as client:
        yield RunningServer(url, client)


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """Yield a server of the test's own, with an empty journal."""
    with mockserver.serve() as running:
        yield running


@pytest.fixture
def watch(browser: Browser, server: RunningServer) -> Iterator[Watch]:
    """Yield the watch over all pages of the test; at the end it must have seen no problem."""
    watch = Watch(server.url)
    yield watch
    for context in watch.contexts:
        context.close()
    assert watch.problems == []


@pytest.fixture
def new_page(browser: Browser, server: RunningServer, watch: Watch) -> NewPage:
    """Return a function that opens a page of another visitor: with cookies and storage of its own.

    Its arguments are those of Playwright's `Browser.new_context`, such as `java_script_enabled=False`. More
    pages of the same visitor are made by `page.context.new_page()`.
    """

    def open_page(**options: Any) -> Page:
        return watched(browser, watch, **{"base_url": server.url} | options).new_page()

    return open_page


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """Return an empty page; `page.goto("/_mock/ui/")` opens one of the test's server."""
    return new_page()


@pytest.fixture(scope="session")
def gallery(shared_browser: SharedBrowser) -> Gallery:
    """Return the pages of this worker's tests that only look."""
    with shared_browser.in_use() as browser:
        return Gallery(browser)


@pytest.fixture
def look(browser: Browser, gallery: Gallery, server: RunningServer) -> Iterator[NewPage]:
    """Yield a function that returns an empty page for a test that only looks at a shared server.

    Its arguments are those of `new_page`, but the page may have been used by other such tests.
    """
    opened: list[tuple[Page, Watch]] = []

    def open_page(**options: Any) -> Page:
        opened.append(gallery.open(server.url, **options))
        return opened[-1][0]

    yield open_page
    for page, watch in opened:
        gallery.leave(page, watch)
