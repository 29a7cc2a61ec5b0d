"""The pages of documentation: every operation with all of its statuses, and buttons that get them."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

import mockserver
from mockserver import app
from mockserver.console.pages.docs.operation_page import OperationPage
from mockserver.contract.contract import Contract
from mockserver.contract.fixture_exchanges import fixture_exchanges
from mockserver.contract.vendor_files import VendorFiles
from mockserver.embedding.running_server import RunningServer
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.console.html import UI, element, page, submit
from tests.e2e.test_add_a_vendor import FILES
from tests.server.access.quotas.demo_server import running_demo

OPERATIONS = [
    (vendor, operation)
    for vendor in VendorFiles().names()
    for operation in VendorFiles().spec(vendor).operations
]
every_operation = pytest.mark.parametrize(("vendor", "operation"), OPERATIONS)
PageOf = Callable[[str, str], BeautifulSoup]  # of a vendor and an operation
INVENTORY = "/docs/highlevel/get-list-inventory"
UPDATE = "/docs/merchantpro/update-inventory"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """Yield a server whose journal holds only the calls of these tests."""
    with mockserver.serve() as running:
        yield running


@pytest.fixture(scope="module")
def browser(server: RunningServer) -> Iterator[httpx.Client]:
    """Yield a client of that server."""
    with httpx.Client(base_url=server.url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client:
        yield client


@pytest.fixture(scope="module")
def page_of(browser: httpx.Client) -> PageOf:
    """Return a function that reads the page of an operation once: to parse it takes longer than all else."""
    return cache(lambda vendor, operation: page(browser, f"/docs/{vendor}/{operation}"))


@pytest.fixture(autouse=True)
def _original_records(server: RunningServer) -> None:
    """Undo what the forms of other operations have written: some causes read the page's own records."""
    server.client.sandbox().reset()


def buttons(found: BeautifulSoup, within: str = ".causes") -> list[tuple[Tag, Tag]]:
    """Return each button that gets a status, with its form: of causes, or of examples in `details`."""
    forms = found.select(f"{within} form:has(button[name=cause])")
    return [(button, form) for form in forms for button in form.select("button")]


def answer_to(client: httpx.Client, form: Tag, **values: str) -> Tag:
    """Send a form, and return the part of the page that shows the answer.

    Only this part is parsed: to parse the page takes longer than to make it.
    """
    response = submit(client, form, **values)
    found = re.search('<section class="vendor-answer.*?</section>', response.text, re.DOTALL)
    assert found, response.text
    return element(BeautifulSoup(found[0], "html.parser"), ".vendor-answer")


def status_in(answer: Tag) -> str:
    found = answer.select_one(".status")
    assert found
    return found.text.split()[0]


def call_in(client: httpx.Client, answer: Tag) -> Any:
    """Return the journal entry that an answer links to."""
    link = answer.select_one("a[href*='/calls/']")
    assert link, answer
    return client.get(f"/_mock/requests/{str(link['href']).rpartition('/')[2]}").json()


def try_form(found: BeautifulSoup) -> Tag:
    form = found.select_one("form:not(:has(button[name=cause]))[data-try]")
    assert form
    return form


@pytest.mark.console(29)
@every_operation
def test_every_status_of_the_spec_is_listed_with_its_evidence(
    page_of: PageOf, vendor: str, operation: str
) -> None:
    found = page_of(vendor, operation)
    shown = {
        (status_in(one), badge.text.strip())
        for one in found.select(".status-doc")
        if (badge := one.select_one(".badge"))
    }
    spec = VendorFiles().spec(vendor)
    declared = {**spec.shared_responses, **spec.operations[operation].responses}
    assert shown >= {(str(status), one.evidence) for status, one in declared.items()}


@pytest.mark.console(29)
@every_operation
def test_every_status_has_a_button_that_gets_it_by_a_call(
    browser: httpx.Client, server: RunningServer, page_of: PageOf, vendor: str, operation: str
) -> None:
    found = page_of(vendor, operation)
    assert all(one.select("button[name=cause]") for one in found.select(".status-doc"))
    checks = {name for one in found.select(".check-order strong") for name in one.text.split(", ")}
    for button, form in buttons(found):
        server.client.sandbox().reset()  # one button may delete what the next one reads
        answer = answer_to(browser, form, cause=str(button["value"]))
        assert status_in(answer) == button.text.split()[1], button["aria-label"]
        assert not answer.select(".callout.warn")
        call = call_in(browser, answer)
        assert call["response"]["status"] == int(status_in(answer))
        assert call["explanation"]["check"] in {None, *checks}


