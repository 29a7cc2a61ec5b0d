"""The pages of records: collections, search, a record as form and as JSON, undo, revert, new products."""

from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

from mockserver import app
from tests.console.html import UI, element, page, submit

WASHER = "/merchantpro/api/v2/inventory/id/10001"
RECORD = "/data/merchantpro/inventory/10001"
# One record of each collection: its address below /data, a field, and another text for it.
RECORDS = {
    "/highlevel/inventory/6241712be68f7a98102ba272": ("availableQuantity", "12.50"),
    "/highlevel/locations/inactiveLocation0001": ("accessible", "false"),
    "/merchantpro/inventory/10001": ("price_gross", "0.10"),
    "/narvar/items/9999": ("options", '[{"title": "Size", "code": "size", "values": ["10"]}]'),
    "/sabi/products/1001": ("isActive", "false"),
    "/shoplazza/products/f854e9a2-986d-4e2b-9df0-8e4c139ae80e": ("variants", "[]"),
    "/shoplazza/shops/inactive": ("active", "true"),
}


@pytest.fixture
def api(api: httpx.Client) -> httpx.Client:
    """Return a client that goes where a form leads, as a browser does."""
    api.follow_redirects = True
    return api


@pytest.fixture
def place(api: httpx.Client, sandbox: str) -> str:
    """Make a sandbox, and return the address of its pages."""
    api.post("/_mock/sandboxes", json={"name": sandbox})
    return f"/sandboxes/{sandbox}"


def record(client: httpx.Client, place: str, at: str = RECORD) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/_mock{place}/records{at.removeprefix('/data')}").json()
    return found


def button(found: BeautifulSoup, text: str) -> Tag:
    """Return the form of a button, with what the button itself sends."""
    pressed = next(one for one in found.select("main button") if one.text == text)
    form = pressed.find_parent("form")
    assert form is not None
    return form


def parsed(response: httpx.Response, status: int = 200) -> BeautifulSoup:
    assert response.status_code == status, response.text
    return BeautifulSoup(response.text, "html.parser")


def error_at(found: BeautifulSoup, name: str) -> str:
    """Return the message at a field."""
    field = found.find(attrs={"name": name})
    assert isinstance(field, Tag)
    assert field.get("aria-invalid") == "true"
    about = found.find(id=str(field["aria-describedby"]))
    assert about is not None
    return about.text


def test_all_collections_are_listed_with_their_counts(api: httpx.Client, sandbox: str, place: str) -> None:
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 3})
    listed = page(api, f"{place}/data")
    rows = [
        tuple(cell.get_text(strip=True) for cell in row.select("td, th"))
        for row in listed.select("#counts tbody tr")
    ]
    known = [
        (contract.vendor.title, name) for contract in app.build().contracts for name in contract.base_records
    ]
    assert [row[:2] for row in rows] == known
    assert [row for row in rows if row[3] != "0"] == [("MerchantPro", "inventory", "102", "1")]


def test_product_is_found_with_its_record_at_each_vendor(api: httpx.Client, place: str) -> None:
    found = page(api, f"{place}/data?q=BELT-PUR-M-0008")
    (row,) = found.select("section[aria-labelledby=find] tbody tr")
    links = {link.text: str(link["href"]) for link in row.select("td a")}
    assert list(links) == ["HighLevel", "MerchantPro", "Narvar", "Sabi Trace", "Shoplazza"]
    for link in links.values():
        assert page(api, link.removeprefix(UI)).h1
    assert "No product matches “nothing-like-this”" in page(api, f"{place}/data?q=nothing-like-this").text


def test_collection_has_pages_search_and_changed_only(api: httpx.Client, sandbox: str, place: str) -> None:
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 3})
    collection = f"{place}/data/merchantpro/inventory"

    def keys(found: BeautifulSoup) -> list[str]:
        return [one.text for one in found.select("#records tbody th a")]

    def link(found: BeautifulSoup, rel: str) -> str:
        return str(found.select(f"a[rel={rel}]")[0]["href"]).removeprefix(UI)

    first = page(api, collection)
    second = page(api, link(first, "next"))
    third = page(api, link(second, "next"))
    assert [len(keys(one)) for one in (first, second, third)] == [50, 50, 2]
    assert keys(first) + keys(second) + keys(third) == [str(10001 + n) for n in range(102)]
    assert third.select("a[rel=next]") == []
    assert keys(page(api, link(third, "prev"))) == keys(second)
    assert keys(page(api, collection + "?changed=1")) == ["10001"]
    assert "changed" in page(api, collection + "?changed=1").select("#records tbody th")[0].text
    assert keys(page(api, collection + "?q=belt-pur-m-0008")) == ["10011"]
    assert "No changed record matches “jacket”" in page(api, collection + "?changed=1&q=jacket").text
    assert page(api, f"{place}/data/merchantpro/nothing", 404)
    assert page(api, f"{place}/data/nobody/inventory", 404)


