"""Pictures of all pages: `python -m tests.browser.screenshots DIR`, and those in the docs with `--docs`.

Every page is taken in both color schemes, wide and narrow, with data and without. A picture is called
`<page>-<filled or empty>-<light or dark>-<width>.png`.
"""

import argparse
import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

import mockserver
from mockserver import app
from mockserver.console.console import ROOT as ROOT_OF_PAGES
from mockserver.embedding.running_server import RunningServer
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.server import serving
from tests.browser.chromium import chromium
from tests.browser.console_pages import PLACES, Names
from tests.browser.shop import filled_server
from tests.conftest import ROOT

Scheme = Literal["light", "dark"]
IMAGES = ROOT / "docs" / "images"
HEIGHTS = {1280: 860, 360: 720}  # by width
# The pictures in the docs, by their names: the address of a filled server's page, and its scheme.
IN_THE_DOCS: dict[str, tuple[str, Scheme]] = {
    "agreement": ("/sandboxes/{sandbox}/agreement", "dark"),
    "call": ("/calls/{refused}", "light"),
    "calls": ("/calls?sandbox={sandbox}", "light"),
    "diff": ("/sandboxes/{sandbox}/diff?from={snapshot}", "light"),
    "operation": ("/docs/merchantpro/update-inventory", "dark"),
}
IN_THE_DEMO = ("landing", "visit")  # pictures of a public demo: its first page, and a visitor's start page


def name_of(address: str) -> str:
    """Return the name of a page for a file: its address, in letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-") or "start"


def take(page: Page, file: Path, whole: bool = True) -> None:
    """Take a picture of a page, or of the part that is in the window: PNG or WebP, as the file is called."""
    session = page.context.new_cdp_session(page)
    size = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
    options = {"captureBeyondViewport": True, "clip": clip} if whole else {}
    form = {"format": "webp", "quality": 85} if file.suffix == ".webp" else {"format": "png"}
    answer = session.send("Page.captureScreenshot", form | options)
    file.write_bytes(b64decode(answer["data"]))
    session.detach()


def opened(browser: Browser, url: str, width: int, scheme: Scheme) -> Page:
    """Open a page in a new context, and wait until it has stopped loading."""
    size = {"width": width, "height": HEIGHTS[width]}
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(url)
    page.evaluate("document.fonts.ready")
    page.wait_for_selector("[data-dot][data-state=connecting]", state="detached")
    return page


def take_all(browser: Browser, servers: Mapping[str, RunningServer], folder: Path) -> None:
    """Take a picture of every page of some servers."""
    names = {state: Names.of(server) for state, server in servers.items()}
    for state, address in PLACES:
        if state not in servers:
            continue
        for width in HEIGHTS:
            for scheme in ("light", "dark"):
                page = opened(browser, servers[state].url + names[state].url(address), width, scheme)
                take(page, folder / f"{name_of(address)}-{state}-{scheme}-{width}.png")
                page.context.close()


def take_demo(browser: Browser, folder: Path, suffix: str, *, whole: bool) -> None:
    """Take the pictures of a public demo: before the button is pressed, and after the first two tasks."""
    with serving(app.build(demo=DemoQuotas()).application) as url:
        page = opened(browser, url, 1280, "light")
        take(page, folder / f"landing{suffix}", whole)
        page.get_by_role("button", name="Open my sandbox").click()
        for step in ("read", "refuse", "mend"):
            page.locator(f"form[action$='/send/{step}'] button").click()
        page.goto(f"{url}{ROOT_OF_PAGES}/")
        page.locator("[data-dot][data-state=live]").wait_for()
        take(page, folder / f"visit{suffix}", whole)
        page.context.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("folder", nargs="?", type=Path, default=IMAGES)
    parser.add_argument("--docs", action="store_true", help="Take only the pictures in the docs.")
    arguments = parser.parse_args()
    if arguments.folder == IMAGES and not arguments.docs:
        parser.error("name a folder, or --docs")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, filled_server() as filled, mockserver.serve() as empty:
        names = Names.of(filled)
        if arguments.docs:
            for name, (address, scheme) in IN_THE_DOCS.items():
                page = opened(browser, filled.url + names.url(address), 1280, scheme)
                take(page, arguments.folder / f"{name}.webp", whole=False)
                page.context.close()
            return take_demo(browser, arguments.folder, ".webp", whole=False)
        take_all(browser, {"filled": filled, "empty": empty}, arguments.folder)
        take_demo(browser, arguments.folder, ".png", whole=True)


if __name__ == "__main__":
    main()
