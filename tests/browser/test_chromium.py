"""The fixtures themselves: the watch finds what no page may do, and other tests go on beside the browser."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import Gallery, SharedBrowser, Watch, watched

STRICT = "default-src 'none'; script-src 'self'; img-src 'self'"
PAGES = {
    "/good": "<link rel=icon href=/icon.svg><script src=/good.js></script>good",
    "/good.js": "document.title = 'ran'",
    "/favicon.ico": "",
    "/icon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "/inline": "<script>document.title = 'ran'</script>",
    "/handler": "<button onclick='document.title = 1'>Press</button>",
    "/style": "<p style='color: red'>red</p>",
    "/raises": "<script src=/raises.js></script>",
    "/asks": "<script src=/asks.js></script>",
    "/asks.js": "alert('look')",
    "/raises.js": "throw new Error('a bug')",
    "/missing-script": "<script src=/nowhere.js></script>",
    "/elsewhere": "<a href='http://127.0.0.1:9/'>a link that leaves</a>",
}
TYPES = {"js": "text/javascript", "svg": "image/svg+xml"}


class Pages(BaseHTTPRequestHandler):
    """Serves PAGES with a strict policy; /refused is a page with status 422."""

    def do_GET(self) -> None:
        refused = self.path == "/refused"
        body = PAGES.get(self.path, PAGES["/good"] if refused else "").encode()
        self.send_response(422 if refused else 200 if self.path in PAGES else 404)
        self.send_header("Content-Type", TYPES.get(self.path.rpartition(".")[2], "text/html"))
        self.send_header("Content-Security-Policy", STRICT)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def pages() -> Iterator[str]:
    """Yield the URL of a server of PAGES."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def opened(browser: Browser, pages: str) -> Iterator[tuple[Page, Watch]]:
    """Yield a page of a watched context, and the watch."""
    watch = Watch(pages)
    with watched(browser, watch, base_url=pages) as context:
        yield context.new_page(), watch


@pytest.mark.parametrize("path", ["/good", "/refused"])
def test_good_page_has_no_problem(opened: tuple[Page, Watch], path: str) -> None:
    page, watch = opened
    page.goto(path)
    assert page.title() == "ran"
    assert watch.problems == []


@pytest.mark.console(38)
@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/inline", "CSP violation: script-src-elem inline"),
        ("/handler", "CSP violation: script-src-attr inline"),
        ("/style", "CSP violation: style-src-attr inline"),
        ("/raises", "raised: a bug"),
        ("/asks", "opened a dialog: look"),
        ("/missing-script", "404"),
    ],
)
def test_problem_of_a_page_is_found(opened: tuple[Page, Watch], path: str, problem: str) -> None:
    page, watch = opened
    page.goto(path)
    if path == "/handler":
        page.get_by_role("button").click()
    page.evaluate("0")  # its answer comes after all messages of the page
    assert any(problem in one for one in watch.problems), watch.problems


@pytest.mark.console(38)
def test_request_that_leaves_the_origin_is_found(opened: tuple[Page, Watch]) -> None:
    page, watch = opened
    page.goto("/elsewhere")
    with page.expect_event("requestfailed"):
        page.get_by_role("link").click()
    assert watch.problems == ["left the origin: GET http://127.0.0.1:9/"]


def test_name_under_test_is_this_computer_but_no_secure_context(
    opened: tuple[Page, Watch], pages: str
) -> None:
    page, watch = opened
    page.goto("/good")
    assert page.evaluate("isSecureContext")
    named = pages.replace("127.0.0.1", "mock.test")
    watch.origins.add(named)
    page.goto(f"{named}/good")
    assert page.title() == "ran"
    assert not page.evaluate("isSecureContext")
    assert watch.problems == []


def test_expected_problem_is_none(opened: tuple[Page, Watch]) -> None:
    page, watch = opened
    watch.expected.append("a bug")
    page.goto("/raises")
    assert watch.problems == []


def test_other_tests_may_run_an_event_loop(shared_browser: SharedBrowser) -> None:
    async def answer() -> int:
        return 42

    assert asyncio.run(answer()) == 42
    with shared_browser.in_use() as browser:
        assert browser.is_connected()
    assert asyncio.run(answer()) == 42


def test_gallery_opens_one_page_for_many_tests_and_checks_each(browser: Browser, pages: str) -> None:
    gallery = Gallery(browser)
    first, watch = gallery.open(pages)
    first.goto("/raises")
    first.evaluate("document.cookie = 'left=behind'")
    with pytest.raises(AssertionError, match="raised: a bug"):
        gallery.leave(first, watch)
    second, watch = gallery.open(pages)
    second.goto("/good")
    assert second == first
    assert second.evaluate("document.cookie") == ""
    gallery.leave(second, watch)
    first.context.close()