@pytest.mark.parametrize(
    ("collection", "numbers"),
    [
        ("merchantpro/inventory", {"stock", "price_net", "price_gross"}),
        (
            "shoplazza/variants",
            {"price", "compare_at_price", "cost_price", "retail_price"},
        ),  # its prices are texts
    ],
)
def test_numbers_of_a_collection_are_aligned_on_the_right(
    api: httpx.Client, place: str, collection: str, numbers: set[str]
) -> None:
    found = page(api, f"{place}/data/{collection}")
    assert {one.text for one in found.select("#records thead th.number")} == numbers
    row = element(found, "#records tbody tr")
    assert {str(one["data-label"]) for one in row.select("td.number")} == numbers


@pytest.mark.console(21)
def test_saved_record_is_answered_by_the_api_and_undo_brings_the_old_one_back(
    api: httpx.Client, sandbox: str, place: str
) -> None:
    auth = (f"sbx_{sandbox}", "x")
    before = api.get(WASHER, auth=auth)
    saved = parsed(submit(api, button(page(api, place + RECORD), "Save"), stock="3", price_gross="99.90"))
    changes = [
        tuple(cell.get_text(strip=True) for cell in row.select("th, td"))
        for row in saved.select("[role=status] tbody tr")
    ]
    assert changes == [("stock", "10", "3"), ("price_gross", "1700.00", "99.90")]
    answer = api.get(WASHER, auth=auth)
    assert '"stock":3' in answer.text
    assert '"price_gross":99.90' in answer.text.replace(" ", "")
    asked = parsed(submit(api, button(saved, "Ask the API")))  # after which the way back is still there
    undone = submit(api, button(asked, "Undo"))
    assert "Your change has been undone." in undone.text
    assert api.get(WASHER, auth=auth).json() == before.json()


@pytest.mark.console(21)
@pytest.mark.parametrize(("at", "field", "typed"), [(at, *one) for at, one in RECORDS.items()])
def test_record_of_each_collection_is_saved_and_reverted(
    api: httpx.Client, place: str, at: str, field: str, typed: str
) -> None:
    address = place + "/data" + at
    initial = record(api, place, at)
    saved = parsed(submit(api, button(page(api, address), "Save"), **{field: typed}))
    changed = api.get(f"/_mock{place}/records{at}").text
    assert f'"{field}":{typed.replace(": ", ":").replace(", ", ",")}' in changed
    assert {name for name, value in record(api, place, at).items() if value != initial[name]} == {field}
    reverted = submit(api, button(saved, "Revert to the beginning"))
    assert "back to its values at the beginning" in reverted.text
    assert record(api, place, at) == initial
    assert "Unchanged" in page(api, address).text


@pytest.mark.parametrize("at", RECORDS)
def test_form_that_was_not_touched_changes_nothing(api: httpx.Client, place: str, at: str) -> None:
    before = api.get(f"/_mock{place}/records{at}").text
    for view in ("", "?as=json"):
        saved = parsed(submit(api, button(page(api, f"{place}/data{at}{view}"), "Save")))
        assert "Nothing was changed" in saved.text
    assert api.get(f"/_mock{place}/records{at}").text == before
    assert api.get(f"/_mock{place}").json()["changes"] == 0


def test_form_does_not_undo_what_a_client_has_changed_meanwhile(
    api: httpx.Client, sandbox: str, place: str
) -> None:
    form = button(page(api, place + RECORD), "Save")
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 3})
    saved = parsed(submit(api, form, name="Washer"))
    assert (record(api, place)["stock"], record(api, place)["name"]) == (3, "Washer")
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 2})
    submit(api, button(saved, "Undo"))
    assert record(api, place)["stock"] == 2
    assert record(api, place)["name"] != "Washer"


def test_optional_field_is_set_and_removed_and_null_is_kept(api: httpx.Client, place: str) -> None:
    submit(api, button(page(api, place + RECORD), "Save"), old_price_net="12.50", ean="")
    assert (record(api, place)["old_price_net"], record(api, place)["ean"]) == (12.5, None)
    saved = parsed(submit(api, button(page(api, place + RECORD), "Save"), old_price_net=""))
    assert "old_price_net" not in record(api, place)
    assert record(api, place)["ean"] is None
    submit(api, button(saved, "Undo"))
    assert record(api, place)["old_price_net"] == 12.5


