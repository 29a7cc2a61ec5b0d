"""Sabi Trace's list of products over HTTP: every filter alone and in pairs, paging and errors."""

import re
import subprocess
from collections import namedtuple
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from itertools import combinations
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.data.catalog.catalog import SeededCatalog
from mockserver.server.server import serving
from tests.conftest import decimals, exact, needs_curl

PATH = "/api/v1/products"
IDS = {"tenantId": "TEN123", "userId": "USR456", "countryCode": "US"}
HEADERS = {"Authorization": "Bearer demo", **IDS}
HOST = {"Host": "sabi.example"}
ALLOW = "GET, HEAD, OPTIONS, POST"
INCORRECT = "Incorrect or incomplete query parameters."
ORDER_TEXT = "order must be one of ASC, DESC"
ACTIVE_TEXT = "productActive must be one of 0, 1"
NOT_FOUND = (404, "No products found based on the provided criteria.", [])
PAGE_QUERY = (
    "productSearch=apple&productDateRange=2020-11-12,2022-11-15&productLowStock=10&productQuantity=50&"
    "productByProductTypeIds=123,124&productIds=1001,1002&productActive=1&byStates=California&"
    "byCities=San Francisco&byBusinessIds=BIZ123&order=ASC&page=1&limit=10"
)
TOTALS = ("totalItems", "totalPages", "currentPage")
KEYS = [
    "productId", "name", "description", "quantity", "costPrice", "sellingPrice", "currencyCode",
    "isActive", "businessId", "productTypeId", "stockLevel", "photoUrl",
]  # fmt: skip

Expected = namedtuple("Expected", "id text quantity free kind active state city business day price")
"""The fields of a product that filters use. `text` is in lower case."""


@cache
def expected_products() -> tuple[Expected, ...]:
    """Return all products of the default server: the documented one, then one for each variant."""
    text = "organic apple fresh organic apples from sustainable orchards."
    location, catalog = ("California", "San Francisco"), SeededCatalog(42, 99)
    rows = [Expected("1001", text, 50, 8, "123", True, *location, "BIZ123", "2021-06-15", Decimal("1.00"))]
    for product, variant in map(catalog.variant, range(99)):
        name = f"{variant.size_name} {variant.color} {product.name} {product.description}"
        count = sum(max(quantity, 0) for _, quantity in variant.stock)
        rows.append(Expected(
            str(1002 + variant.number), name.lower(), count, count, str(123 + product.kind_number),
            product.active, product.state, product.city, f"BIZ{product.brand[:3].upper()}",
            product.created.date().isoformat(), variant.price,
        ))  # fmt: skip
    return tuple(rows)


Filter = tuple[str, str]
FILTERS: dict[Filter, Callable[[Expected], bool]] = {
    ("productSearch", "ORGANIC"): lambda one: "organic" in one.text,
    ("productSearch", "jeans, apple"): lambda one: "jeans" in one.text or "apple" in one.text,
    ("productDateRange", "2020-11-12,2022-11-15"): lambda one: "2020-11-12" <= one.day <= "2022-11-15",
    ("productDateRange", "2021-06-15,2022-03-30"): lambda one: "2021-06-15" <= one.day <= "2022-03-30",
    ("productDateRange", "2021-06-15,2021-06-15"): lambda one: one.day == "2021-06-15",
    ("productLowStock", "10"): lambda one: one.free <= 10,
    ("productQuantity", "50"): lambda one: one.quantity >= 50,
    ("productByProductTypeIds", "123,124"): lambda one: one.kind in ("123", "124"),
    ("productIds", "1100,1001,1002,1001,5"): lambda one: one.id in ("1001", "1002", "1100"),
    ("productActive", "1"): lambda one: one.active,
    ("productActive", "0"): lambda one: not one.active,
    ("byStates", "california"): lambda one: one.state == "California",
    ("byStates", "California,New Mexico"): lambda one: one.state in ("California", "New Mexico"),
    ("byCities", "San Francisco,West Jeremy"): lambda one: one.city in ("San Francisco", "West Jeremy"),
    ("byBusinessIds", "BIZ123,BIZMOR"): lambda one: one.business in ("BIZ123", "BIZMOR"),
}
PAIRS = [(one, two) for one, two in combinations(FILTERS, 2) if one[0] != two[0]]


@pytest.fixture
def api(client: httpx.Client) -> httpx.Client:
    client.headers.update(HEADERS)
    return client


def found_ids(api: httpx.Client, **query: Any) -> list[str]:
    """Return the ids of the matching products, in order. Return an empty list for a 404."""
    response = api.get(PATH, params={"limit": 100, **query})
    if response.status_code == 404:
        assert failure(response) == NOT_FOUND
        return []
    body = response.json()
    assert [body[name] for name in TOTALS] == [len(body["products"]), 1, 1]
    return [product["productId"] for product in body["products"]]


