"""HighLevel's inventory list over HTTP: search, paging and errors."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mockserver.data.catalog.catalog import SeededCatalog
from tests.conftest import exact

PATH = "/products/inventory"
ALT_ID = "6578278e879ad2646715ba9c"
HEADERS = {"Authorization": "Bearer demo", "Version": "2021-07-28"}
HOST = {"Host": "services.leadconnectorhq.com"}
ALLOW = "GET, HEAD, OPTIONS, POST"
KEYS = [
    "_id", "name", "availableQuantity", "sku", "allowOutOfStockPurchases", "product", "updatedAt",
    "image", "productName",
]  # fmt: skip
NOT_A_NUMBER = "{} must be a number conforming to the specified constraints"
UNDECLARED = "property {} should not exist"
NEGATIVE = "{} must not be less than 0"
ENUM = "altType must be a valid enum value"


@pytest.fixture
def api(client: httpx.Client) -> httpx.Client:
    client.headers.update(HEADERS)
    return client


def get_list(api: httpx.Client, *, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
    return api.get(PATH, params={"altId": ALT_ID, **query}, headers=headers)


def listed(api: httpx.Client, **query: Any) -> tuple[list[dict[str, Any]], int]:
    """Return the items and the total of a successful answer, after checking the form of its body."""
    response = get_list(api, **query)
    assert response.status_code == 200, response.text
    body = response.json()
    assert (list(body), list(body["total"])) == (["inventory", "total"], ["total"])
    return body["inventory"], body["total"]["total"]


def violations(response: httpx.Response) -> list[str]:
    """Return the messages of a 422 answer, after checking the form of its body."""
    assert response.status_code == 422, response.text
    body = response.json()
    assert list(body) == ["message", "error", "statusCode", "traceId"]
    assert (body["error"], body["statusCode"]) == ("Unprocessable Entity", 422)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body["traceId"])
    return list(body["message"])


@pytest.mark.parametrize(("headers", "status", "message"), [
    ({}, 401, "version header was not found."),
    ({"Authorization": "Bearer demo"}, 401, "version header was not found."),
    ({"Authorization": "Bearer demo", "Version": ""}, 401, "version header is invalid"),
    ({"Version": "V3"}, 401, "version header is invalid"),
    ({"Version": "v3"}, 401, "No Authorization header found for authentication!"),
    ({"Version": "v3", "Authorization": "Bearer nonsense"}, 401, "Invalid JWT"),
    ({"Version": "v3", "Authorization": "Bearer demo"}, 422, [UNDECLARED.format("x"), ENUM]),
])  # fmt: skip
def test_version_is_checked_first_then_credential_then_query(
    client: httpx.Client, headers: dict[str, str], status: int, message: str | list[str]
) -> None:
    response = get_list(client, x=1, altType="agency", headers=headers)
    assert (response.status_code, response.json()["message"]) == (status, message)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("name", ["Version", "version", "VERSION"])
@pytest.mark.parametrize("version", ["2021-04-15", "2021-07-28", "2023-02-21", "v3"])
def test_every_known_version_is_accepted(client: httpx.Client, scheme: str, name: str, version: str) -> None:
    response = get_list(client, headers={"AUTHORIZATION": f"{scheme} demo", name: version})
    assert response.status_code == 200
    assert response.content == get_list(client, headers=HEADERS).content


@pytest.mark.parametrize(
    "authorization", ["demo", "Bearer", "Bearer DEMO", "Bearer demo demo", "Basic ZGVtbzpkZW1v"]
)
def test_malformed_bearer_token_is_an_invalid_jwt(client: httpx.Client, authorization: str) -> None:
    response = client.get(PATH, headers={"Version": "v3", "Authorization": authorization})
    assert (response.status_code, response.json()) == (401, {"statusCode": 401, "message": "Invalid JWT"})


def test_empty_authorization_header_counts_as_missing(client: httpx.Client) -> None:
    response = client.get(PATH, headers={"Version": "v3", "Authorization": ""})
    assert response.json()["message"] == "No Authorization header found for authentication!"


def test_list_begins_with_the_documented_item(api: httpx.Client) -> None:
    items, total = listed(api)
    catalog = SeededCatalog(42, 99)
    assert total == len(items) == 100
    assert items[0]["_id"] == "6241712be68f7a98102ba272"
    for number, item in enumerate(items[1:]):
        product, variant = catalog.variant(number)
        assert (item["_id"], item["product"]) == (variant.object_id, product.object_id)
        assert item["name"] == f"{variant.size_name} {variant.color} {product.kind}"
        assert item["availableQuantity"] == sum(quantity for _, quantity in variant.stock)
        assert (item["sku"], item["productName"]) == (variant.sku, product.name)
        assert item["allowOutOfStockPurchases"] is variant.backorder


def test_items_have_the_documented_keys_types_and_formats(api: httpx.Client) -> None:
    body = dict(exact(get_list(api).text))
    for pairs in body["inventory"]:
        assert [name for name, _ in pairs] == KEYS
        item = dict(pairs)
        assert type(item["availableQuantity"]) is int
        assert type(item["allowOutOfStockPurchases"]) is bool
        assert re.fullmatch("[0-9a-f]{24}", item["_id"])
        assert re.fullmatch("[0-9a-f]{24}", item["product"])
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", item["updatedAt"])
        assert all(type(item[name]) is str and item[name] for name in ("name", "sku", "image", "productName"))
    assert len({dict(pairs)["_id"] for pairs in body["inventory"]}) == 100


@pytest.mark.parametrize("limit", [1, 7, 20, 99, 100, 1000])
@pytest.mark.parametrize("search", ["", "jeans"])
def test_pages_of_any_size_cover_the_list_once(api: httpx.Client, limit: int, search: str) -> None:
    all_items, count = listed(api, search=search)
    assert len(all_items) == count == (13 if search else 100)
    paged: list[dict[str, Any]] = []
    for offset in range(0, count, limit):
        page, total = listed(api, search=search, limit=limit, offset=offset)
        assert total == count
        assert len(page) == min(limit, count - offset)
        paged += page
    assert paged == all_items


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "0.0"}, {"limit": 0, "offset": 40}])
def test_limit_0_means_no_limit(api: httpx.Client, query: dict[str, Any]) -> None:
    all_items, _ = listed(api)
    assert listed(api, **query) == (all_items[query.get("offset", 0) :], 100)


@pytest.mark.parametrize("offset", [100, 101, 10**9, 10**25])
@pytest.mark.parametrize("limit", [{}, {"limit": 0}, {"limit": 20}])
def test_offset_past_the_end_gives_an_empty_page(
    api: httpx.Client, offset: int, limit: dict[str, int]
) -> None:
    assert listed(api, offset=offset, **limit) == ([], 100)


@pytest.mark.parametrize("number", ["20.0", "20.000", "2e1", "020"])
def test_whole_number_is_accepted_in_any_notation(api: httpx.Client, number: str) -> None:
    all_items, _ = listed(api)
    assert listed(api, limit=number, offset=number) == (all_items[20:40], 100)


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize(("value", "message"), [
    ("-1", NEGATIVE),
    ("1.5", "{} must be an integer number"),
    *((bad, NOT_A_NUMBER) for bad in ("", "abc", "1e400", "NaN", "Infinity", "1,5", "\u0661\u0662")),
    *((bad, NOT_A_NUMBER) for bad in (["1", "2"], ["1", "1"])),
], ids=repr)  # fmt: skip
def test_invalid_number_is_unprocessable(api: httpx.Client, name: str, value: Any, message: str) -> None:
    assert violations(get_list(api, **{name: value})) == [message.format(name)]


@pytest.mark.parametrize(("query", "messages"), [
    ("altId=", ["altId should not be empty"]),
    ("altId=a&altId=b", ["altId must be a string"]),
    ("altType=location", ["altId must be a string", "altId should not be empty"]),
    ("altId=a&altType=agency", [ENUM]),
    ("altId=a&altType=Location", [ENUM]),
    ("altId=a&altType=", [ENUM, "altType should not be empty"]),
    ("altId=a&altType=location&altType=location", [ENUM]),
    ("altId=a&search=x&search=y", ["search must be a string"]),
    ("altId=a&locationId=a", [UNDECLARED.format("locationId")]),
    ("altId=a&Limit=1", [UNDECLARED.format("Limit")]),
    ("altId=a&z=1&y=", [UNDECLARED.format("z"), UNDECLARED.format("y")]),
    ("z=1&limit=-1&altId=", [UNDECLARED.format("z"), NEGATIVE.format("limit"), "altId should not be empty"]),
])  # fmt: skip
def test_every_violation_of_the_query_is_listed(api: httpx.Client, query: str, messages: list[str]) -> None:
    assert violations(api.get(f"{PATH}?{query}")) == messages


@pytest.mark.parametrize("same", [{"altType": "location"}, {"search": ""}, {"altId": "Zürich"}])
def test_every_location_has_the_whole_list(api: httpx.Client, same: dict[str, str]) -> None:
    assert get_list(api, **same).content == get_list(api).content


@pytest.mark.parametrize(("search", "field"), [
    ("eXTRA lARGE bLACK", "name"), ("BURKE", "productName"), ("tshirt-med-001", "sku"), ("GRÖßE-", "sku"),
    ("größe-", "sku"), ("100% mar", "sku"), ("%", "sku"), ("+", "sku"), ("/m-", "sku"), (".yel.", "sku"),
])  # fmt: skip
def test_search_covers_names_and_sku_ignoring_case(api: httpx.Client, search: str, field: str) -> None:
    all_items, _ = listed(api)
    expected = [item for item in all_items if search.lower() in item[field].lower()]
    assert 0 < len(expected) < 20
    assert listed(api, search=search) == (expected, len(expected))


@pytest.mark.parametrize("search", ["nothing", ".*", "[a-z", "(", "\\", "^T", "__", "\0", "商品", "&", "#"])
def test_search_without_matches_gives_an_empty_list(api: httpx.Client, search: str) -> None:
    assert listed(api, search=search) == ([], 0)


def test_sandboxes_have_the_same_items_but_different_trace_ids(
    api: httpx.Client, new_client: Callable[..., httpx.Client], sandbox: str
) -> None:
    other = new_client(headers={"Version": "v3", "Authorization": f"Bearer sbx_{sandbox}-other"})
    assert get_list(api).content == get_list(other).content
    answers = [api.get(PATH), other.get(PATH), api.get(PATH), other.get(PATH)]
    assert len({answer.json()["traceId"] for answer in answers}) == 4


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_405_has_an_allow_header(client: httpx.Client, method: str) -> None:
    response = client.request(method, f"{PATH}?a=b")
    assert (response.status_code, response.headers["allow"]) == (405, ALLOW)
    message = f"Cannot {method} {PATH}?a=b"
    assert response.json() == {"message": message, "error": "Method Not Allowed", "statusCode": 405}


@pytest.mark.parametrize(("target", "headers", "reported"), [
    ("/", HOST, "/"), ("/products/inventory/", HOST, "/products/inventory/"),
    ("/highlevel/products/inventory", HOST, "/highlevel/products/inventory"),
    ("/api/v1/products", HOST, "/api/v1/products"), ("/products/inventory/", {}, "/products/inventory/"),
    ("/highlevel/products/inventory/", {}, "/products/inventory/"),
    ("/highlevel/inventory/stock?a=b", {}, "/inventory/stock?a=b"),
])  # fmt: skip
def test_unknown_path_is_not_found(
    client: httpx.Client, target: str, headers: dict[str, str], reported: str
) -> None:
    response = client.get(target, headers=headers)
    assert response.status_code == 404
    assert response.json() == {"message": f"Cannot GET {reported}", "error": "Not Found", "statusCode": 404}


@pytest.mark.parametrize("headers", [HEADERS, {}], ids=["accepted", "refused"])
def test_head_is_get_without_a_body(client: httpx.Client, headers: dict[str, str]) -> None:
    got, head = (client.request(m, f"{PATH}?altId=a", headers=headers) for m in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    assert int(head.headers["content-length"]) == len(got.content)
    assert head.headers["content-type"] == "application/json; charset=utf-8"


def test_cors_allows_any_origin(api: httpx.Client) -> None:
    origin = {"Origin": "https://app.example"}
    preflight_headers = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "version"}
    plain, preflight = api.options(PATH), api.options(PATH, headers=origin | preflight_headers)
    assert (plain.status_code, plain.headers["allow"], plain.content) == (204, ALLOW, b"")
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert preflight.headers["access-control-allow-methods"] == "GET"
    assert preflight.headers["access-control-allow-headers"] == "version"
    for response in (get_list(api, headers=origin), api.get(PATH, headers=origin)):
        assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in get_list(api).headers