@pytest.mark.console(22)
@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("stock", "many", "must be a number, such as 12 or 12.50, not many"),
        ("stock", "1.5", "must be a whole number, not 1.5"),
        ("price_gross", "-1", "must be at least 0, not -1"),
        ("stock", "", "must not be empty"),
        ("sku", "", "must not be empty"),
        ("warehouses", '[\n  {"id": 1\n   "name": "A"}\n]', "line 3: expected ',' or '}'"),
        (
            "warehouses",
            '[\n  {"id": 1, "name": "A", "stock": 1},\n  {"id": 2, "name": "B",\n   "stock": -1}\n]',
            "line 4: 1.stock must be at least 0, not -1",
        ),
    ],
)
def test_wrong_value_is_refused_at_its_field_and_nothing_is_lost_or_saved(
    api: httpx.Client, place: str, field: str, typed: str, message: str
) -> None:
    before = record(api, place)
    values = {"name": "Another name", field: typed}
    refused = parsed(submit(api, button(page(api, place + RECORD), "Save"), **values), 400)
    assert message in error_at(refused, field)
    for name, text in values.items():
        shown = refused.find(attrs={"name": name})
        assert isinstance(shown, Tag)
        assert shown.get("value", shown.text) == text
    assert "Nothing was saved" in refused.select("[role=alert]")[0].text
    assert record(api, place) == before
    submit(api, button(refused, "Save"), **{field: str(before.get(field, ""))})  # the same page, corrected
    assert record(api, place) == {**before, "name": "Another name"}


@pytest.mark.console(22)
def test_all_wrong_values_are_named_at_once(api: httpx.Client, place: str) -> None:
    values = {"stock": "1.5", "price_net": "-2", "vat": "19"}
    refused = parsed(submit(api, button(page(api, place + RECORD), "Save"), **values), 400)
    assert error_at(refused, "stock") == "must be a whole number, not 1.5"
    assert error_at(refused, "price_net") == "must be at least 0, not -2"
    assert error_at(refused, "vat") == "must be at most 1, not 19"
    links = [str(link["href"]) for link in refused.select("[role=alert] a")]
    assert links == ["#field-stock", "#field-price_net", "#field-vat"]
    unread = {**values, "warehouses": "[1"}  # one that cannot be read hides none of the others
    refused = parsed(submit(api, button(page(api, place + RECORD), "Save"), **unread), 400)
    assert error_at(refused, "warehouses") == "line 1: the JSON ends too early"
    assert error_at(refused, "vat") == "must be at most 1, not 19"
    links = [str(link["href"]) for link in refused.select("[role=alert] a")]
    assert all(refused.find(id=link[1:]) for link in links)


@pytest.mark.console(22)
@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ('{\n "id": 10001\n "sku": "A"\n}', "line 3: expected ',' or '}'"),
        ('{\n "id": 10001,\n "stock": "many"\n}', "line 3: stock must be a whole number"),
        ("[]", "must be an object"),
        ("", "must not be empty"),
    ],
)
def test_wrong_record_as_json_is_refused_with_its_line(
    api: httpx.Client, place: str, typed: str, message: str
) -> None:
    before = record(api, place)
    form = button(page(api, place + RECORD + "?as=json"), "Save")
    refused = parsed(submit(api, form, **{"-record": typed}), 400)
    assert message in error_at(refused, "-record")
    assert refused.select("textarea")[0].text == typed
    assert record(api, place) == before


def test_record_is_saved_as_json(api: httpx.Client, place: str) -> None:
    form = button(page(api, place + RECORD + "?as=json"), "Save")
    text = str(form.select("textarea")[0].text)
    submit(api, form, **{"-record": text.replace('"stock": 10', '"stock": 3')})
    assert record(api, place)["stock"] == 3


def test_sku_of_another_record_and_another_key_are_refused(api: httpx.Client, place: str) -> None:
    taken = record(api, place, "/merchantpro/inventory/10002")["sku"]
    refused = parsed(submit(api, button(page(api, place + RECORD), "Save"), sku=taken), 409)
    assert "another record already has this sku" in refused.select("[role=alert]")[0].text
    field = page(api, place + RECORD).find(attrs={"name": "id"})
    assert isinstance(field, Tag)
    assert field.has_attr("readonly")
    refused = parsed(submit(api, button(page(api, place + RECORD), "Save"), id="7"), 400)
    assert "it must be equal to the key, 10001" in error_at(refused, "id")


@pytest.mark.parametrize("at", [at for at in RECORDS if "locations" not in at and "shops" not in at])
def test_vendor_is_asked_for_the_record_as_by_any_client(
    api: httpx.Client, sandbox: str, place: str, at: str
) -> None:
    shown = page(api, f"{place}/data{at}")
    assert (
        api.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"] == []
    )  # to look sends none
    asked = submit(api, button(shown, "Ask the API"))
    answer = parsed(asked)
    (call,) = api.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"]
    assert (call["status"], call["remarks"]) == (200, 0)
    assert "200 OK" in " ".join(answer.select("#answer")[0].get_text(" ", strip=True).split())
    whole = api.get(f"/_mock/requests/{call['id']}").json()
    assert "cookie" not in whole["request"]["headers"]
    assert answer.select("#answer-body")[0].text.strip()[:1] == "{"
    assert answer.find("a", href=f"{UI}/calls/{call['id']}")


