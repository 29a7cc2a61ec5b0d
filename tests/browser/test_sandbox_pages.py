"""The pages of one sandbox in a browser: questions in dialogs, records, and what is live."""

import re
from datetime import datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from mockserver.embedding.running_server import RunningServer
from tests.browser.keyboard import press, tab_to

UI = "/_mock/ui/sandboxes/autumn"
RECORD = UI + "/data/merchantpro/inventory/10001"
TIME = "%d %b %Y, %H:%M:%S %Z"


@pytest.fixture
def washer(server: RunningServer) -> str:
    """Make a sandbox, and return the URL of a record at its vendor."""
    server.client.create("autumn")
    return f"{server.url}/merchantpro/api/v2/inventory/id/10001"


def call(url: str, **change: int) -> httpx.Response:
    """Read a record by the vendor's API, or change it."""
    return httpx.request("PATCH" if change else "GET", url, auth=("sbx_autumn", "x"), json=change or None)


def stock(url: str, **change: int) -> int:
    return int(call(url, **change).raise_for_status().json()["stock"])


def open_live(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("[data-dot]")).to_have_text("Live")


@pytest.mark.console(28)
@pytest.mark.parametrize(
    ("path", "name", "lost"),
    [
        ("", "Reset", "the changes to 1 record"),
        ("", "Delete", "1 changed record"),
        ("/faults", "Remove all", "1 rule and its count are lost"),
        ("/data/merchantpro/inventory/10001", "Delete", "All 9 fields are lost"),
    ],
)
def test_esc_closes_the_question_and_the_focus_returns(
    page: Page, server: RunningServer, washer: str, path: str, name: str, lost: str
) -> None:
    stock(washer, stock=3)
    server.client.sandbox("autumn").faults.add(503, after=100)
    page.goto(UI + path)
    link = page.get_by_role("main").get_by_role("link", name=name, exact=True)
    for way in ("Escape", "Enter"):  # Enter is on Cancel, which has the focus
        link.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(lost)
        expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
        page.keyboard.press(way)
        expect(dialog).to_have_count(0)
        expect(link).to_be_focused()
    assert stock(washer) == 3
    assert len(server.client.sandbox("autumn").faults.list()) == 1


@pytest.mark.console(28)
def test_question_in_a_dialog_is_answered(page: Page, server: RunningServer, washer: str) -> None:
    stock(washer, stock=3)
    page.goto(UI)
    page.get_by_role("link", name="Reset", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(page.get_by_role("status")).to_contain_text("is back to the state in which it was created")
    assert stock(washer) == 10
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_have_text("The sandbox has been deleted.")
    assert [one.name for one in server.client.sandboxes()] == ["demo"]


@pytest.mark.console(27)
def test_downloaded_export_is_imported_after_the_sandbox_was_deleted(
    page: Page, server: RunningServer, washer: str
) -> None:
    stock(washer, stock=3)
    page.goto(UI)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename == "autumn.json"
    server.client.sandbox("autumn").delete()
    page.goto("/_mock/ui/import")
    page.get_by_label("Into the sandbox").fill("autumn")
    page.get_by_label("An exported file of up to").set_input_files(download.value.path())
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sandbox autumn is ready")
    assert stock(washer) == 3


@pytest.mark.console(21)
def test_record_is_edited_answered_and_undone(page: Page, washer: str) -> None:
    page.goto(UI + "/data")
    page.get_by_role("link", name="inventory").nth(1).click()
    page.get_by_role("link", name="10001").click()
    page.get_by_label("stock").fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    assert stock(washer) == 3
    page.get_by_role("button", name="Ask the API").click()
    expect(page.locator("#answer")).to_contain_text("200 OK")
    expect(page.locator("#answer-body")).to_contain_text('"stock": 3')
    page.reload()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Your change has been undone.")
    expect(page.get_by_label("stock")).to_have_value("10")
    assert stock(washer) == 10


@pytest.mark.console(21)
@pytest.mark.console(31)
def test_record_is_edited_and_undone_by_keyboard_alone(page: Page, washer: str) -> None:
    page.goto(RECORD)
    tab_to(page, page.get_by_label("stock"))
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Saved")
    assert stock(washer) == 3
    tab_to(page, page.get_by_role("button", name="Undo"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your change has been undone.")
    assert stock(washer) == 10


@pytest.mark.console(22)
def test_message_leads_to_its_field(page: Page, washer: str) -> None:
    page.goto(RECORD)
    page.get_by_label("warehouses").fill('[\n {"id": 1\n "name": "A"}\n]')
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_role("link", name="warehouses").focus()
    press(page, "Enter")
    press(page, "Tab")  # from the field to the next one, and back
    press(page, "Shift+Tab")
    field = page.get_by_label("warehouses")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("line 3: expected ',' or '}'")
    expect(field).to_have_value('[\n {"id": 1\n "name": "A"}\n]')


def test_record_shows_what_a_client_changes(page: Page, washer: str) -> None:
    open_live(page, RECORD)
    page.get_by_label("stock").fill("5")
    stock(washer, stock=3)
    expect(page.locator("#record-json")).to_contain_text('"stock": 3')
    expect(page.locator("#present").get_by_role("row", name="stock")).to_contain_text("10")
    expect(page.get_by_label("stock")).to_have_value("5")  # what was typed stays


@pytest.mark.console(23)
@pytest.mark.console(31)
def test_preset_is_added_by_keyboard_and_its_count_is_live(page: Page, washer: str) -> None:
    open_live(page, UI + "/faults")
    tab_to(page, page.get_by_role("button", name="503 twice"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The rule has been added")
    row = page.get_by_role("row", name="status 503")
    expect(row).to_contain_text("0 of 2")
    expect(page.locator("[data-dot]")).to_have_text("Live")
    assert [call(washer).status_code for _ in range(3)] == [503, 503, 200]
    expect(row).to_contain_text("2 of 2")


@pytest.mark.console(25)
def test_bars_fall_with_each_call(page: Page, server: RunningServer, washer: str) -> None:
    server.client.sandbox("autumn").clock.freeze()
    server.client.sandbox("autumn").limits.on({"merchantpro": {"day": 2}})
    open_live(page, UI + "/limits")
    bar = page.locator("#left-merchantpro-day")
    expect(bar).to_contain_text("2 left")
    for left in (1, 0):
        assert call(washer).status_code == 200
        expect(bar).to_contain_text(f"{left} left")
        expect(bar.get_by_role("meter")).to_have_js_property("value", left)
    assert call(washer).status_code == 429


def moment(time: Locator) -> datetime:
    text = time.text_content() or ""
    return datetime.strptime(text, TIME)


@pytest.mark.console(24)
def test_running_clock_goes_on_by_itself_and_a_frozen_one_does_not(
    page: Page, server: RunningServer, washer: str
) -> None:
    page.clock.install()
    open_live(page, UI + "/clock")
    time = page.locator("#clock .big-time time")
    before = moment(time)
    for _ in range(5):  # the page may read the clock from the server in between, which has not gone on
        page.clock.run_for(timedelta(hours=1).seconds * 1000)
        gone = moment(time) - before
        if gone > timedelta(minutes=59):
            break
    assert timedelta(minutes=59) < gone < timedelta(hours=6)
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_role("status")).to_have_text("The clock is frozen.")
    frozen = moment(time)
    page.clock.run_for(timedelta(hours=1).seconds * 1000)
    assert moment(time) == frozen
    server.client.sandbox("autumn").clock.advance(timedelta(days=1))  # another client; the page is live
    expect(time).to_have_text(re.compile((frozen + timedelta(days=1)).strftime("%b %Y, %H:%M:%S")))
