"""Calls from the pages of documentation, as a browser sends them."""

import re

import pytest
from playwright.sync_api import Page, expect

from mockserver.embedding.running_server import RunningServer
from tests.browser.chromium import UNANSWERED, Watch

INVENTORY = "/_mock/ui/docs/highlevel/get-list-inventory"
SHOPLAZZA = "/_mock/ui/docs/shoplazza/get-product-inventory-detail"


@pytest.mark.console(30)
def test_page_sends_the_call_itself_without_its_cookies(page: Page, server: RunningServer) -> None:
    page.context.add_cookies([{"name": "session", "value": "s", "domain": "127.0.0.1", "path": "/_mock"}])
    page.goto(INVENTORY)
    page.get_by_label("limit").fill("2")
    with page.expect_request(lambda request: "/highlevel/" in request.url and "_mock" not in request.url):
        page.get_by_role("button", name="Send GET").click()
    answer = page.get_by_role("region", name="Answer: 200 OK")
    expect(answer).to_contain_text('"Medium T-shirt"')
    (call,) = server.client.requests.latest(10)
    assert call.operation == "get-list-inventory"
    assert "limit=2" in call.target
    assert "cookie" not in call.headers
    assert "Chrome" in call.headers["user-agent"]
    expect(answer.get_by_role("link", name=f"In the journal: {call.id}")).to_have_attribute(
        "href", f"/_mock/ui/calls/{call.id}"
    )


@pytest.mark.console(30)
def test_page_shows_numbers_with_the_digits_that_were_sent(page: Page) -> None:
    page.goto(SHOPLAZZA)
    page.get_by_role("button", name="Send GET").click()
    expect(page.get_by_role("region", name="Answer: 200 OK")).to_contain_text("327627904831724000")


@pytest.mark.console(29)
def test_button_gets_its_status_beside_itself(page: Page, watch: Watch) -> None:
    watch.expected.append(UNANSWERED)
    page.goto(INVENTORY)
    page.get_by_role("button", name="Trigger 401: an unknown Version").click()
    answer = page.locator("#own-401").get_by_role("region", name="Answer: 401 Unauthorized")
    expect(answer).to_contain_text("Credential check failed: no credential was sent; version header")
    page.get_by_role("button", name="Trigger 401: no credential").click()
    expect(answer).to_contain_text("No Authorization header found")
    expect(answer).to_have_count(1)


@pytest.mark.console(29)
def test_call_that_no_page_can_send_is_sent_by_the_server(page: Page) -> None:
    page.goto(SHOPLAZZA)
    with page.expect_navigation():
        page.get_by_role("button", name="Trigger 400: no shop").click()
    expect(page.get_by_role("region", name="Answer: 400 Bad Request")).to_contain_text("No Context")


def test_calls_that_an_example_needs_are_sent_before_it(page: Page, server: RunningServer) -> None:
    page.goto("/_mock/ui/docs/merchantpro/update-inventory")
    page.get_by_role("button", name="Trigger 200: stock increment by SKU").click()
    answer = page.get_by_role("region", name="Answer: 200 OK")
    expect(answer).to_contain_text('"adjust_by": 3')
    calls = list(server.client.requests.latest(10))
    assert [call.target.rpartition("/")[2] for call in calls] == ["TShirt.Blk.XL", "10002", "TShirt.Blk.XL"]
    assert "Chrome" in calls[-1].headers["user-agent"]
    expect(answer.get_by_role("link", name=f"In the journal: {calls[-1].id}")).to_be_visible()


def test_connection_that_ends_without_an_answer_is_shown(
    page: Page, server: RunningServer, watch: Watch
) -> None:
    watch.expected.append("net::ERR_CONNECTION_RESET")
    server.client.sandbox("demo").faults.add("reset")
    page.goto(INVENTORY)
    page.get_by_role("button", name="Send GET").click()
    answer = page.get_by_role("region", name=re.compile("No answer"))
    expect(answer).to_contain_text("The connection ended without an answer.")


def test_field_that_cannot_be_sent_is_marked(page: Page, watch: Watch) -> None:
    watch.expected.append(UNANSWERED)
    page.goto(INVENTORY)
    page.get_by_label("Version header, required").fill("v3 €")
    page.get_by_role("button", name="Send GET").click()
    expect(page.get_by_label("Version header, required")).to_have_attribute("aria-invalid", "true")
