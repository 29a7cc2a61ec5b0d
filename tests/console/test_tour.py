"""The tour of the public demo: what ticks its tasks off, and what it says about a change."""

import re

import httpx

from mockserver.console.pages.demo.tour import comparison
from tests.console.conftest import SHARED, Browser, credential_of, page_of, visit
from tests.console.html import UI, page, submit
from tests.server.access.quotas.demo_server import WASHER, Demo


def done_tasks(client: httpx.Client) -> list[bool]:
    return ["done" in (item.get("class") or []) for item in page(client, "/").select(".tour > li")]


def test_tour_is_ticked_off_by_the_journal(demo: Demo, browser: Browser) -> None:
    client = browser()
    credential = credential_of(visit(client))

    def call(method: str, body: object = None) -> None:
        demo.http.request(method, demo.url + SHARED, json=body, auth=(credential, ""))

    call("PATCH", {"stock": "many"})
    assert done_tasks(client) == [False, False, False, False]
    call("GET")
    assert done_tasks(client) == [True, False, False, False]
    call("PATCH", {"stock": 5})
    assert done_tasks(client) == [True, True, False, False], "the mended call is not yet the next task"
    call("PATCH", {"stock": 3})
    assert done_tasks(client) == [True, True, True, False]
    start = page(client, "/")
    submit(client, start.select_one("form[action$='/demo/faults']"), switch="on")
    call("GET")
    assert done_tasks(client) == [True] * 4


def test_snippets_of_all_vendors_are_about_the_product_of_the_tour(browser: Browser) -> None:
    start = visit(browser())
    assert "/merchantpro/api/v2/inventory/id/10004" in start.select_one("#step-write").text
    assert "/merchantpro/api/v2/inventory/id/10004" in start.select_one("#merchantpro-1").text
    assert "/sabi/api/v1/products?productIds=1002" in start.select_one("#sabi-1").text


def test_change_of_a_product_of_one_vendor_is_not_the_end_of_the_tour(demo: Demo, browser: Browser) -> None:
    client = browser()
    start = visit(client)

    def change(path: str) -> None:
        answer = demo.http.patch(demo.url + path, json={"stock": 3}, auth=(credential_of(start), ""))
        assert answer.status_code == 200

    change(WASHER)
    (said,) = page(client, "/").select("#tour .compared")
    assert " ".join(said.text.split()) == (
        "PATCH /api/v2/inventory/id/10001 changed a product that only MerchantPro has, so no other vendor can"
        " differ. Change the product of this step."
    )
    assert done_tasks(client)[2] is False
    change(SHARED)
    assert done_tasks(client)[2] is True
    shown = page(client, "/")
    (compared,) = shown.select("#tour .compared")
    assert compared.text.startswith("The vendors differ. Stock: 3 at MerchantPro")
    (changed,) = shown.select("#task-write .result a")
    assert "10004" in page(client, str(changed["href"]).removeprefix(UI)).select_one("h1").text


def test_tour_compares_the_product_that_its_call_changed(demo: Demo, browser: Browser) -> None:
    """Any product that several vendors have will do, and link and comparison are about the same one."""
    client = browser()
    start = visit(client)
    auth, path = (credential_of(start), ""), WASHER.replace("10001", "10010")
    assert demo.http.patch(demo.url + path, json={"stock": 4}, auth=auth).status_code == 200
    shown = page(client, "/")
    assert done_tasks(client)[2] is True
    (compared,) = shown.select("#tour .compared a")
    assert compared.text.startswith("The vendors differ. Stock: 4 at MerchantPro")
    (row,) = page(client, str(compared["href"]).removeprefix(UI)).select(".agreement tbody tr")
    (changed,) = shown.select("#task-write .result a")
    sku = demo.http.get(demo.url + path, auth=auth).json()["sku"]
    assert sku in row.text
    assert "10010" in page(client, str(changed["href"]).removeprefix(UI)).select_one("h1").text


def test_tour_can_be_done_without_a_shell(browser: Browser) -> None:
    client = browser()
    visit(client)
    for step in ("read", "refuse", "mend", "write", "fail"):
        start = page(client, "/")
        if step == "fail":
            submit(client, start.select_one("form[action$='/demo/faults']"), switch="on")
        response = submit(client, start.select_one(f"form[action$='/demo/send/{step}']"))
        assert response.status_code == 200
    assert done_tasks(client) == [True] * 4
    start = page(client, "/")
    links = [str(link["href"]) for link in start.select(".results a")]
    assert [client.get(link).status_code for link in links] == [200] * 5
    compared = start.select_one(".compared a")
    assert re.fullmatch(r"The vendors differ. Stock: 3 at MerchantPro, \d+ at Sabi Trace", compared.text)
    products = page_of(client.get(str(compared["href"]))).text
    assert "DRESS-BLA-XL-0001" in products
    assert "WMY71443LB2" not in products
    calls = client.get("/_mock/requests").json()["requests"]
    assert [call["status"] for call in reversed(calls)] == [200, 400, 200, 200, 503]
    assert "cookie" not in str(client.get(f"/_mock/requests/{calls[0]['id']}").json()["request"]["headers"])


def test_tour_says_how_the_last_call_ended(browser: Browser) -> None:
    client = browser()
    start = visit(client)
    assert start.select_one("#last-call") is None
    buttons = start.select("#task-fault .primary")
    assert [button.text for button in buttons] == ["Fail twice"]
    on = page_of(submit(client, start.select_one("#task-fault form"), switch="on"))
    assert "The next 2 calls will fail." in on.select_one("#task-fault").text
    failed = page_of(submit(client, on.select_one("form[action$='/demo/send/read']")))
    assert "503" in failed.select_one("#last-call").text
    assert "because a fault rule is on" in failed.select_one("#last-call").text
    assert "One more call will fail, or switch it off." in failed.select_one("#task-fault").text
    off = page_of(submit(client, failed.select_one("#last-call form"), switch="off"))
    refused = page_of(submit(client, off.select_one("form[action$='/demo/send/refuse']")))
    assert "refused by the check" in refused.select_one("#last-call").text
    results = [[item.text[:3] for item in step.select(".result")] for step in refused.select("#task-mend")]
    assert results == [["400"]]


def test_comparison_names_the_vendor_that_differs_and_counts_the_others() -> None:
    stocks = {"highlevel": 19, "merchantpro": 3, "narvar": 19, "sabi": None, "shoplazza": 19}
    product = {"differs": ["stock"], "vendors": {name: {"stock": stock} for name, stock in stocks.items()}}
    titles = {name: name.title() for name in stocks}
    assert comparison(product, titles) == "The vendors differ. Stock: 3 at Merchantpro, 19 at the other 3"
