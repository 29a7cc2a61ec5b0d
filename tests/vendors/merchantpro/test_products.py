"""MerchantPro's products over HTTP: pages, filters, order, fields, and catalogs of any size."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.data.catalog.catalog import SeededCatalog
from mockserver.server.server import serving
from tests.conftest import decimals, exact

PRODUCTS = "/api/v2/products"
CATALOG = SeededCatalog(42, 99)
TOTAL = CATALOG.product_count + 3
BASIC = [
    "id", "type", "sku", "ean", "ext_ref", "name", "description", "stock", "stock_reserved",
    "allow_backorders", "inventory_enabled", "price_net", "price_gross", "old_price_net", "old_price_gross",
    "cost_net", "cost_gross", "tax_id", "tax_name", "tax_value", "quantity_multiplier", "weight",
    "category_id", "category_name", "categories", "status", "visibility", "url", "image_url",
]  # fmt: skip
OF_ITEMS = {"ean", "stock", "price_net", "price_gross", "old_price_net", "old_price_gross", "weight"}


def page(shop: httpx.Client, query: str = "") -> Any:
    response = shop.get(f"{PRODUCTS}?{query}")
    assert response.status_code == 200, response.text
    return decimals(response.text)


def ids(shop: httpx.Client, query: str) -> list[int]:
    return [product["id"] for product in page(shop, f"{query}&fields=id")["data"]]


def message(response: httpx.Response) -> tuple[int, str, dict[str, str]]:
    error = response.json()["error"]
    return response.status_code, error["message"], error["details"]


def test_pages_follow_their_links_to_the_end(shop: httpx.Client) -> None:
    seen, target = [], f"{PRODUCTS}?limit=20&fields=id"
    while target:
        body = shop.get(target).json()
        count = body["meta"]["count"]
        left = TOTAL - count["start"]
        assert count == {"total": TOTAL, "start": len(seen), "limit": min(20, left), "current": min(20, left)}
        seen += [product["id"] for product in body["data"]]
        target = body["meta"]["links"]["next"]
        assert target is None or urlsplit(target).path == PRODUCTS
    assert len(set(seen)) == len(seen) == TOTAL
    assert seen[:3] == [10001, 10002, 10003]


@pytest.mark.parametrize("start", [TOTAL, TOTAL + 1, 10**30])
def test_page_after_the_end_is_empty(shop: httpx.Client, start: int) -> None:
    body = page(shop, f"start={start}")
    assert body["data"] == [] and body["meta"]["links"] == {"next": None}
    assert body["meta"]["count"] == {"total": TOTAL, "start": start, "limit": 0, "current": 0}


def test_next_link_keeps_the_other_parameters_as_they_were_sent(shop: httpx.Client) -> None:
    query = "include=images%2Cvariants&created%5Bgt%5D=2020-01-01&limit=1&start=0&status=active"
    following = page(shop, query)["meta"]["links"]["next"]
    kept = "include=images%2Cvariants&created%5Bgt%5D=2020-01-01&status=active"
    assert following == f"{PRODUCTS}?start=1&limit=1&{kept}"


def test_products_show_the_goods_of_the_catalog(shop: httpx.Client) -> None:
    found = {product["id"]: product for product in page(shop, "include=variants")["data"]}
    for product in map(CATALOG.product, range(CATALOG.product_count)):
        first = 10004 + product.variants[0].number
        if len(product.variants) == 1:
            (variant,) = product.variants
            shown = found[first]
            assert (shown["type"], shown["sku"], shown["ean"]) == ("basic", variant.sku, variant.ean)
            assert (shown["name"], shown["price_gross"]) == (product.title(variant), variant.price)
            assert shown.get("stock") == (variant.quantity if variant.tracked else None)
            assert {"variants", "variant_attributes"}.isdisjoint(shown)
        else:
            shown = found[20_000_000 + product.number]
            assert (shown["type"], shown["name"]) == ("multi_variant", product.name)
            assert OF_ITEMS.isdisjoint(shown)
            assert [one["id"] for one in shown["variants"]] == [
                first + n for n in range(len(product.variants))
            ]
            assert [one["sku"] for one in shown["variants"]] == [one.sku for one in product.variants]
            assert [one.get("stock") for one in shown["variants"]] == [
                one.quantity if one.tracked else None for one in product.variants
            ]
        assert shown["status"] == ("active" if product.active else "inactive")
        assert shown["tax_value"] == product.vat * 100


def test_list_shows_variants_and_images_only_if_they_are_included(shop: httpx.Client) -> None:
    plain = page(shop)["data"]
    assert not any({"variants", "images"} & product.keys() for product in plain)
    assert page(shop, "include=,reviews")["data"] == plain
    included = page(shop, "include=images,variants")["data"]
    assert all("images" in product for product in included)
    assert ["variants" in product for product in included] == [
        product["type"] == "multi_variant" for product in plain
    ]


def test_order_of_fields(shop: httpx.Client) -> None:
    assert [name for name, _ in exact(shop.get(f"{PRODUCTS}/10001").text)] == BASIC
    fields = "url,nothing,price_net,id,date_created,stock"
    chosen = exact(shop.get(f"{PRODUCTS}/10001", params={"fields": fields}).text)
    assert [name for name, _ in chosen] == ["id", "stock", "price_net", "url", "date_created"]
    assert "stock" not in shop.get(f"{PRODUCTS}/10002").json()


@pytest.mark.parametrize(
    "tail", ["1", "010001", "x", "10004", "10001.0", "%FF", "99999999999999999999", "-1"]
)
def test_unknown_id_is_not_found(shop: httpx.Client, tail: str) -> None:
    for method, path in (("GET", tail), ("PATCH", tail), ("DELETE", tail), ("GET", f"{tail}/images")):
        response = shop.request(method, f"{PRODUCTS}/{path}", json={} if method == "PATCH" else None)
        assert message(response) == (404, "Resource not found", {})


FILTERS = {
    "status=inactive": lambda one: one["status"] == "inactive",
    "type=basic": lambda one: one["type"] == "basic",
    "type=multi_variant&status=active": lambda one: (
        (one["type"], one["status"]) == ("multi_variant", "active")
    ),
    "visibility=hidden": lambda one: one["visibility"] == "hidden",
    "category_id=107": lambda one: one["category_id"] == 107,
    "ext_ref=W-7": lambda one: one["ext_ref"] == "W-7",
    "created[gt]=2022-03-30": lambda one: one["date_created"][:10] > "2022-03-30",
    "created[gte]=2022-03-30": lambda one: one["date_created"][:10] >= "2022-03-30",
    "created%5Blt%5D=2022-03-30": lambda one: one["date_created"][:10] < "2022-03-30",
    "created[lte]=2022-03-30&modified[gt]=2021-01-01": lambda one: (
        one["date_created"][:10] <= "2022-03-30" and one["date_modified"][:10] > "2021-01-01"
    ),
}


@pytest.mark.parametrize("query", FILTERS)
@pytest.mark.parametrize("sort", ["", "&sort=date_created.asc"])
def test_filters(shop: httpx.Client, query: str, sort: str) -> None:
    fields = "fields=id,status,type,visibility,category_id,ext_ref,date_created,date_modified"
    everything = page(shop, fields)["data"]
    expected = [one["id"] for one in everything if FILTERS[query](one)]
    assert expected
    found = page(shop, f"{query}{sort}&{fields}")
    assert [one["id"] for one in found["data"]] == expected or (
        sort and {one["id"] for one in found["data"]} == {*expected}
    )
    assert found["meta"]["count"]["total"] == len(expected)


def test_filters_see_what_has_changed(shop: httpx.Client) -> None:
    before = ids(shop, "status=inactive")
    assert 10001 not in before and 10003 in before and 20000000 not in before
    for product in (10001, 20000000):
        assert shop.patch(f"{PRODUCTS}/{product}", json={"status": "inactive"}).status_code == 200
    assert shop.patch(f"{PRODUCTS}/10003", json={"status": "active"}).status_code == 200
    new = shop.post(PRODUCTS, json={"name": "n", "sku": "n", "status": "inactive"}).json()["id"]
    expected = sorted({*before, 10001, 20000000, new} - {10003})
    assert sorted(ids(shop, "status=inactive")) == expected
    assert sorted(ids(shop, "status=inactive&sort=date_created.desc")) == expected


def test_sku_finds_the_product_of_a_variant(shop: httpx.Client) -> None:
    sku = CATALOG.variant(2)[1].sku
    assert ids(shop, f"sku={sku}") == [20000000]
    assert ids(shop, "sku=TShirt.Blk.XL") == [10002]
    assert ids(shop, "sku=TShirt.Blk.XL&status=inactive") == []
    assert ids(shop, "sku=nothing") == []
    assert shop.patch(f"{PRODUCTS}/20000000", json={"sku": "PARENT"}).status_code == 200
    assert ids(shop, "sku=PARENT") == [20000000]


@pytest.mark.parametrize("field", ["date_created", "date_modified"])
def test_order_by_date(shop: httpx.Client, field: str) -> None:
    def dates(direction: str) -> list[str]:
        found = page(shop, f"sort={field}.{direction}&fields={field}")["data"]
        return [product[field] for product in found]

    assert len(dates("asc")) == TOTAL
    assert dates("asc") == sorted(dates("asc"))
    assert dates("desc") == sorted(dates("asc"), reverse=True)


def test_order_holds_after_changes(shop: httpx.Client) -> None:
    order = ids(shop, "sort=date_created.desc")
    gone, changed = order[4], order[7]
    assert shop.delete(f"{PRODUCTS}/{gone}").status_code == 204
    assert shop.patch(f"{PRODUCTS}/{changed}", json={"description": "x"}).status_code == 200
    new = shop.post(PRODUCTS, json={"name": "n", "sku": "n"}).json()["id"]
    assert ids(shop, "sort=date_created.desc") == [new, *(one for one in order if one != gone)]
    assert ids(shop, "sort=date_modified.desc")[:2] in ([new, changed], [changed, new])
    in_pages = [one for start in range(0, TOTAL, 7)
                for one in ids(shop, f"sort=date_created.desc&start={start}&limit=7")]  # fmt: skip
    assert in_pages == ids(shop, "sort=date_created.desc")


@pytest.mark.parametrize(("query", "expected"), [
    ("color=red", (400, "No such filter `color` defined", {})),
    ("color[gt]=1&status=broken", (400, "No such filter `color` defined", {})),
    ("created=2024-01-01", (400, "No such filter `created` defined", {})),
    ("limit=101", (400, "The request has invalid fields", {"limit": "must not be more than 100"})),
    ("limit=0", (400, "The request has invalid fields", {"limit": "must not be less than 1"})),
    ("start=-1", (400, "The request has invalid fields", {"start": "must not be negative"})),
    ("start=x", (400, "The request has invalid fields", {"start": "must be of type integer"})),
    ("status=open", (400, "The request has invalid fields", {"status": "must be one of active, inactive"})),
    ("status=active&status=inactive", (400, "The request has invalid fields",
                                       {"status": "is sent more than once"})),
    ("created[gt]=2024-02-30", (400, "The request has invalid fields",
                                {"created[gt]": "must be a date such as 2026-01-31"})),
    ("created[lt]=yesterday", (400, "The request has invalid fields",
                               {"created[lt]": "must be a date such as 2026-01-31"})),
])  # fmt: skip
def test_refused_query(shop: httpx.Client, query: str, expected: tuple[int, str, dict[str, str]]) -> None:
    assert message(shop.get(f"{PRODUCTS}?{query}")) == expected


def test_time_that_does_not_exist_is_shown_as_1970(shop: httpx.Client, control: str) -> None:
    path = f"{control}/records/merchantpro/products/10001"
    for wrong in ("2024-02-31T25:00:00Z", "9999-12-31T23:59:59Z"):
        assert shop.patch(path, json={"date_created": wrong}).status_code == 200
        assert page(shop, "fields=date_created&created[lt]=1971-01-01&sort=date_created.asc")["data"] == [
            {"date_created": "1970-01-01T02:00:00+02:00"}
        ]


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 1279, 1280, 1286, 5123, 9_999_999])
def test_every_size_of_the_catalog(count: int) -> None:
    """The catalog repeats after 1280 items, and its last product may be cut off."""
    catalog = SeededCatalog(42, count)
    with serving(app.build(products=count + 1).application) as url:
        shop = httpx.Client(base_url=url, auth=("demo", "demo"))
        total = catalog.product_count + 3
        for query in ("start={}", "start={}&sort=date_created.asc", "start={}&type=multi_variant"):
            listed = page(shop, query.format(0) + "&limit=1")["meta"]["count"]["total"]
            last = page(shop, query.format(max(listed - 100, 0)) + "&include=variants")["data"]
            assert len(last) == min(listed, 100)
            assert listed == total or "type" in query
            for product in last[-3:]:
                own = shop.get(f"{PRODUCTS}/{product['id']}?include=variants")
                assert own.status_code == 200 and decimals(own.text) == product
                for item in product.get("variants", [product]):
                    path = f"/api/v2/inventory/id/{item['id']}"
                    assert shop.get(path, params={"fields": "sku"}).json() == {"sku": item["sku"]}
        newest = page(shop, "sort=date_created.desc&limit=100&fields=date_created")["data"]
        assert newest == sorted(newest, key=lambda one: one["date_created"], reverse=True)
        # No id of a product is that of a variant.
        parents = page(shop, "type=multi_variant&limit=1&fields=id")["data"]
        assert all(product["id"] > 10_003 + count for product in parents)