@pytest.mark.parametrize(
    ("path", "count"), [(INVENTORY, 8), (UPDATE, 5), ("/docs/shoplazza/update-variant", 8)]
)
def test_every_example_of_a_status_with_several_has_a_button(
    browser: httpx.Client, path: str, count: int
) -> None:
    found = page(browser, path)
    by_example = buttons(found, "details")
    assert len(by_example) == count
    for button, form in by_example:
        details = form.find_parent("details")
        assert details
        answer = answer_to(browser, form, cause=str(button["value"]))
        assert status_in(answer) == button.text.split()[1], button["aria-label"]
        shown = [element(one, "pre").text for one in answer.select(".code")]
        assert shown[-1] in [one.text for one in details.select("pre")]


@pytest.mark.parametrize("contract", app.build().contracts, ids=lambda one: one.vendor.name)
def test_exchanges_that_need_earlier_calls_have_buttons_too(contract: Contract) -> None:
    headers = contract.vendor.auth_headers(DEFAULT_SANDBOX)
    pages = [OperationPage(contract, one, headers) for one in contract.spec.operations.values()]
    shown = {cause.name for page in pages for status in page.statuses for cause in status.causes}
    assert contract.fixtures is not None
    exchanges = fixture_exchanges(contract.fixtures).values()
    assert shown >= {one.name for one in exchanges if one.given and one.dialect == "documented"}


def test_button_first_sends_the_calls_that_its_example_needs(
    browser: httpx.Client, server: RunningServer
) -> None:
    sandbox = server.client.create()
    found = page(browser, f"{UPDATE}?sandbox={sandbox.name}")
    label = "Trigger 200: stock increment by SKU"
    ((button, form),) = [one for one in buttons(found) if one[0]["aria-label"] == label]
    assert "This writes to the sandbox." in form.text
    assert (
        "The button first sends “price with taxes by SKU” and “activation of the stock function by id”."
        in " ".join(form.text.split())
    )
    answer = answer_to(browser, form, cause=str(button["value"]))
    assert status_in(answer) == "200"
    calls = list(sandbox.requests.latest(10))
    assert [call.target.rpartition("/")[2] for call in calls] == ["TShirt.Blk.XL", "10002", "TShirt.Blk.XL"]
    assert call_in(browser, answer)["id"] == calls[-1].id


def test_button_that_changed_records_get_in_the_way_of_says_what_helps(
    browser: httpx.Client, server: RunningServer
) -> None:
    sandbox = server.client.create()
    sandbox.records("merchantpro", "inventory").delete(10002)
    found = page(browser, f"{UPDATE}?sandbox={sandbox.name}")
    (form,) = [form for button, form in buttons(found) if "price with taxes" in str(button["aria-label"])]
    answer = answer_to(browser, form, cause=str(element(form, "button")["value"]))
    assert "This is not the 200 that was asked for." in answer.text
    assert "If the records have changed, reset the sandbox and try again." in " ".join(answer.text.split())
    assert element(answer, ".callout a")["href"] == f"{UI}/sandboxes/{sandbox.name}/reset"


def test_answer_shows_what_was_sent_beside_what_was_received(browser: httpx.Client) -> None:
    found = page(browser, UPDATE)
    (form,) = [form for button, form in buttons(found) if button["value"] == "own-400-0"]
    answer = answer_to(browser, form, cause="own-400-0")
    sent, received = answer.select("h4")
    assert (sent.text, received.text) == ("Sent", "Received")
    bodies = [element(one, "pre").text for one in answer.select(".code")]
    assert ['"stock"' in bodies[0], '"validation_failed"' in bodies[1]] == [True, True]
    assert "Authorization" in [one.text for one in answer.select("details dt")]


def test_button_says_so_if_another_status_comes(browser: httpx.Client, server: RunningServer) -> None:
    sandbox = server.client.create(faults=[503])
    found = page(browser, f"{INVENTORY}?sandbox={sandbox.name}")
    (form,) = [form for button, form in buttons(found) if button["value"] == "own-200-0"]
    answer = answer_to(browser, form, cause="own-200-0")
    assert status_in(answer) == "503"
    assert (
        "This is not the 200 that was asked for. A fault rule met the call: injected fault: 503."
        in answer.text
    )


@every_operation
def test_form_is_filled_in_with_a_request_that_succeeds(
    browser: httpx.Client, page_of: PageOf, vendor: str, operation: str
) -> None:
    answer = answer_to(browser, try_form(page_of(vendor, operation)))
    assert status_in(answer) in ("200", "201", "204")


@pytest.mark.console(30)
def test_call_of_the_form_is_in_the_journal_without_the_visitors_cookies(
    browser: httpx.Client, server: RunningServer
) -> None:
    sandbox = server.client.create()
    found = page(browser, f"{UPDATE}?sandbox={sandbox.name}", headers={"Cookie": "session=secret"})
    body = '{"stock": 4711}'
    answer = answer_to(browser, try_form(found), body=body)
    call = call_in(browser, answer)
    assert call["sandbox"] == sandbox.name
    assert (call["request"]["method"], call["request"]["body"]) == ("PATCH", body)
    assert "cookie" not in call["request"]["headers"]
    assert [change["after"]["stock"] for change in call["changes"]] == [4711]


