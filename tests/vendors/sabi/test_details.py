"""One product of Sabi Trace over HTTP: read, created and changed; every write shows everywhere else."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mockserver.client import Sandbox
from mockserver.embedding.pytest_plugin.fixtures import RunningServer
from tests.conftest import decimals

PATH, PATH_V2 = "/api/v1/products", "/api/v2/products"
IDS = {"userId": "USR456", "tenantId": "TEN123", "countryCode": "US"}
HEADERS = {"Authorization": "Bearer demo", **IDS}
INCORRECT, UNKNOWN = "Incorrect or incomplete parameters.", "Product not found."
PHOTOS = ["http://a.example/1", "http://a.example/2"]
PEAR = {
    "name": "Organic Pear", "state": "Oregon", "city": "Portland", "photos": PHOTOS,
    "description": "Crisp.", "quantity": 20, "costPrice": 0.75, "sellingPrice": 1.25, "currencyCode": "USD",
    "businessId": "BIZPEAR", "productTypeId": "900",
    "productTypeDetail": {"category": "Fruit", "labels": ["ripe"]},
}  # fmt: skip
REQUIRED = ("name", "quantity", "costPrice", "sellingPrice", "currencyCode", "businessId", "productTypeId")
DETAILS = [
    "productId", "name", "description", "quantity", "costPrice", "sellingPrice", "currencyCode", "photos",
    "businessId", "userId", "tenantId", "countryCode", "productTypeId", "productTypeDetail",
]  # fmt: skip


@pytest.fixture
def api(client: httpx.Client) -> httpx.Client:
    client.headers.update(HEADERS)
    return client


def rows(api: httpx.Client, **query: str) -> list[dict[str, Any]]:
    """Return the rows of the list that pass a filter."""
    response = api.get(PATH, params={"limit": "100", **query})
    return [] if response.status_code == 404 else response.json()["products"]


def details(api: httpx.Client, product_id: str) -> dict[str, Any]:
    response = api.get(f"{PATH}/{product_id}")
    assert response.status_code == 200
    assert list(response.json()) == DETAILS
    body: dict[str, Any] = response.json()
    return body


def created(api: httpx.Client, body: dict[str, Any], path: str = PATH) -> str:
    response = api.post(path, json=body)
    assert response.status_code == 201
    assert response.json().keys() == {"message", "productId"}
    product_id: str = response.json()["productId"]
    return product_id


def failure(response: httpx.Response) -> tuple[int, str, list[str]]:
    body = response.json()
    assert list(body) == ["status", "statusCode", "message", "errors"]
    assert (body["status"], body["statusCode"]) == (False, response.status_code)
    return response.status_code, body["message"], body["errors"]


@pytest.mark.parametrize("product_id", ["1001", "1002", "1100"])
def test_details_and_row_of_a_product_agree(api: httpx.Client, product_id: str) -> None:
    (row,), shown = rows(api, productIds=product_id), details(api, product_id)
    same = row.keys() & shown.keys()
    assert len(same) == 9
    assert {name: row[name] for name in same} == {name: shown[name] for name in same}
    assert shown["photos"] == [row["photoUrl"]]
    assert {name: shown[name] for name in IDS} == IDS


def test_created_product_is_in_the_list_and_in_its_details(api: httpx.Client) -> None:
    product_id = created(api, PEAR)
    assert len(product_id) == 24
    for query in (
        {"byBusinessIds": "BIZPEAR"}, {"productIds": product_id}, {"productSearch": "crisp"},
        {"byStates": "oregon", "byCities": "portland"},
        {"productByProductTypeIds": "900", "productActive": "1"},
    ):  # fmt: skip
        (row,) = rows(api, **query)
        expected = {"productId": product_id, "stockLevel": "Medium", "isActive": True, "photoUrl": PHOTOS[0]}
        assert row.items() >= expected.items()
    shown = {name: value for name, value in PEAR.items() if name not in ("state", "city")}
    assert details(api, product_id) == {"productId": product_id, **shown, **IDS}
    assert api.get(PATH).json()["totalItems"] == 101
    assert api.get(PATH, params={"order": "DESC"}).json()["products"][0]["productId"] == product_id


def test_ids_of_the_body_count_before_those_of_the_headers(api: httpx.Client) -> None:
    product_id = created(api, {**PEAR, "tenantId": "TEN9"})
    api.headers["userId"] = "USR9"
    assert details(api, product_id)["tenantId"] == "TEN9"
    assert details(api, created(api, PEAR))["userId"] == "USR9"


def test_each_product_gets_an_id_of_its_own(api: httpx.Client) -> None:
    body = {"productTypeIds": ["1", "2", "1"], "businessId": "BIZNEW"}
    response = api.post(f"{PATH}/batch", json=body)
    ids = response.json()["productIds"]
    assert (response.status_code, len({*ids, created(api, PEAR), created(api, PEAR)})) == (201, 5)
    assert [row["productTypeId"] for row in rows(api, byBusinessIds="BIZNEW")] == ["1", "2", "1"]


CHANGES: dict[str, tuple[Any, str]] = {  # a value, and the field of the row that shows it
    "name": ("Pear", "name"),
    "description": ("Soft.", "description"),
    "quantity": (0, "quantity"),
    "costPrice": (0.5, "costPrice"),
    "sellingPrice": (2, "sellingPrice"),
    "currencyCode": ("NGN", "currencyCode"),
    "businessId": ("BIZ9", "businessId"),
    "productTypeId": ("9", "productTypeId"),
}
HIDDEN: dict[str, Any] = {  # what only the details show
    "photos": [],
    "userId": "USR9",
    "tenantId": "TEN9",
    "countryCode": "NG",
    "productTypeDetail": {"category": "Oil", "labels": []},
}


@pytest.mark.parametrize("name", [*CHANGES, *HIDDEN])
def test_change_shows_in_list_and_details_and_leaves_the_rest(api: httpx.Client, name: str) -> None:
    value, field = CHANGES.get(name) or (HIDDEN[name], "")
    before, (row,) = details(api, "1002"), rows(api, productIds="1002")
    response = api.patch(f"{PATH}/1002", json={name: value})
    assert response.json() == {"message": "Product updated successfully.", "productId": "1002"}
    assert details(api, "1002") == {**before, name: value}
    expected = {**row, field: value} if field else row
    if name == "photos":
        expected = {**row, "photoUrl": ""}
    if name == "quantity":
        expected = {**expected, "stockLevel": "Low"}
    assert rows(api, productIds="1002") == [expected]


@pytest.mark.parametrize(("name", "value", "query"), [
    ("state", "Lagos", {"byStates": "lagos"}), ("city", "Ikeja", {"byCities": "ikeja"}),
    ("businessId", "BIZ9", {"byBusinessIds": "BIZ9"}),
    ("productTypeId", "9", {"productByProductTypeIds": "9"}),
    ("quantity", 999, {"productQuantity": "999"}),
])  # fmt: skip
def test_change_by_version_2_shows_in_filters(
    api: httpx.Client, name: str, value: object, query: dict[str, str]
) -> None:
    assert rows(api, **query) == []
    assert api.patch(f"{PATH_V2}/1050", json={name: value}).status_code == 200
    assert [row["productId"] for row in rows(api, **query)] == ["1050"]


def test_what_no_operation_shows_is_in_the_records(mock_sandbox: Sandbox, mockserver: RunningServer) -> None:
    access = mock_sandbox.vendors["sabi"]
    capacity = {"quantity": 10, "productUnitType": "Barrels", "frequency": "HOURS"}
    with httpx.Client(base_url=access.base_url, headers=dict(access.headers)) as api:
        change = {"productUnitType": "Barrels", "address": "1 Road", "deliveryCapacity": capacity}
        api.patch(f"{PATH_V2}/1001", json=change)
        batches = [{"localSeller": "S", "quantity": 3, "testCoverage": False}]
        url = f"{PATH}/1001/update-quantity/traceability"
        assert api.post(url, json={"quantity": 3, "batches": batches}).status_code == 201
        assert details(api, "1001")["quantity"] == 3
    kept = mock_sandbox.records("sabi", "details").get("1001")
    assert kept.items() >= {**change, "batches": batches}.items()


def test_product_added_or_deleted_by_the_control_api_is_everywhere(mock_sandbox: Sandbox) -> None:
    mock_sandbox.add_product(sku="LAMP-1", name="Lamp", price=12.5)
    (lamp,) = mock_sandbox.products(sku="LAMP-1")
    key = lamp.vendors["sabi"].key
    access = mock_sandbox.vendors["sabi"]
    with httpx.Client(base_url=access.base_url, headers=dict(access.headers)) as api:
        assert details(api, key)["name"] == "Lamp"
        assert api.patch(f"{PATH}/{key}", json={"quantity": 7}).status_code == 200
        assert rows(api, productIds=key)[0]["quantity"] == 7
        mock_sandbox.records("sabi", "products").delete(key)
        for response in (api.get(f"{PATH}/{key}"), api.patch(f"{PATH}/{key}", json={})):
            assert failure(response) == (404, UNKNOWN, [])


def test_record_that_a_shifting_page_loses_is_in_no_collection(mock_sandbox: Sandbox) -> None:
    access = mock_sandbox.vendors["sabi"]
    mock_sandbox.faults.add({"type": "page_shift", "change": "remove"}, times=1)
    with httpx.Client(base_url=access.base_url, headers=dict(access.headers)) as api:
        assert api.get(PATH).json()["products"][0]["productId"] == "1001"
        assert api.get(PATH).json()["products"][0]["productId"] == "1002"
        assert failure(api.get(f"{PATH}/1001"))[0] == 404
    for collection in ("products", "details"):
        assert "1001" not in mock_sandbox.records("sabi", collection)


def test_page_of_a_sandbox_is_not_changed_by_a_refused_call(api: httpx.Client) -> None:
    before = api.get(PATH, params={"limit": 100}).text
    for method, path, body in (
        ("POST", PATH, {**PEAR, "quantity": -1}),
        ("PATCH", f"{PATH}/1001", {"quantity": 1, "name": 5}),
        ("POST", f"{PATH}/batch", {"productTypeIds": [], "businessId": "B"}),
    ):
        assert api.request(method, path, json=body).status_code == 400
    assert api.get(PATH, params={"limit": 100}).text == before


@pytest.mark.parametrize("name", REQUIRED)
def test_field_that_the_list_needs_is_required(api: httpx.Client, name: str) -> None:
    body = {key: value for key, value in PEAR.items() if key != name}
    assert failure(api.post(PATH, json=body)) == (400, INCORRECT, [f"{name} is required"])


@pytest.mark.parametrize(("path", "body", "texts"), [
    (f"{PATH}/1001", {"quantity": "5"}, ["quantity must be of type integer"]),
    (f"{PATH}/1001", {"quantity": 1.5}, ["quantity must be of type integer"]),
    (f"{PATH}/1001", {"quantity": 10**10}, ["quantity must not be greater than 1000000000"]),
    (f"{PATH}/1001", {"sellingPrice": -1}, ["sellingPrice must not be less than 0"]),
    (f"{PATH}/1001", {"name": ""}, ["name should not be empty"]),
    (f"{PATH}/1001", {"photos": "x"}, ["photos must be of type array"]),
    (f"{PATH}/1001", {"photos": [1]}, ["photos.0 must be of type string"]),
    (f"{PATH}/1001", [], ["body must be of type object"]),
    (f"{PATH_V2}/1001", {"deliveryCapacity": {"quantity": "x"}},
     ["deliveryCapacity.quantity must be of type number"]),
])  # fmt: skip
def test_error_names_the_invalid_field(api: httpx.Client, path: str, body: object, texts: list[str]) -> None:
    assert failure(api.patch(path, json=body)) == (400, INCORRECT, texts)


@pytest.mark.parametrize(("ids", "text"), [
    ([], "productTypeIds must contain at least 1 elements"),
    (["1"] * 101, "productTypeIds must contain no more than 100 elements"),
])  # fmt: skip
def test_batch_has_one_to_a_hundred_types(api: httpx.Client, ids: list[str], text: str) -> None:
    response = api.post(f"{PATH}/batch", json={"productTypeIds": ids, "businessId": "B"})
    assert failure(response) == (400, INCORRECT, [text])


WRITES: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "create": lambda api: api.post(PATH, json=PEAR),
    "create, version 2": lambda api: api.post(
        PATH_V2, json={"productTypeId": "1", "quantity": 1, "businessId": "B"}
    ),
    "batch": lambda api: api.post(f"{PATH}/batch", json={"productTypeIds": ["1"], "businessId": "B"}),
    "change": lambda api: api.patch(f"{PATH}/1001", json={}),
    "change, version 2": lambda api: api.patch(f"{PATH_V2}/1001", json={}),
    "quantity": lambda api: api.post(f"{PATH}/1001/update-quantity/traceability", json={"quantity": 1}),
    "details": lambda api: api.get(f"{PATH}/1001"),
}


@pytest.mark.parametrize("write", WRITES)
def test_ids_are_required_except_for_the_country(client: httpx.Client, write: str) -> None:
    client.headers.update({"Authorization": "Bearer demo", "userId": "USR456"})
    assert failure(WRITES[write](client)) == (400, INCORRECT, ["tenantId is required"])
    client.headers.update({"tenantId": "TEN123"})
    assert WRITES[write](client).is_success


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(("token", "status"), [("forbidden", 403), ("nobody", 401)])
def test_token_is_checked_first(client: httpx.Client, write: str, token: str, status: int) -> None:
    client.headers["Authorization"] = f"Bearer {token}"
    assert failure(WRITES[write](client))[0] == status


def test_prices_have_two_decimals_in_list_and_details(api: httpx.Client) -> None:
    product_id = created(api, {**PEAR, "costPrice": 3, "sellingPrice": 4.5})
    shown = decimals(api.get(f"{PATH}/{product_id}").text)
    (row,) = decimals(api.get(PATH, params={"productIds": product_id}).text)["products"]
    for one in (shown, row):
        assert (str(one["costPrice"]), str(one["sellingPrice"])) == ("3.00", "4.50")


def test_metrics_are_no_product(api: httpx.Client) -> None:
    assert failure(api.get(f"{PATH}/metrics", headers={"Host": "sabi.example"})) == (404, "Not Found", [])
