"""The page of one call in a browser: mend it with a click, copy it, unfold it, and what keys do there."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import NewPage
from tests.browser.copying import assert_says
from tests.conftest import NO_CERTIFICATES, TIMEOUT

WASHER = "/merchantpro/api/v2/inventory/id/10001"
HIGHLEVEL = {"Authorization": "Bearer demo", "Version": "2021-07-28"}


@pytest.fixture
def client(server: RunningServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, auth=("demo", "demo"), verify=NO_CERTIFICATES, timeout=TIMEOUT)


@pytest.mark.console(15)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_refused_call_is_mended_with_one_click(
    new_page: NewPage, client: httpx.Client, server: RunningServer, scripts: bool
) -> None:
    refused = "/products/inventory?altId=x&limit=many"
    client.get(refused, headers=HIGHLEVEL, auth=lambda request: request)
    page = new_page(java_script_enabled=scripts)
    page.goto("/_mock/ui/calls/demo.1")
    expect(page.locator("#verdict-title")).to_have_text("422 Unprocessable Entity")
    expect(page.locator(".verdict .list").first).to_contain_text("limit (query): must be a number")
    expect(page.get_by_role("region", name="What would have helped")).to_contain_text("limit=20")
    expect(page.get_by_role("region", name="The spec says")).to_contain_text("maximum number of items")
    page.get_by_role("button", name="Send with the smallest change").click()
    expect(page.locator("#verdict-title")).to_have_text("200 OK")
    assert page.url.startswith(f"{server.url}/_mock/ui/calls/demo.2?")
    page.get_by_role("status").get_by_role("link", name="demo.1").click()
    expect(page.locator("#verdict-title")).to_have_text("422 Unprocessable Entity")
    assert [call.status for call in server.client.requests] == [422, 200]


def test_buttons_of_a_refused_call_fit_in_one_row_of_a_laptop(page: Page, client: httpx.Client) -> None:
    for stock in (5, "many"):
        client.patch(WASHER, json={"stock": stock})
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/_mock/ui/calls/demo.2")
    actions = page.locator(".verdict .actions")
    expect(actions.get_by_role("link", name="Compare with the previous call")).to_be_visible()
    expect(actions.get_by_role("button", name="Send with the smallest change")).to_be_visible()
    tops = {one.bounding_box()["y"] for one in actions.locator("button, a").all()}  # type: ignore[index]
    assert len(tops) == 1


@pytest.mark.console(17)
def test_copied_curl_holds_the_credential_and_no_other_secret(
    new_page: NewPage, client: httpx.Client, server: RunningServer
) -> None:
    client.get(WASHER, headers={"X-Api-Key": "s3cret"})
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/_mock/ui/calls/demo.1")
    button = page.get_by_role("button", name="Copy as curl")
    assert_says(button, "Copied", button.click)
    assert page.evaluate("navigator.clipboard.readText()") == (
        f"curl {server.url}{WASHER} \\\n  -H 'x-api-key: ***' \\\n  -H 'authorization: Basic ZGVtbzpkZW1v'"
    )


@pytest.mark.console(3)
@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GET", {}),
        ("PATCH", {"json": {"stock": 4, "price_gross": 12.5}}),
        ("PATCH", {"content": b'{"stock": 4}'}),  # without a Content-Type
    ],
)
def test_fetch_snippet_runs_as_it_is(
    page: Page, client: httpx.Client, server: RunningServer, method: str, body: dict[str, Any]
) -> None:
    sent = client.request(method, WASHER, headers={"X-Quotes": 'it\'s "x" \\ </script>'}, **body)
    assert sent.status_code == 200
    page.goto("/_mock/ui/calls/demo.1")
    page.get_by_text("fetch", exact=True).click()
    with page.expect_console_message() as printed:
        page.evaluate(f"async () => {{ {page.locator('#copy-4').inner_text()} }}")
    assert printed.value.text == f"{sent.status_code} {sent.text}"
    first, again = server.client.requests
    assert (again.method, again.target, again.body) == (first.method, first.target, first.body)
    for name in ("x-quotes", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)


@pytest.mark.console(18)
def test_body_of_64_kib_is_folded_and_unfolds_without_a_script(
    new_page: NewPage, client: httpx.Client, server: RunningServer
) -> None:
    """It has few elements, so that the browser has little to lay out: its JSON is not colored."""
    sandbox = server.client.create("large", products=400)
    client.get(
        "/products/inventory?altId=x", headers=sandbox.vendors["highlevel"].headers, auth=lambda one: one
    )
    page = new_page(java_script_enabled=False)
    page.goto("/_mock/ui/calls/large.1")
    body = page.locator("#response-body")
    expect(body).to_be_hidden()
    page.get_by_text("Show the first 64 KiB of the body").click()
    expect(body).to_be_visible()
    assert len(body.inner_text()) > 65_000
    assert body.locator("*").count() == 0


@pytest.mark.console(31, 33)
def test_keys_open_mend_and_lead_back_to_the_row(page: Page, client: httpx.Client) -> None:
    for path in (WASHER, f"{WASHER}0", WASHER):
        client.get(path)
    page.goto("/_mock/ui/calls?sandbox=demo")
    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#verdict-title")).to_have_text("404 Not Found")
    page.keyboard.press("u")
    expect(page.locator("#call-demo\\.2 [data-row]")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/calls/demo.2?*")
    page.keyboard.press("p")
    page.wait_for_url("**/calls/demo.1?*")
    page.keyboard.press("n")
    page.wait_for_url("**/calls/demo.2?*")
    page.keyboard.press("r")
    page.wait_for_url("**/calls/demo.4?*")
    expect(page.get_by_role("status")).to_contain_text("This repeats demo.2 as it was.")
    mend = page.get_by_role("button", name="Send with the smallest change")
    while not mend.evaluate("button => button === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/calls/demo.5?*")
    expect(page.locator("#verdict-title")).to_have_text("200 OK")