def test_parameters_that_are_empty_are_not_sent(browser: httpx.Client) -> None:
    form = try_form(page(browser, INVENTORY))
    values = {"query.limit": "", "query.search": "T-shirt & Größe", "header.Version": ""}
    answer = answer_to(browser, form, **values)
    assert status_in(answer) == "401"
    call = call_in(browser, answer)
    assert "version" not in call["request"]["headers"]
    assert call["request"]["target"] == (
        "/products/inventory?altId=6578278e879ad2646715ba9c&altType=location"
        "&search=T-shirt%20%26%20Gr%C3%B6%C3%9Fe"
    )


def test_value_that_cannot_be_a_header_gets_a_message_and_stays(browser: httpx.Client) -> None:
    form = try_form(page(browser, INVENTORY))
    response = submit(browser, form, **{"header.Version": "v3\r\nx: y", "query.search": "kept"})
    assert response.status_code == 422
    found = BeautifulSoup(response.text, "html.parser")
    (field,) = found.select("[aria-invalid=true]")
    assert field["name"] == "header.Version"
    (error,) = found.select(f"#{field['aria-describedby']}".replace(".", r"\."))
    assert error.text == "This must be one line, of Latin-1 characters only."
    (kept,) = found.select('input[name="query.search"]')
    assert kept["value"] == "kept"
    assert not found.select(".vendor-answer")


def test_order_of_checks_is_that_of_the_vendor(browser: httpx.Client) -> None:
    shown = {
        one.text: [status.text.split()[0] for status in one.parent.select(".status")]  # type: ignore[union-attr]
        for one in page(browser, UPDATE).select(".check-order strong")
    }
    assert shown == {
        "limits": ["429"],
        "path": ["404"],
        "method": ["405"],
        "transfer": ["408", "413"],
        "credential": ["401", "403"],
        "parameters": ["400", "404"],
        "body": ["400"],
        "record, rules": ["404"],
    }


def test_docs_lead_to_every_operation(browser: httpx.Client) -> None:
    found = page(browser, "/docs")
    for vendor, operation in OPERATIONS:
        path = f"{UI}/docs/{vendor}/{operation}"
        assert found.select(f'a[href="{path}"]')
        assert page(browser, f"/docs/{vendor}").select(f'a[href="{path}"]')


def test_docs_list_the_operations_of_the_control_api(browser: httpx.Client) -> None:
    shown = [one.text for one in page(browser, "/docs").select(".operations dt")]
    document = browser.get("/_mock/openapi.json").json()
    assert sorted(shown) == sorted(
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    )


@pytest.mark.parametrize("path", ["/docs/acme", "/docs/highlevel/no-such-operation"])
def test_unknown_vendors_and_operations_are_not_found(browser: httpx.Client, path: str) -> None:
    page(browser, path, 404)


def test_unknown_buttons_are_not_found(browser: httpx.Client) -> None:
    for cause in ("", "own-200-99", "own-418-0", "own-200-x"):
        assert browser.post(f"{UI}{INVENTORY}/send", data={"cause": cause}).status_code == 404


def test_answer_of_a_script_that_is_none_is_refused(browser: httpx.Client) -> None:
    for body in (b"", b"{}", b'{"status": "x"}'):
        assert browser.post(f"{UI}{INVENTORY}/answer", content=body).status_code == 400


def test_a_sixth_vendor_is_documented_from_its_four_files(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with (
        mockserver.serve(vendors=["depot"], vendors_from=tmp_path) as running,
        httpx.Client(base_url=running.url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        assert "Depot" in page(client, "/docs").text
        page(client, "/docs/depot")
        for operation in ("get-stock", "set-stock"):
            found = page(client, f"/docs/depot/{operation}")
            for button, form in buttons(found):
                answer = answer_to(client, form, cause=str(button["value"]))
                assert status_in(answer) == button.text.split()[1], button["aria-label"]
            assert status_in(answer_to(client, try_form(found))) == "200"


def test_visitor_of_a_demo_gets_every_status_and_calls_by_her_own_credential() -> None:
    with running_demo() as demo:
        options = {"base_url": demo.url, "headers": {"Accept": "text/html"}, "follow_redirects": True}
        with httpx.Client(**options, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client:  # type: ignore[arg-type]
            client.post(f"{UI}/try").raise_for_status()
            found = page(client, UPDATE)
            (credential,) = found.select('input[name="header.Authorization"]')
            assert b64decode(str(credential["value"]).removeprefix("Basic ")).startswith(b"sbx_")
            for button, form in buttons(found):
                answer = answer_to(client, form, cause=str(button["value"]))
                assert status_in(answer) == button.text.split()[1], button["aria-label"]
                if status_in(answer) == "401":  # she sees no call that belongs to no sandbox
                    assert not answer.select("a[href*='/calls/-']")
