"""Narvar over HTTP: items with their variants, stock and options, and errors."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mockserver.data.catalog.catalog import SeededCatalog

ITEMS = "/exchanges/inventory"
PATH = f"{ITEMS}/9999"
HEADERS = {"Authorization": "Basic ZGVtbzpkZW1v"}
HOST = {"Host": "narvar.example"}
ALLOW = "GET, HEAD, OPTIONS"
FIRST = 5188667
CATALOG = SeededCatalog(42, 99)
ROW = [
    "variant_id", "title", "location_id", "exchange_eligibility", "available_quantity", "stock_quantity",
    "item_image", "attributes",
]  # fmt: skip
ATTRIBUTES = ["price", "currency", "weight", "uom", "size", "color", "material"]
OPTIONS = ["size", "color", "material"]


@pytest.fixture
def api(client: httpx.Client) -> httpx.Client:
    client.headers.update(HEADERS)
    return client


def item(api: httpx.Client, number: int | str, **query: str) -> dict[str, Any]:
    response = api.get(f"{ITEMS}/{number}", params=query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert (list(body), body["id"]) == (["id", "inventory", "options"], str(number))
    return body


def generated(api: httpx.Client) -> Iterator[dict[str, Any]]:
    """Yield all generated items."""
    return (item(api, FIRST + number) for number in range(CATALOG.product_count))


def options_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the expected options for these rows, with each value once, in order."""
    values = {code: list(dict.fromkeys(row["attributes"][code] for row in rows)) for code in OPTIONS}
    return [{"title": code.title(), "code": code, "values": values[code]} for code in OPTIONS if rows]