def failure(response: httpx.Response) -> tuple[int, str, list[str]]:
    """Return status, message and error list of a refusal, after checking the form of the body."""
    body = response.json()
    assert list(body) == ["status", "statusCode", "message", "errors"]
    assert (body["status"], body["statusCode"]) == (False, response.status_code)
    return response.status_code, body["message"], body["errors"]


@pytest.mark.parametrize(("name", "value"), FILTERS)
def test_filter_returns_exactly_the_matching_products(api: httpx.Client, name: str, value: str) -> None:
    expected = [one.id for one in expected_products() if FILTERS[name, value](one)]
    assert 0 < len(expected) < 100
    assert found_ids(api, **{name: value}) == expected


@pytest.mark.parametrize(("one", "two"), PAIRS, ids=lambda pair: "=".join(pair))
def test_two_filters_return_products_that_match_both(api: httpx.Client, one: Filter, two: Filter) -> None:
    expected = [item.id for item in expected_products() if FILTERS[one](item) and FILTERS[two](item)]
    assert found_ids(api, **dict([one, two])) == expected


@pytest.mark.parametrize("query", [f"{name}=" for name in (*dict(FILTERS), "order", "page")] + ["color=red"])
def test_empty_values_and_undeclared_names_are_ignored(api: httpx.Client, query: str) -> None:
    assert found_ids(api, **dict([query.split("=")])) == [one.id for one in expected_products()]


@pytest.mark.parametrize("query", [
    "productSearch=nothing,none", "productIds=0,5,1102", "productIds=01001", "byCities=San", "byStates=Calif",
    "productByProductTypeIds=12", "productDateRange=1999-01-01,2019-12-31", "productQuantity=100000",
])  # fmt: skip
def test_no_match_is_a_404(api: httpx.Client, query: str) -> None:
    assert failure(api.get(f"{PATH}?{query}")) == NOT_FOUND


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize("quantity", [0, 50])
@pytest.mark.parametrize("limit", [1, 3, 7, 10, 99, 100])
def test_pages_in_either_order_cover_the_list_once(
    api: httpx.Client, limit: int, quantity: int, order: str
) -> None:
    query, seen = {"productQuantity": quantity, "order": order, "limit": limit}, []
    ascending = [one.id for one in expected_products() if one.quantity >= quantity]
    expected = ascending if order == "ASC" else ascending[::-1]
    pages = (len(expected) + limit - 1) // limit
    for number in range(1, pages + 1):
        body = api.get(PATH, params={**query, "page": number}).json()
        assert [body[name] for name in TOTALS] == [len(expected), pages, number]
        seen += [product["productId"] for product in body["products"]]
    assert seen == expected == sorted(expected, key=int, reverse=order == "DESC")
    for number in (pages + 1, 10**20):
        assert failure(api.get(PATH, params={**query, "page": number})) == NOT_FOUND


def test_page_holds_at_most_100_products() -> None:
    with serving(app.build(products=101, names=["sabi"]).application) as url:
        body = httpx.get(f"{url}{PATH}?limit=1000", headers=HEADERS).json()
    assert (len(body["products"]), body["totalItems"], body["totalPages"]) == (100, 101, 2)


@pytest.mark.parametrize(("query", "size", "pages"), [
    ({}, 10, 10), ({"limit": 100}, 100, 1), ({"limit": 101}, 100, 1), ({"limit": 10**20}, 100, 1),
    ({"limit": 99}, 99, 2), ({"page": 10}, 10, 10),
])  # fmt: skip
def test_page_size_is_10_by_default(api: httpx.Client, query: dict[str, int], size: int, pages: int) -> None:
    body = api.get(PATH, params=query).json()
    assert (len(body["products"]), body["totalItems"], body["totalPages"]) == (size, 100, pages)


@pytest.mark.parametrize(("query", "texts"), [
    *((f"{name}={few}", [f"{name} must not be less than {few + 1}"]) for name, few in (
        ("page", 0), ("limit", 0), ("productLowStock", -1), ("productQuantity", -1))),
    ("page=-3", ["page must not be less than 1"]), ("productSearch=%FF", []),
    *((f"{name}={text}", [f"{name} must be of type integer"])
      for name in ("page", "limit", "productLowStock", "productQuantity") for text in ("x", "1.5", "%D9%A1")),
    *((f"order={order}", [ORDER_TEXT]) for order in ("asc", "up", "ASC,DESC")),
    *((f"productActive={active}", [ACTIVE_TEXT]) for active in (2, -1, 10)),
    ("productActive=true", ["productActive must be of type integer"]),
    ("limit=0&page=x&order=up",
     [ORDER_TEXT, "page must be of type integer", "limit must not be less than 1"]),
    ("productDateRange=2022-11-15,2020-11-12", ["The first date must be lower than the second date."]),
    *((f"productDateRange={days}", ["productDateRange must be two dates, start_date,end_date"]) for days in (
        "2022-02-30,2022-03-01", "2022-01-01,2021-02-29", "2022-13-01,2023-01-01", "2022-01-01", "a,b",
        "2022-01-01,", ",2022-01-01", "2022-01-01,2022-01-02,2022-01-03", "20201112,20221115",
        "2020-W01-1,2022-W52-7", "01/02/2022,02/02/2022",
    )),
])  # fmt: skip
def test_error_names_the_invalid_parameter(api: httpx.Client, query: str, texts: list[str]) -> None:
    assert failure(api.get(f"{PATH}?{query}")) == (400, INCORRECT, texts)


