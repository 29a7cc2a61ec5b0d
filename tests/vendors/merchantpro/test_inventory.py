"""MerchantPro over HTTP: lookups, net and gross prices, stock, warehouses, and refused changes."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mockserver.data.catalog.catalog import SeededCatalog
from tests.conftest import decimals, exact

PAGE = "/api/v2/inventory"
WASHER, SHIRT, COOKER = f"{PAGE}/id/10001", f"{PAGE}/id/10002", f"{PAGE}/id/10003"
ORIGIN = "https://client.example"
METHODS = "GET, HEAD, OPTIONS, PATCH"
NAMES = ["id", "sku", "ean", "inventory_enabled", "stock", "price_net", "price_gross"]
CATALOG = SeededCatalog(42, 99)


def patch(shop: httpx.Client, path: str, body: str | bytes, **more: Any) -> httpx.Response:
    return shop.patch(path, content=body, headers={"Content-Type": "application/json"}, **more)


def change(shop: httpx.Client, path: str, body: str) -> Any:
    """Make a change that must succeed, and return the record after it."""
    response = patch(shop, path, body)
    assert response.status_code == 200, response.text
    return decimals(response.text)


def by(kind: str, identifier: str) -> str:
    return f"{PAGE}/{kind}/{quote(identifier, safe='')}"


def number_text(response: httpx.Response, field: str) -> str:
    """Return a number exactly as written in the body."""
    [number] = re.findall(rf'"{field}":\s*([^,}}\s]+)', response.text)
    return str(number)


def error_details(response: httpx.Response, status: int = 400) -> dict[str, str]:
    """Return the details of an error, after checking the form of the body."""
    assert response.status_code == status, response.text
    [(key, error)] = exact(response.text)
    assert (key, [name for name, _ in error]) == ("error", ["name", "message", "details"])
    return dict(dict(error)["details"])


def test_generated_products_are_found_by_sku_ean_and_id(shop: httpx.Client) -> None:
    skus = ""
    for product, variant in map(CATALOG.variant, range(CATALOG.variant_count)):
        skus += (sku := variant.sku)
        response = shop.get(by("sku", sku))
        assert response.status_code == 200, f"{sku}: {response.text}"
        record = decimals(response.text)
        assert (record["sku"], record["ean"]) == (sku, variant.ean)
        assert record["price_gross"] == variant.price
        assert record["price_net"] == round(variant.price / (1 + product.vat), 2)
        assert record.get("stock") == (variant.quantity if variant.tracked else None)
        expected = [(location.name, quantity) for location, quantity in variant.stock]
        returned = [(one["name"], one["stock"]) for one in record.get("warehouses", [])]
        assert returned == (expected if variant.tracked and len(expected) > 1 else [])
        assert shop.get(by("ean", variant.ean)).text == response.text
        assert shop.get(by("id", str(record["id"]))).text == response.text
    assert set("./ +%ö-") < set(skus)


def test_sku_in_the_path_is_decoded_once(shop: httpx.Client) -> None:
    slashed, added = (next(v.sku for _, v in map(CATALOG.variant, range(99)) if c in v.sku) for c in "/+")
    assert shop.get(f"{PAGE}/sku/{slashed.replace('/', '%2F')}").status_code == 200
    assert shop.get(f"{PAGE}/sku/{slashed.replace('/', '%2f')}").status_code == 200
    assert error_details(shop.get(f"{PAGE}/sku/{slashed}"), 404) == {}
    assert shop.get(f"{PAGE}/sku/{added}").status_code == 200, "a plus in a path is not a space"
    assert shop.get(f"{PAGE}/sku/{added.replace('+', '%20')}").status_code == 404


@pytest.mark.parametrize("tail", [
    "id/010001", "id/10001.0", "id/%2B10001", "id/%2010001", "id/-1", "id/1E4", "id/%EF%BC%91", "ID/10001",
    "id/TShirt.Blk.XL", "sku/10001", "sku/", "sku/tshirt.blk.xl", "sku/TShirt.Blk.XL%20", "sku/%FF",
    "sku/TShirt.Blk.XL%00", "sku/TShirt%252EBlk%252EXL", "ean/null", "ean/None", "ean/", "ean/8690842009113",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_unknown_or_malformed_identifier_is_not_found(shop: httpx.Client, method: str, tail: str) -> None:
    assert error_details(shop.request(method, f"{PAGE}/{tail}", content=b"{}"), 404) == {}


def test_missing_ean_is_null(shop: httpx.Client) -> None:
    assert ("ean", None) in exact(shop.get(SHIRT).text)


def test_stock_is_hidden_but_kept_while_inventory_is_off(shop: httpx.Client) -> None:
    for body in ('{"stock": 7}', '{"stock": {"adjust_by": 2}}', "{}"):
        assert "stock" not in change(shop, SHIRT, body)
    assert [name for name, _ in exact(shop.get(SHIRT).text)] == [name for name in NAMES if name != "stock"]
    assert change(shop, SHIRT, '{"inventory_enabled": "on"}')["stock"] == 9


def test_warehouses_are_hidden_but_kept_while_inventory_is_off(shop: httpx.Client) -> None:
    off = change(shop, COOKER, '{"inventory_enabled": "off"}')
    assert off["inventory_enabled"] == "off" and not {"stock", "warehouses"} & set(off)
    still_off = change(shop, COOKER, '{"warehouses": [{"name": "Depozit central", "stock": 8}]}')
    assert not {"stock", "warehouses"} & set(still_off)
    on = change(shop, COOKER, '{"inventory_enabled": "on"}')
    assert (on["stock"], [one["stock"] for one in on["warehouses"]]) == (23, [8, 15])


@pytest.mark.parametrize(("vat", "field", "sent", "net", "gross"), [
    ("0.19", "net", "80", "80.00", "95.20"),
    ("0.19", "net", "1.50", "1.50", "1.79"),  # 1.785 is rounded up, not to even
    ("0.19", "net", "2.675", "2.68", "3.19"),  # as a float, it would be slightly less and rounded down
    ("0.19", "net", "1e3", "1000.00", "1190.00"),
    ("0.19", "net", "1000000000", "1000000000.00", "1190000000.00"),
    ("0.19", "gross", "0.03", "0.03", "0.03"),
    ("0.19", "gross", "999999999.99", "840336134.45", "999999999.99"),
    ("0.09", "net", "0.50", "0.50", "0.55"),  # 0.545 is rounded up, not to even
    ("0.09", "net", "33.3333", "33.33", "36.33"),
    ("0.09", "gross", "100", "91.74", "100.00"),
])  # fmt: skip
@pytest.mark.parametrize("old", ["", "old_"])
def test_net_and_gross_price_change_together(
    shop: httpx.Client, old: str, vat: str, field: str, sent: str, net: str, gross: str
) -> None:
    path = next(by("sku", v.sku) for p, v in map(CATALOG.variant, range(99)) if p.vat == Decimal(vat))
    response = patch(shop, path, f'{{"{old}price_{field}": {sent}}}')
    assert response.status_code == 200, response.text
    for answer in (response, shop.get(path)):
        prices = [number_text(answer, f"{old}price_{kind}") for kind in ("net", "gross")]
        assert prices == [net, gross]


@pytest.mark.parametrize("sent", ["-0.0", "-0"])
def test_price_is_never_minus_zero(shop: httpx.Client, sent: str) -> None:
    patch(shop, WASHER, f'{{"price_net": {sent}}}')
    assert not number_text(shop.get(WASHER), "price_net").startswith("-")


@pytest.mark.parametrize("gross", ["0.03", "1.41", "80.00", "90.02", "1700.00"])
def test_returned_prices_can_be_sent_back(shop: httpx.Client, gross: str) -> None:
    before = patch(shop, WASHER, f'{{"price_gross": {gross}}}')
    pair = f'{{"price_net": {number_text(before, "price_net")}, "price_gross": {gross}}}'
    after = patch(shop, WASHER, pair)
    assert (after.status_code, after.text) == (200, before.text)


def test_old_prices_appear_after_they_are_set(shop: httpx.Client) -> None:
    assert [name for name, _ in exact(shop.get(WASHER).text)] == NAMES
    patched = patch(shop, WASHER, '{"old_price_gross": 2000, "price_gross": 1800}')
    assert [name for name, _ in exact(patched.text)] == [*NAMES, "old_price_net", "old_price_gross"]
    assert shop.get(WASHER).text == patched.text
    last = change(shop, WASHER, '{"price_net": 1}')
    assert (last["old_price_net"], last["old_price_gross"]) == (Decimal("1680.67"), 2000)


@pytest.mark.parametrize(("number", "stock"), [(5, 15), (-3, 7), (-10, 0), (0, 10), (999_999_990, 10**9)])
def test_adjust_by_adds_to_the_stock(shop: httpx.Client, number: int, stock: int) -> None:
    assert change(shop, WASHER, f'{{"stock": {{"adjust_by": {number}}}}}')["stock"] == stock
    assert decimals(shop.get(WASHER).text)["stock"] == stock


def test_warehouses_are_matched_by_name(shop: httpx.Client) -> None:
    patched = patch(shop, COOKER, '{"warehouses": [{"stock": 2, "name": "Depozit furnizor (Nod)"}]}')
    assert dict(exact(patched.text))["warehouses"] == [
        [("id", 1), ("stock", 5), ("name", "Depozit central")],
        [("id", 2), ("stock", 2), ("name", "Depozit furnizor (Nod)")],
    ]
    got = dict(exact(shop.get(COOKER).text))
    assert [[name for name, _ in one] for one in got["warehouses"]] == [["id", "name", "stock"]] * 2
    assert list(map(dict, got["warehouses"])) == list(map(dict, dict(exact(patched.text))["warehouses"]))
    assert got["stock"] == dict(exact(patched.text))["stock"] == 7


@pytest.mark.parametrize("path", [WASHER, SHIRT, COOKER])
def test_empty_change_changes_nothing(shop: httpx.Client, path: str) -> None:
    before = decimals(shop.get(path).text)
    for body in ("{}", '{"warehouses": []}'):
        assert change(shop, path, body) == before == decimals(shop.get(path).text)


@pytest.mark.parametrize(("fields", "returned"), [
    ("stock,id", ["id", "stock"]), ("name", ["name"]), ("no_such_field", []), ("vat", []), ("Stock", []),
    ("price_gross,name,sku,no_such_field,ean", ["sku", "ean", "name", "price_gross"]),
])  # fmt: skip
def test_fields_restrict_the_answer(shop: httpx.Client, fields: str, returned: list[str]) -> None:
    query = {"fields": fields}
    for answer in (shop.get(WASHER, params=query), patch(shop, WASHER, "{}", params=query)):
        assert answer.status_code == 200
        assert [name for name, _ in exact(answer.text)] == returned


CENTRAL = '{"name": "Depozit central", "stock": 1}'
# Path, body, invalid fields (None: not checked). Most bodies also have a valid change, which must be dropped.
BAD: dict[str, tuple[str, str | bytes, set[str] | None]] = {
    "an unknown field": (WASHER, '{"stock": 20, "colour": "red"}', {"colour"}),
    "the id": (WASHER, '{"stock": 20, "id": 10001}', {"id"}),
    "the SKU": (WASHER, '{"stock": 20, "sku": "X"}', {"sku"}),
    "the EAN": (WASHER, '{"stock": 20, "ean": null}', {"ean"}),
    "several fields": (WASHER, '{"stock": -1, "sku": "X", "price_net": "1"}', {"stock", "sku", "price_net"}),
    "stock as a string": (WASHER, '{"price_net": 1, "stock": "20"}', {"stock"}),
    "stock with decimals": (WASHER, '{"price_net": 1, "stock": 20.0}', {"stock"}),
    "stock as true": (WASHER, '{"price_net": 1, "stock": true}', {"stock"}),
    "stock as null": (WASHER, '{"price_net": 1, "stock": null}', {"stock"}),
    "negative stock": (WASHER, '{"price_net": 1, "stock": -1}', {"stock"}),
    "adjusted below zero": (WASHER, '{"price_net": 1, "stock": {"adjust_by": -11}}', {"stock"}),
    "a negative price": (WASHER, '{"stock": 20, "price_net": -0.01}', {"price_net"}),
    "a price as a string": (WASHER, '{"stock": 20, "price_gross": "80.00"}', {"price_gross"}),
    "adjusted above the limit": (
        WASHER,
        '{"price_net": 1, "stock": {"adjust_by": 999999991}}',
        {"stock"},
    ),
    "a huge price": (WASHER, '{"stock": 20, "price_net": 1e400}', {"price_net"}),
    "NaN": (WASHER, '{"stock": 20, "price_net": NaN}', set()),
    "Infinity": (WASHER, '{"stock": 20, "price_net": Infinity}', set()),
    "prices that contradict": (WASHER, '{"stock": 20, "price_net": 10, "price_gross": 12}', {"price_gross"}),
    "inventory as true": (WASHER, '{"stock": 20, "inventory_enabled": true}', {"inventory_enabled"}),
    "a product without warehouses": (WASHER, f'{{"stock": 20, "warehouses": [{CENTRAL}]}}', {"warehouses"}),
    "a product with warehouses": (COOKER, '{"price_net": 1, "stock": 20}', {"stock"}),
    "an unknown warehouse": (COOKER, f'{{"warehouses": [{CENTRAL}, {CENTRAL.lower()}]}}', {"warehouses"}),
    "a warehouse twice": (COOKER, f'{{"warehouses": [{CENTRAL}, {CENTRAL}]}}', {"warehouses"}),
    "broken JSON": (WASHER, '{"stock": 20', set()),
    "an empty body": (WASHER, "", set()),
    "an array": (WASHER, '[{"stock": 20}]', None),
    "deep nesting": (WASHER, f'{{"stock": 20, "x": {"[" * 30000}{"]" * 30000}}}', set()),
    "invalid UTF-8": (WASHER, b'{"stock": 20, "colour": "\xff"}', set()),
    "a lone surrogate": (WASHER, r'{"stock": 20, "colour": "\ud800"}', set()),
}


@pytest.mark.parametrize("case", BAD)
def test_invalid_change_changes_nothing(shop: httpx.Client, case: str) -> None:
    path, body, fields = BAD[case]
    before = shop.get(path).text
    details = error_details(patch(shop, path, body))
    assert fields is None or set(details) == fields
    assert shop.get(path).text == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_other_content_type_is_refused(shop: httpx.Client, kind: str) -> None:
    error_details(shop.patch(WASHER, content='{"stock": 20}', headers={"Content-Type": kind}))
    assert decimals(shop.get(WASHER).text)["stock"] == 10


@pytest.mark.parametrize("sent", ["Bearer demo", "Basic demo", "Basic ZGVtbw==", "Basic eDp5", "Basic", ""])
def test_unknown_credential_changes_nothing(shop: httpx.Client, sent: str) -> None:
    error_details(shop.patch(WASHER, content='{"stock": 1}', headers={"Authorization": sent}), 401)
    assert decimals(shop.get(WASHER).text)["stock"] == 10


def test_sandboxes_do_not_see_each_others_changes(
    new_client: Callable[..., httpx.Client], sandbox: str
) -> None:
    one, two = (new_client(auth=(f"sbx_{sandbox}-{n}", "x")) for n in (1, 2))
    before = two.get(WASHER).text
    assert change(one, WASHER, '{"stock": 3}')["stock"] == 3
    assert two.get(WASHER).text == before != one.get(WASHER).text


def test_concurrent_adjustments_add_up(shop: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as threads:
        futures = [threads.submit(change, shop, WASHER, '{"stock": {"adjust_by": 1}}') for _ in range(200)]
        assert sorted(future.result()["stock"] for future in futures) == list(range(11, 211))
    assert decimals(shop.get(WASHER).text)["stock"] == 210


@pytest.mark.parametrize("path", [WASHER, COOKER + "?fields=id", f"{PAGE}/id/1", "/api/v2/inventory/id"])
def test_head_is_get_without_a_body(shop: httpx.Client, path: str) -> None:
    got, head = shop.get(path), shop.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


def test_allow_header_lists_the_methods(client: httpx.Client) -> None:
    options = client.options(WASHER)
    assert (options.status_code, options.headers["allow"], options.content) == (204, METHODS, b"")
    for method in ("POST", "PUT", "DELETE", "TRACE"):
        response = client.request(method, WASHER)
        assert error_details(response, 405) == {}
        assert response.headers["allow"] == METHODS


def test_cors_preflight_is_allowed(client: httpx.Client) -> None:
    preflight_headers = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = client.options(WASHER, headers={"Origin": ORIGIN, **preflight_headers})
    assert preflight.is_success and preflight.headers["access-control-allow-origin"] in ("*", ORIGIN)
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", WASHER, 200), ("PATCH", WASHER, 400), ("GET", f"{PAGE}/id/1", 404), ("POST", WASHER, 405),
])  # fmt: skip
def test_cors_header_is_on_every_answer(shop: httpx.Client, method: str, path: str, status: int) -> None:
    response = shop.request(method, path, headers={"Origin": ORIGIN})
    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] in ("*", ORIGIN)
    assert "access-control-allow-origin" not in shop.request(method, path).headers
