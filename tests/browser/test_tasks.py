"""Whole tasks, done by keyboard alone, and with the mouse where scripts are off."""

import json
import subprocess
from typing import Any, Protocol

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from mockserver import Sandbox
from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import NewPage
from tests.browser.copying import assert_says
from tests.browser.keyboard import press, tab_to
from tests.conftest import needs_curl

WASHER = "/api/v2/inventory/id/10001"


class Hands(Protocol):
    """Somebody who uses a page."""

    page: Page

    def follow(self, target: Locator) -> None:
        """Press a button or follow a link."""

    def write(self, field: Locator, text: str) -> None:
        """Replace the text in a field."""

    def copy(self, place: Locator) -> str:
        """Return the text of the only code in a place."""

    def see_news(self) -> None:
        """Do what it takes to see what has happened since the page was opened."""


class OnKeyboard:
    """Uses Tab, Enter and letters."""

    def __init__(self, new_page: NewPage) -> None:
        self.page = new_page()

    def follow(self, target: Locator) -> None:
        tab_to(self.page, target)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def write(self, field: Locator, text: str) -> None:
        tab_to(self.page, field)
        press(self.page, "Control+A")
        self.page.keyboard.type(text)

    def copy(self, place: Locator) -> str:
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        button = place.get_by_role("button", name="Copy")
        tab_to(self.page, button)
        assert_says(button, "Copied", lambda: press(self.page, "Enter"))
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def see_news(self) -> None:
        """Do nothing: the page is live."""


class OnMouse:
    """Uses the mouse, in a browser that runs no scripts."""

    def __init__(self, new_page: NewPage) -> None:
        self.page = new_page(java_script_enabled=False)

    def follow(self, target: Locator) -> None:
        target.click()

    def write(self, field: Locator, text: str) -> None:
        field.fill(text)

    def copy(self, place: Locator) -> str:
        return place.locator("pre").inner_text()

    def see_news(self) -> None:
        self.page.reload()


@pytest.fixture(
    params=[
        pytest.param(OnKeyboard, marks=pytest.mark.console(31)),
        pytest.param(OnMouse, marks=pytest.mark.console(37)),
    ]
)
def hands(request: pytest.FixtureRequest, new_page: NewPage) -> Hands:
    """Return somebody who uses the console, who has opened its start page."""
    found: Hands = request.param(new_page)
    found.page.goto("/_mock/ui/")
    return found


@pytest.fixture
def sandbox(server: RunningServer) -> Sandbox:
    return server.client.create("autumn")


def washer(sandbox: Sandbox, method: str = "GET", **options: Any) -> httpx.Response:
    """Call MerchantPro for the washing machine."""
    access = sandbox.vendors["merchantpro"]
    return httpx.request(method, access.base_url + WASHER, headers=access.headers, **options)


def open_sandbox(hands: Hands, sandbox: Sandbox, page: str) -> None:
    """Go to a page about a sandbox by the navigation."""
    find = hands.page.get_by_role
    hands.follow(find("navigation", name="Console").get_by_role("link", name="Sandboxes"))
    hands.follow(find("link", name=sandbox.name, exact=True))
    hands.follow(
        find("navigation", name=f"Sandbox {sandbox.name}").get_by_role("link", name=page, exact=True)
    )
    expect(find("heading", level=1)).to_have_text(page)


@needs_curl
@pytest.mark.console(2)
def test_first_command_is_copied_and_run(hands: Hands, server: RunningServer) -> None:
    command = hands.copy(hands.page.get_by_role("region", name="No calls yet"))
    answered = subprocess.run(["sh", "-c", f"NO_PROXY='*' {command}"], capture_output=True, timeout=60)
    assert "inventory" in json.loads(answered.stdout)
    hands.see_news()
    expect(hands.page.get_by_text("Your first call arrived.")).to_be_visible()
    hands.follow(hands.page.get_by_role("link", name="See what happened"))
    expect(hands.page.get_by_role("heading", level=1)).to_contain_text("GET /products/inventory")


@pytest.mark.console(15)
def test_refused_call_is_mended(hands: Hands, server: RunningServer, sandbox: Sandbox) -> None:
    find = hands.page.get_by_role
    assert washer(sandbox, "PATCH", json={"stock": "many"}).status_code == 400
    hands.follow(find("link", name="Calls", exact=True))
    hands.follow(find("link", name=f"PATCH {WASHER}"))
    expect(find("heading", name="400 Bad Request")).to_be_visible()
    hands.follow(find("button", name="Send with the smallest change"))
    expect(find("heading", name="200 OK")).to_be_visible()
    assert [call.status for call in sandbox.requests] == [400, 200]


@pytest.mark.console(21)
def test_record_is_changed_and_put_back(hands: Hands, sandbox: Sandbox) -> None:
    find = hands.page.get_by_role
    open_sandbox(hands, sandbox, "Data")
    hands.follow(find("row", name="MerchantPro inventory").get_by_role("link").first)
    hands.follow(find("link", name="10001"))
    hands.write(hands.page.get_by_label("stock", exact=True), "5")
    hands.follow(find("button", name="Save"))
    expect(find("status")).to_contain_text("Saved")
    assert washer(sandbox).json()["stock"] == 5
    hands.follow(find("button", name="Undo"))
    expect(find("status")).not_to_contain_text("Saved. The API")
    assert washer(sandbox).json()["stock"] == 10


@pytest.mark.console(23)
def test_preset_makes_two_calls_fail(hands: Hands, sandbox: Sandbox) -> None:
    find = hands.page.get_by_role
    open_sandbox(hands, sandbox, "Faults")
    hands.follow(find("button", name="503 twice"))
    expect(find("row", name="status 503")).to_contain_text("0 of 2")
    assert [washer(sandbox).status_code for _ in range(3)] == [503, 503, 200]
    hands.follow(find("link", name="Faults", exact=True))
    expect(find("row", name="status 503")).to_contain_text("2 of 2")