def test_products_have_the_documented_keys_and_types(api: httpx.Client) -> None:
    text = api.get(PATH, params={"limit": 100}).text
    assert all([name for name, _ in product] == KEYS for product in dict(exact(text))["products"])
    assert len(re.findall(r'"costPrice":\d+\.\d\d,"sellingPrice":\d+\.\d\d,', text)) == 100
    for one, product in zip(expected_products(), decimals(text)["products"], strict=True):
        assert (product["productId"], product["quantity"]) == (one.id, one.quantity)
        assert (product["isActive"], product["currencyCode"]) == (one.active, "USD")
        assert (product["businessId"], product["productTypeId"]) == (one.business, one.kind)
        assert f"{product['name']} {product['description']}".lower() == one.text
        assert 0 < product["costPrice"] < product["sellingPrice"] == one.price
        assert product["stockLevel"] == ("Low" if one.free <= 10 else "Medium" if one.free <= 100 else "High")


@pytest.mark.parametrize("headers", [{}, *({"Authorization": text} for text in ("", "demo", "Bearer x"))])
def test_token_is_checked_first(client: httpx.Client, headers: dict[str, str]) -> None:
    for query in ("", "?limit=0"):
        assert failure(client.get(PATH + query, headers=headers)) == (401, "Unauthorized", [])


@pytest.mark.parametrize("name", IDS)
def test_every_id_header_is_required(client: httpx.Client, name: str) -> None:
    headers = {key.upper(): value for key, value in HEADERS.items() if key != name}
    assert failure(client.get(PATH, headers=headers)) == (400, INCORRECT, [f"{name} is required"])
    empty = client.get(PATH, headers={**headers, name: ""})
    assert failure(empty) == (400, INCORRECT, [f"{name} should not be empty"])
    assert client.get(PATH, headers={**headers, name: "x"}).status_code == 200


@needs_curl
@pytest.mark.parametrize("space", ["as printed", "+", "%20"])
def test_documented_curl_gets_the_documented_response(server_url: str, sandbox: str, space: str) -> None:
    query = PAGE_QUERY if space == "as printed" else PAGE_QUERY.replace(" ", space)
    headers = "\n".join(f"{name}: {value}" for name, value in {**HEADERS, "X-Mock-Sandbox": sandbox}.items())
    command = ["curl", "-q", "-sS", "--noproxy", "*", "-G", f"{server_url}{PATH}", "-H", "@-"]
    command += [word for part in query.split("&") for word in ("-d", part)]
    run = subprocess.run(command, input=headers, capture_output=True, text=True, timeout=30)
    if space == "as printed" and run.returncode == 3:
        pytest.skip(f"this curl refuses the space in the documented URL: {run.stderr.strip()}")
    body = decimals(run.stdout)
    assert [product["name"] for product in body["products"]] == ["Organic Apple"]
    assert [body[name] for name in TOTALS] == [100, 10, 1]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_405_has_an_allow_header(client: httpx.Client, method: str) -> None:
    response = client.request(method, PATH)
    assert (response.headers["allow"], failure(response)) == (ALLOW, (405, "Method Not Allowed", []))


@pytest.mark.parametrize(("target", "headers"), [
    ("/", HOST), (f"{PATH}/", HOST), (f"/sabi{PATH}", HOST), ("/products/inventory", HOST), (f"{PATH}/", {}),
    (f"/sabi{PATH}/", {}), ("/sabi", {}), ("/sabi/api/v1/stock", {}), (f"{PATH}/1001/photos", {}),
])  # fmt: skip
def test_unknown_path_is_not_found(client: httpx.Client, target: str, headers: dict[str, str]) -> None:
    assert failure(client.get(target, headers=headers)) == (404, "Not Found", [])


@pytest.mark.parametrize("headers", [HEADERS, {}], ids=["accepted", "refused"])
def test_head_is_get_without_a_body(client: httpx.Client, headers: dict[str, str]) -> None:
    got, head = (client.request(method, PATH, headers=headers) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


def test_cors_allows_any_origin(api: httpx.Client) -> None:
    origin = {"Origin": "https://app.example"}
    preflight_headers = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "tenantid,userid",
    }
    plain, preflight = api.options(PATH), api.options(PATH, headers=origin | preflight_headers)
    assert (plain.status_code, plain.headers["allow"], plain.content) == (204, ALLOW, b"")
    allowed = [preflight.headers[f"access-control-allow-{name}"] for name in ("origin", "methods", "headers")]
    assert allowed == ["*", "GET", "tenantid,userid"]
    for target in (PATH, f"{PATH}?page=0"):
        assert api.get(target, headers=origin).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in api.get(PATH).headers