def test_vendor_answers_with_what_was_saved(api: httpx.Client, place: str) -> None:
    saved = parsed(submit(api, button(page(api, place + RECORD), "Save"), stock="3"))
    asked = submit(api, button(saved, "Ask the API"))
    answer = parsed(asked)
    assert '"stock": 3,' in answer.select("#answer-body")[0].text


def test_record_that_no_call_returns_says_so(api: httpx.Client, place: str) -> None:
    shown = page(api, f"{place}/data/shoplazza/shops/inactive")
    assert "No call returns this record" in shown.text
    assert api.post(f"{UI}{place}/data/shoplazza/shops/inactive", data={"-do": "call"}).status_code == 400


@pytest.mark.console(28)
def test_deleting_a_record_asks_first(api: httpx.Client, sandbox: str, place: str) -> None:
    asks = page(api, place + RECORD + "?ask=delete")
    assert "All 9 fields are lost" in asks.text
    assert record(api, place)["id"] == 10001
    done = submit(api, button(asks, "Delete"))
    assert "The record has been deleted." in done.text
    assert api.get(WASHER, auth=(f"sbx_{sandbox}", "x")).status_code == 404
    assert page(api, place + RECORD, 404)


def test_new_product_is_at_all_vendors(api: httpx.Client, place: str) -> None:
    form = button(page(api, f"{place}/data/new-product"), "Add the product")
    added = submit(api, form, sku="LAMP-1", name="Lamp", price="12.50", quantity="3")
    found = parsed(added)
    links = [link.text for link in found.select("section[aria-labelledby=find] td a")]
    assert links == ["HighLevel", "MerchantPro", "Narvar", "Sabi Trace", "Shoplazza"]
    again = parsed(submit(api, form, sku="LAMP-1", name="Lamp"), 409)
    assert "there is already a product with this sku" in again.text
    wrong = parsed(submit(api, form, sku="LAMP-2", name="Lamp", price="free", ean="12"), 400)
    assert "must be a number" in error_at(wrong, "price")
    wrong = parsed(submit(api, form, sku="LAMP-2", name="Lamp", ean="12"), 400)
    assert "must match" in error_at(wrong, "ean")


@pytest.mark.console(44)
def test_texts_of_records_are_shown_as_texts(api: httpx.Client, place: str) -> None:
    hostile = '"><img src=x onerror=alert(1)>\u202e\n'
    values = {"name": hostile, "productName": hostile, "image": "http://elsewhere.example/spy.png"}
    path = f"/_mock{place}/records/highlevel/inventory/6241712be68f7a98102ba272"
    api.patch(path, json=values)
    address = f"{place}/data/highlevel/inventory"
    for found in (page(api, address), page(api, address + "/6241712be68f7a98102ba272")):
        assert found.select("main img") == []
        assert "onerror=alert(1)" in found.select("main")[0].text
    form = button(page(api, address + "/6241712be68f7a98102ba272"), "Save")
    assert "Nothing was changed" in parsed(submit(api, form)).text
    assert api.get(path).json()["name"] == hostile


def test_action_and_record_that_no_page_sends_are_refused(api: httpx.Client, place: str) -> None:
    save, undo = {"-do": "save"}, {"-do": "undo"}
    for data in ({}, {"-do": "sell"}, save, {**save, "-was": "[]"}, {**save, "-was": "{"}):
        assert api.post(UI + place + RECORD, data=data).status_code == 400, data
    assert api.post(UI + place + RECORD, data=undo).status_code == 410


def test_change_that_is_too_large_for_an_address_is_saved_and_says_that_it_stays(
    api: httpx.Client, place: str
) -> None:
    path = place + "/data/highlevel/inventory/6241712be68f7a98102ba272"
    name = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(3000))
    saved = submit(api, button(page(api, path), "Save"), name=name)
    assert "This change is too large to be undone." in parsed(saved).text
    assert page(api, path).select_one("[name=name]")["value"] == name  # type: ignore[index]


def test_change_of_another_record_is_not_undone(api: httpx.Client, place: str) -> None:
    other = submit(api, button(page(api, place + "/data/merchantpro/inventory/10002"), "Save"), stock="3")
    edit = other.url.params["edit"]
    assert "can no longer be undone" in page(api, f"{place}{RECORD}?edit={edit}").text
    assert api.post(f"{UI}{place}{RECORD}?edit={edit}", data={"-do": "undo"}).status_code == 410
