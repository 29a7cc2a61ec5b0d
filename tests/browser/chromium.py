"""Debian's Chromium, driven by Playwright, and what every page that it opens must keep."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    expect,
    sync_playwright,
)

TIMEOUT = 30_000  # milliseconds that a test waits for what it expects
# The headless shell is the same engine without windows: a new page takes a third of the CPU time.
PROGRAM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
# A new browser downloads lists and updates by itself: a test wants to see the requests of the page only. The
# names under `.test` are this computer too, but for a browser they are another site, and no secure context.
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
    "--no-first-run",
)
VIOLATIONS = """addEventListener("securitypolicyviolation", event =>
    console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""
UNANSWERED = "Failed to load resource: the server responded with a status of"


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Run a browser while the block runs."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=PROGRAM, args=[*ARGUMENTS, *arguments])


class SharedBrowser:
    """A browser that lives as long as the tests, and is in nobody's way between two of them.

    Playwright leaves its event loop marked as the running one of this thread, and `asyncio.run` in a test of
    something else would refuse to run beside it. So the mark is taken off when a test of the browser ends.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)

    @contextmanager
    def in_use(self) -> Iterator[Browser]:
        """Let the browser's event loop be the running one while the block runs."""
        self.resume()
        try:
            yield self._browser
        finally:
            asyncio._set_running_loop(None)

    def resume(self) -> None:
        """Let the browser's event loop be the running one again, for the end."""
        asyncio._set_running_loop(self._loop)


class Watch:
    """Collects what no page of the console may do, from all pages of some contexts.

    That is: break the Content-Security-Policy, write an error to the browser's console, raise in a script,
    open a dialog of the browser, and ask for anything that the server under test does not serve. `expected`
    holds parts of the problems that a test causes on purpose.
    """

    def __init__(self, *origins: str) -> None:
        self.origins = {*origins}
        self.expected: list[str] = []
        self.contexts: list[BrowserContext] = []
        self._problems: list[str] = []
        self._pages: set[str] = set()  # that the browser asked for as a whole; these may be refused

    def over(self, context: BrowserContext) -> None:
        """Watch a context from now on."""
        context.add_init_script(VIOLATIONS)
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._problems.append(f"raised: {error.error}"))
        context.on("dialog", self._dialog)
        self.contexts.append(context)

    def begin(self) -> None:
        """Forget the problems so far."""
        self._problems.clear()
        self._pages.clear()

    def _dialog(self, dialog: Dialog) -> None:
        self._problems.append(f"opened a dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if request.is_navigation_request():
            self._pages.add(request.url.partition("#")[0])
        if f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self._problems.append(f"left the origin: {request.method} {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        refused_page = message.text.startswith(UNANSWERED) and message.location["url"] in self._pages
        if message.type == "error" and not refused_page:
            self._problems.append(f"{message.text} ({message.location['url']})")

    @property
    def problems(self) -> list[str]:
        """Return what went wrong, without what the test expected."""
        return [one for one in self._problems if not any(part in one for part in self.expected)]


def watched(browser: Browser, watch: Watch, **options: Any) -> BrowserContext:
    """Return a new context, with nothing of another's cookies or storage, whose pages are watched."""
    context = browser.new_context(**options)
    context.set_default_timeout(TIMEOUT)
    expect.set_options(timeout=TIMEOUT)
    watch.over(context)
    return context


class Gallery:
    """Pages for tests that only look. A new page takes longer than what most of these do on it.

    Many tests use one, one after the other, like one visitor who has no cookies when a test begins.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._pages: dict[tuple[Any, ...], tuple[Page, Watch]] = {}

    def open(self, url: str, **options: Any) -> tuple[Page, Watch]:
        """Return a page, with the options of `Browser.new_context`, and its watch."""
        key = (url, *options.items())
        if key not in self._pages:
            watch = Watch(url)
            self._pages[key] = watched(self._browser, watch, base_url=url, **options).new_page(), watch
        page, watch = self._pages[key]
        watch.begin()
        page.context.clear_cookies()
        page.set_viewport_size({"width": 1280, "height": 720})
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        return page, watch

    @staticmethod
    def leave(page: Page, watch: Watch) -> None:
        """End what a page does, such as its streams. Its watch must have seen no problem."""
        page.goto("about:blank")
        assert not watch.problems, watch.problems
