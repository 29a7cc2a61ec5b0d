"""Single keys: what each does, that they leave fields alone, and that they can be turned off."""

import pytest
from playwright.sync_api import Page, expect

from mockserver.embedding.running_server import RunningServer
from tests.browser.test_calls import CALLS, open_list
from tests.browser.traffic import call

UI = "/_mock/ui"


@pytest.fixture
def listed(page: Page, server: RunningServer) -> Page:
    """Return the list of five calls."""
    call(server.url, 5)
    return open_list(page)


def focused(page: Page) -> str:
    """Return the id of the row that has the focus, or the name of the element that has it."""
    found = page.evaluate(
        "document.activeElement.closest('tr')?.id ?? document.activeElement.nodeName.toLowerCase()"
    )
    return str(found)


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


@pytest.mark.console(32)
def test_j_and_k_move_the_focus_and_arrow_keys_do_not(listed: Page) -> None:
    moves = {"j": 5, "j j": 3, "k": 4, "k k k k": 5, "j j j j j j j": 1, "ArrowUp ArrowDown": 1}
    for keys, number in moves.items():
        press(listed, keys)
        assert focused(listed) == f"call-demo.{number}", keys


@pytest.mark.console(32)
def test_slash_focuses_the_search_field(listed: Page) -> None:
    press(listed, "/")
    expect(listed.get_by_label("Text")).to_be_focused()
    expect(listed.get_by_label("Text")).to_have_value("")


@pytest.mark.console(32)
@pytest.mark.parametrize("field", ["#q", "#status", "#sandbox", "[value=highlevel]"])
def test_keys_do_nothing_in_a_field(listed: Page, field: str) -> None:
    listed.get_by_text("More filters").click()
    listed.locator(field).focus()
    press(listed, "j f g h ?")
    expect(listed.locator(field)).to_be_focused()
    expect(listed.get_by_role("dialog")).to_have_count(0)
    expect(listed.locator("[data-toggle]")).to_have_attribute("aria-pressed", "true")
    assert listed.url.endswith(CALLS)


@pytest.mark.console(32)
@pytest.mark.parametrize("key", ["Control+j", "Alt+j", "Meta+j"])
def test_keys_with_a_modifier_are_left_to_the_browser(listed: Page, key: str) -> None:
    listed.keyboard.press(key)
    assert focused(listed) == "body"


@pytest.mark.parametrize(
    ("keys", "path"),
    [("g h", "/"), ("g s", "/sandboxes"), ("g d", "/sandboxes/demo/data"), ("g c", "/calls")],
)
def test_g_and_a_letter_go_to_a_page(page: Page, keys: str, path: str) -> None:
    page.goto(UI + "/about")
    press(page, keys)
    page.wait_for_url(f"**{UI}{path}")


def test_n_and_p_turn_the_pages_of_a_list(page: Page, server: RunningServer) -> None:
    call(server.url, 201)
    open_list(page)
    press(page, "p")
    expect(page.locator("#rows tr")).to_have_count(1)
    press(page, "n")
    expect(page.locator("#rows tr")).to_have_count(200)


@pytest.mark.console(32)
def test_list_of_keys_turns_them_off_in_this_browser(listed: Page) -> None:
    press(listed, "?")
    dialog = listed.get_by_role("dialog", name="Shortcuts")
    expect(dialog).to_be_visible()
    press(listed, "Escape")
    expect(dialog).to_be_hidden()
    listed.get_by_role("button", name="Shortcuts").click()
    dialog.get_by_label("Use these shortcuts").uncheck()
    dialog.get_by_role("button", name="Close").click()
    for _ in range(2):
        press(listed, "j / f ?")
        assert focused(listed) in ("body", "button")
        expect(dialog).to_be_hidden()
        expect(listed.locator("[data-toggle]")).to_have_attribute("aria-pressed", "true")
        listed.reload()
    listed.get_by_role("button", name="Shortcuts").click()
    dialog.get_by_label("Use these shortcuts").check()
    dialog.get_by_role("button", name="Close").click()
    press(listed, "j")
    assert focused(listed) == "call-demo.5"


@pytest.mark.console(31, 33)
@pytest.mark.parametrize("back", ["u", "Escape", "browser", "link"])
def test_way_back_from_a_call_focuses_its_row(page: Page, server: RunningServer, back: str) -> None:
    call(server.url, 5)
    open_list(page, "?vendor=merchantpro")
    press(page, "j j j Enter")
    page.wait_for_url("**/calls/demo.3?vendor=merchantpro")  # with its script
    expect(page.get_by_role("link", name="match the filter")).to_be_visible()
    call(server.url, 3)
    press(page, "p")
    page.wait_for_url("**/calls/demo.2?vendor=merchantpro")
    press(page, "n")
    page.wait_for_url("**/calls/demo.3?vendor=merchantpro")
    if back == "browser":
        for _ in range(3):
            page.go_back()
    elif back == "link":
        page.get_by_role("link", name="match the filter").click()
    else:
        press(page, back)
    page.wait_for_url("**/calls?vendor=merchantpro")
    expect(page.locator("#call-demo\\.3 a")).to_be_focused()
    expect(page.locator("[data-dot]")).to_have_text("Paused")
    press(page, "g h")
    page.wait_for_url(f"**{UI}/")
    open_list(page, "?vendor=merchantpro")  # by another way: it follows
    assert focused(page) == "body"