def failure(response: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and text of an error, after checking the form of the body."""
    body = response.json()
    (message,) = body["messages"]
    assert (list(body), list(message)) == (["status", "messages"], ["level", "code", "message"])
    assert (body["status"], message["level"]) == ("FAILURE", "ERROR")
    return response.status_code, message["code"], message["message"]


NO_ITEM = (404, "NOT_FOUND", "Item not found")
NO_PATH = (404, "NOT_FOUND", "Resource not found")
UNAUTHORIZED = (401, "UNAUTHORIZED", "Authentication failed")


def basic(text: bytes) -> str:
    return f"Basic {base64.b64encode(text).decode()}"


@pytest.mark.parametrize("authorization", [
    None, "", "Basic", "demo", "demo:demo", "Bearer demo", "Bearer ZGVtbzpkZW1v", "BasicZGVtbzpkZW1v",
    basic(b"demo"), basic(b"other:demo"), basic(b":demo"), basic(b"DEMO:demo"), basic(b" demo:demo"),
    basic(b"\xff\xfe:demo"), "Basic ZGVtbzpkZW1", "Basic !!!!", "Basic ZGVt bzpkZW1v",
    "Basic ZGVtbzpkZW1v,", "Basic ====",
])  # fmt: skip
def test_malformed_basic_credential_is_refused(client: httpx.Client, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in (PATH, f"{ITEMS}/1", f"{PATH}?retailer=other"):
        assert failure(client.get(path, headers=headers)) == UNAUTHORIZED


@pytest.mark.parametrize("authorization", [
    "basic ZGVtbzpkZW1v", "BASIC ZGVtbzpkZW1v", basic(b"demo:"), basic(b"demo:any"), basic(b"demo:a:b"),
    basic("demo:pässword".encode()),
])  # fmt: skip
def test_password_and_case_of_scheme_are_ignored(client: httpx.Client, authorization: str) -> None:
    response = client.get(PATH, headers={"Authorization": authorization})
    assert (response.status_code, response.json()["id"]) == (200, "9999")


def test_sandboxes_have_the_same_items(
    api: httpx.Client, new_client: Callable[..., httpx.Client], sandbox: str
) -> None:
    other = new_client(auth=(f"sbx_{sandbox}-other", "x"))
    for path in (PATH, f"{ITEMS}/{FIRST}"):
        assert api.get(path).content == other.get(path).content


@pytest.mark.parametrize("query", [
    {}, {"item_id": "5188667"}, {"item_id": ""}, {"item_id": "9999"}, {"location": "134567"},
    {"retailer": "peninsula"}, {"location": "134567", "retailer": "peninsula", "item_id": "1"}, {"x": "y"},
])  # fmt: skip
def test_item_id_in_the_query_is_ignored(api: httpx.Client, query: dict[str, str]) -> None:
    assert api.get(PATH, params=query).content == api.get(PATH).content


def test_documented_item_keeps_its_oddities(api: httpx.Client) -> None:
    body = item(api, 9999)
    assert [row["exchange_eligibility"] for row in body["inventory"]] == ["true"] * 3
    assert {row["attributes"]["size"] for row in body["inventory"]} == {"10", "20"}
    assert body["options"][0] == {"title": "Size", "code": "size", "values": ["10", "20", "30"]}


@pytest.mark.parametrize("number", [9999, FIRST, FIRST + 3])
@pytest.mark.parametrize("location", ["1", "13456", "6719913", "zürich", "6719910,6719911"])
def test_unknown_location_has_no_inventory(api: httpx.Client, number: int, location: str) -> None:
    assert item(api, number, location=location)["inventory"] == []


@pytest.mark.parametrize("retailer", ["other", "Peninsula", "peninsula ", "*"])
@pytest.mark.parametrize("location", [{}, {"location": "134567"}, {"location": "1"}])
def test_item_of_another_retailer_is_not_found(
    api: httpx.Client, retailer: str, location: dict[str, str]
) -> None:
    assert failure(api.get(PATH, params={"retailer": retailer, **location})) == NO_ITEM


@pytest.mark.parametrize("number", [0, 1, 2, 3, CATALOG.product_count - 1])
def test_retailer_of_an_item_is_its_brand_or_peninsula(api: httpx.Client, number: int) -> None:
    brand = CATALOG.product(number).brand.lower()
    retailer, other = (brand, "peninsula") if number % 2 else ("peninsula", brand)
    assert item(api, FIRST + number, retailer=retailer) == item(api, FIRST + number)
    assert failure(api.get(f"{ITEMS}/{FIRST + number}", params={"retailer": other})) == NO_ITEM


def test_first_generated_item_is_found_by_the_documented_parameters(api: httpx.Client) -> None:
    everywhere = item(api, "5188667")
    there = item(api, "5188667", location="6719910", retailer="peninsula")
    assert there["inventory"] == [row for row in everywhere["inventory"] if row["location_id"] == "6719910"]
    assert 0 < len(there["inventory"]) < len(everywhere["inventory"])


@pytest.mark.parametrize("number", [
    FIRST + CATALOG.product_count, FIRST - 1, 0, 1, 99990, "09999", "05188667", "5188667.0", "+5188667",
    "%209999", "9999%20", "9999%00", "%EF%BC%99999", "abc", "-1", "1" * 40, "%2e%2e", "9999%2F",
    "%FF", "null",
])  # fmt: skip
def test_malformed_item_id_is_not_found(api: httpx.Client, number: int | str) -> None:
    assert failure(api.get(f"{ITEMS}/{number}")) == NO_ITEM


def test_items_have_one_row_per_variant_and_location(api: httpx.Client) -> None:
    bodies = list(generated(api))
    assert len(bodies) == 40
    for number, body in enumerate(bodies):
        product = CATALOG.product(number)
        expected = [
            (f"{one.color} {product.name}", str(6719909 + location.number), max(quantity, 0), one.size,
             one.color, str(one.price), str(one.weight), product.material)
            for one in product.variants for location, quantity in one.stock
        ]  # fmt: skip
        returned = [
            (row["title"], row["location_id"], row["available_quantity"],
             *(row["attributes"][name] for name in ("size", "color", "price", "weight", "material")))
            for row in body["inventory"]
        ]  # fmt: skip
        assert returned == expected
        assert len({row["variant_id"] for row in body["inventory"]}) == len(product.variants)
    rows = [row for body in bodies for row in body["inventory"]]
    assert len({row["variant_id"] for row in rows}) == 99


def test_rows_have_the_documented_keys_and_types(api: httpx.Client) -> None:
    sold_out = 0
    for body in generated(api):
        for row in body["inventory"]:
            assert (list(row), list(row["attributes"])) == ([*ROW, "sku", "price"], ATTRIBUTES)
            assert row["price"] == row["attributes"]["price"]
            assert type(row["available_quantity"]) is int
            assert row["exchange_eligibility"] is (row["available_quantity"] > 0)
            assert re.fullmatch(r"\d+ \d+", f"{row['variant_id']} {row['location_id']}")
            assert all(type(value) is str for value in row["attributes"].values())
            sold_out += row["available_quantity"] == 0
    assert sold_out


def test_skus_come_from_the_catalog(api: httpx.Client) -> None:
    returned = {row["sku"] for body in generated(api) for row in body["inventory"]}
    assert returned == {SeededCatalog(42, 99).variant(number)[1].sku for number in range(99)}


def test_price_and_weight_are_strings_with_two_decimals(api: httpx.Client) -> None:
    for body in (item(api, 9999), *generated(api)):
        for row in body["inventory"]:
            for name in ("price", "weight"):
                assert re.fullmatch(r"\d+\.\d\d", row["attributes"][name])


def test_each_option_lists_its_values_once_and_in_order(api: httpx.Client) -> None:
    most_values = 0
    for body in generated(api):
        assert body["options"] == options_of(body["inventory"])
        most_values = max(most_values, len(body["options"][0]["values"]))
    assert most_values > 1


def test_options_cover_only_the_rows_returned(api: httpx.Client) -> None:
    narrowed = 0
    for body in (item(api, FIRST + number) for number in range(8)):
        for location in ("6719910", "6719911", "6719912"):
            there = item(api, body["id"], location=location)
            assert there["inventory"] == [r for r in body["inventory"] if r["location_id"] == location]
            assert there["options"] == options_of(there["inventory"])
            narrowed += there["options"] != body["options"]
    assert narrowed


def test_every_option_is_an_attribute_of_every_variant(api: httpx.Client) -> None:
    for body in (item(api, 9999), *generated(api)):
        for option in body["options"]:
            assert list(option) == ["title", "code", "values"]
            for row in body["inventory"]:
                assert row["attributes"][option["code"]] in option["values"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_405_has_an_allow_header(client: httpx.Client, method: str) -> None:
    response = client.request(method, PATH)
    assert failure(response) == (405, "METHOD_NOT_ALLOWED", "Method not allowed")
    assert response.headers["allow"] == ALLOW


@pytest.mark.parametrize(("target", "headers"), [
    ("/", HOST), (f"{PATH}/", HOST), (f"/narvar{PATH}", HOST), ("/products/inventory", HOST), (ITEMS, {}),
    (f"{ITEMS}/", {}), (f"{PATH}/", {}), (f"/narvar{PATH}/", {}), ("/narvar", {}), ("/narvar/stock", {}),
])  # fmt: skip
def test_unknown_path_is_not_found(client: httpx.Client, target: str, headers: dict[str, str]) -> None:
    assert failure(client.get(target, headers=headers)) == NO_PATH


@pytest.mark.parametrize("headers", [HEADERS, {}], ids=["accepted", "refused"])
def test_head_is_get_without_a_body(client: httpx.Client, headers: dict[str, str]) -> None:
    got, head = (client.request(method, PATH, headers=headers) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    assert int(head.headers["content-length"]) == len(got.content)


def test_cors_allows_any_origin(api: httpx.Client) -> None:
    origin = {"Origin": "https://app.example"}
    preflight_headers = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    plain, preflight = api.options(PATH), api.options(PATH, headers=origin | preflight_headers)
    assert (plain.status_code, plain.headers["allow"], plain.content) == (204, ALLOW, b"")
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert preflight.headers["access-control-allow-methods"] == "GET"
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    for target in (PATH, f"{ITEMS}/1"):
        assert api.get(target, headers=origin).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in api.get(PATH).headers
