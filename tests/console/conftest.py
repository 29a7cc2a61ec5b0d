"""Fixtures and helpers for tests of the console.

With `MOCKSERVER_TEST_SERVERS=log`, as in `make conform`, a log keeps the sandboxes of all their servers.
"""

import os
from collections.abc import Callable, Iterator

import httpx
import pytest
from bs4 import BeautifulSoup

from mockserver import app
from mockserver.sandbox.log.memory import MemoryLog
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.console.html import UI, submit
from tests.server.access.quotas.demo_server import Demo, running_demo

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Dest": "document"}
SHARED = "/merchantpro/api/v2/inventory/id/10004"  # a product that all vendors have; only one has the washer
Browser = Callable[..., httpx.Client]


@pytest.fixture(scope="session", autouse=True)
def kept_in_a_log() -> Iterator[None]:
    build = app.build
    with pytest.MonkeyPatch.context() as patch:
        if "log" in os.environ.get("MOCKSERVER_TEST_SERVERS", "").split(","):
            patch.setattr(app, "build", lambda *args, **own: build(*args, **{"log": MemoryLog(), **own}))
        yield


@pytest.fixture
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        yield running


@pytest.fixture
def browser(demo: Demo) -> Iterator[Browser]:
    """Yield a function that returns the browser of another visitor, at an address of its own."""
    opened: list[httpx.Client] = []

    def open_browser(address: str = "") -> httpx.Client:
        address = address or f"203.0.113.{len(opened) + 1}"
        headers = {**BROWSER, "X-Forwarded-For": address}
        client = httpx.Client(
            base_url=demo.url, headers=headers, follow_redirects=True, verify=NO_CERTIFICATES, timeout=TIMEOUT
        )
        opened.append(client)
        return client

    yield open_browser
    for client in opened:
        client.close()


def landing(client: httpx.Client) -> BeautifulSoup:
    return BeautifulSoup(client.get("/").text, "html.parser")


def page_of(answer: httpx.Response) -> BeautifulSoup:
    assert answer.status_code == 200, answer.text
    return BeautifulSoup(answer.text, "html.parser")


def visit(client: httpx.Client) -> BeautifulSoup:
    """Press the button of the first page, and return the start page of the visitor."""
    response = submit(client, landing(client).select_one("form"))
    assert (response.status_code, response.url.path) == (200, UI + "/"), response.text
    return BeautifulSoup(response.text, "html.parser")


def sandbox_of(start: BeautifulSoup) -> str:
    return str(start.select_one("#tour")["data-live-sandbox"])


def credential_of(start: BeautifulSoup) -> str:
    return start.select_one("#credential").text
