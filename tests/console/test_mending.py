"""The page of a refused call: what would mend it, what that sends, and the form to edit it."""

import json
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

from mockserver.embedding.running_server import RunningServer
from tests.console.html import UI, element, page, submit
from tests.console.test_call import AUTH, WASHER, pressed, text


def test_page_tells_what_the_smallest_change_sends_and_which_value_is_made_up(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.patch(WASHER, json={"price_net": "abc", "invetory_enabled": "off"}, auth=AUTH)
    shown = page(api, f"/calls/{sandbox}.1")
    changes = [" ".join(one.text.split()) for one in shown.select(".edits li")]
    assert changes == [
        "Rename invetory_enabled in the body to inventory_enabled, and keep its value",
        "price_net in the body: a number from 0 to 1,000,000,000, here 1428.57, the record's present value",
    ]
    sent = shown.select_one("#mended-body")
    assert sent is not None
    assert json.loads(sent.text) == {"price_net": 1428.57, "inventory_enabled": "off"}
    mended = pressed(api, shown, "Send with the smallest change")
    assert text(mended, ".verdict-text") == "The vendor accepted the call. It changed one record."


def test_body_that_is_not_json_is_replaced_by_what_is_called_an_example(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.patch(WASHER, content=b'{"stock": 3,}', auth=AUTH)
    shown = page(api, f"/calls/{sandbox}.1")
    assert text(shown, ".verdict-text") == "The body check failed."
    assert "not valid JSON at line 1, column 13: trailing comma in object" in text(shown, ".verdict .list")
    assert "Send with the smallest change" not in shown.text
    mended = pressed(api, shown, "Send an example that works")
    assert "with an example of ours as its body" in text(mended, "main [role=status]")


def test_refused_call_is_edited_in_a_form_that_has_all_of_it(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.patch(f"{WASHER}?colour=red", json={"stock": -5}, auth=AUTH)
    edit = next(link for link in page(api, f"/calls/{sandbox}.1").select("a") if link.text == "Edit and send")
    shown = page(api, str(edit["href"]).removeprefix(UI).partition("#")[0])
    form = shown.select_one("form:not(:has(button[name=cause]))[data-try]")
    assert form is not None
    values = {str(one["name"]): str(one["value"]) for one in form.select("input")}
    body = form.select_one("textarea")
    assert body is not None
    assert (values["path.identifier"], values["query.colour"]) == ("10001", "red")
    assert json.loads(body.text) == {"stock": -5}
    answer = submit(api, form, body='{"stock": 5}')
    assert answer.status_code == 200
    call = api.get(f"/_mock/requests/{sandbox}.2").json()
    assert (call["request"]["target"], call["request"]["body"], call["response"]["status"]) == (
        "/api/v2/inventory/id/10001?colour=red", '{"stock": 5}', 200,
    )  # fmt: skip


def test_refused_credential_page_tells_which_are_accepted(
    client: httpx.Client, api: httpx.Client, sandbox: str, mockserver: RunningServer
) -> None:
    client.get(WASHER, auth=("wrong", ""), headers={"X-Marker": sandbox})
    (call,) = mockserver.client.requests.find(headers={"x-marker": sandbox})
    shown = text(page(api, f"/calls/{call.id}"), ".verdict")
    assert "the credential is not accepted" in shown
    assert "The credentials demo and sbx_ with a name are accepted: each stands for a sandbox." in shown


def test_button_that_writes_says_so_and_is_marked_with_its_answer_below(
    api: httpx.Client, sandbox: str, mockserver: RunningServer
) -> None:
    mockserver.client.create(sandbox)
    shown = page(api, f"/docs/merchantpro/update-inventory?sandbox={sandbox}")
    forms = [form for form in shown.select(".causes form") if "Trigger 200" in form.text]
    assert forms
    assert all("This writes to the sandbox." in form.text for form in forms)
    answered = page_after(api, forms[0])
    (marked,) = answered.select(".causes [aria-pressed=true]")
    assert marked["value"] == "own-200-0"
    (answer,) = answered.select(".vendor-answer")
    assert marked.find_parent("li") == answer.find_parent("li")


def page_after(api: httpx.Client, form: Tag) -> BeautifulSoup:
    return BeautifulSoup(submit(api, form).text, "html.parser")


@pytest.mark.parametrize(("method", "body", "said"), [
    ("GET", b"", "The request has no body."),
    ("POST", b"", "The request has no body."),
    ("POST", b'{"stock": 3}', "The journal does not have the body."),
    ("POST", [b'{"stock": 3}'], "The journal does not have the body."),
])  # fmt: skip
def test_body_that_was_not_read_is_not_said_to_be_missing(
    client: httpx.Client, api: httpx.Client, sandbox: str, method: str, body: Any, said: str
) -> None:
    content = iter(body) if isinstance(body, list) else body  # in chunks
    client.request(method, WASHER, auth=AUTH, content=content)
    request = element(page(api, f"/calls/{sandbox}.1"), "[aria-labelledby=request-title]")
    assert said in request.text
