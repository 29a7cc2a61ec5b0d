"""Shoplazza over HTTP: request ids, error texts of Go's UUID parser, locations, shops and tokens."""

import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mockserver.data.catalog.catalog import SeededCatalog
from tests.conftest import exact

ID = "f854e9a2-986d-4e2b-9df0-8e4c139ae80e"
HEX = ID.replace("-", "")
LOCATION = 327627904831724000
TOKEN = {"access-token": "demo"}
ORIGIN = "https://client.example"
CATALOG = SeededCatalog(42, 99)


@pytest.fixture
def shop(client: httpx.Client) -> httpx.Client:
    client.headers.update(TOKEN)
    return client


def path_of(product_id: str) -> str:
    return f"/openapi/2022-01/products/{quote(product_id, safe='')}/inventory"


PAGE = path_of(ID)


def product_and_stock(response: httpx.Response) -> Any:
    """Return the product id and each variant's stock by location, after checking the form of the body."""
    assert response.status_code == 200, response.text
    [(id_key, product_id), (variants_key, variants)] = exact(response.text)
    assert (id_key, variants_key) == ("product_id", "variants")
    stock = {}
    for [(variant_key, variant_id), (items_key, items)] in variants:
        assert (variant_key, items_key) == ("variant_id", "location_items")
        assert all([name for name, _ in item] == ["location_id", "stock"] for item in items)
        stock[variant_id] = [tuple(value for _, value in item) for item in items]
    return product_id, stock


def errors(response: httpx.Response, status: int) -> str:
    """Return the text in `errors`, which must be a list of one."""
    assert response.status_code == status, response.text
    [(key, [text])] = exact(response.text)
    assert key == "errors"
    return str(text)


def error(response: httpx.Response, status: int) -> str:
    """Return the text in `error`."""
    assert response.status_code == status, response.text
    [(key, text)] = exact(response.text)
    assert key == "error"
    return str(text)


PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "access-token",
}
ANSWERS: dict[str, tuple[str, str, dict[str, str], int]] = {
    "found": ("GET", PAGE, TOKEN, 200),
    "no shop": ("GET", PAGE, {**TOKEN, "Host": "myshoplazza.com"}, 400),
    "no product id": ("GET", path_of(""), TOKEN, 400),
    "bad location": ("GET", f"{PAGE}?location_id=x", TOKEN, 400),
    "no token": ("GET", PAGE, {}, 401),
    "inactive shop": ("GET", PAGE, {**TOKEN, "Host": "inactive.myshoplazza.com"}, 401),
    "forbidden": ("GET", PAGE, {"access-token": "forbidden"}, 403),
    "no record": ("GET", path_of("00000000-0000-4000-8000-000000000000"), TOKEN, 404),
    "no path": ("GET", "/openapi/2022-01/nothing", {**TOKEN, "Host": "a.myshoplazza.com"}, 404),
    "no method": ("POST", PAGE, TOKEN, 405),
    "malformed id": ("GET", path_of("x"), TOKEN, 500),
    "options": ("OPTIONS", PAGE, {}, 204),
    "preflight": ("OPTIONS", PAGE, PREFLIGHT, 204),
    "head": ("HEAD", PAGE, TOKEN, 200),
    "head of a malformed id": ("HEAD", path_of("x"), TOKEN, 500),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_has_its_own_request_id(client: httpx.Client, kind: str) -> None:
    method, path, headers, status = ANSWERS[kind]
    responses = [client.request(method, path, headers=headers) for _ in range(3)]
    assert [response.status_code for response in responses] == [status] * 3
    ids = [response.headers["request-id"] for response in responses]
    assert all(re.fullmatch("[A-Za-z0-9_-]{40}", one) for one in ids)
    assert len(set(ids)) == 3


def test_request_ids_differ_between_kinds_of_answers(client: httpx.Client) -> None:
    responses = [client.request(method, path, headers=sent) for method, path, sent, _ in ANSWERS.values()]
    assert len({response.headers["request-id"] for response in responses}) == len(ANSWERS)


@pytest.mark.parametrize(("given", "length"), [
    ("a", 1), (" ", 1), ("+", 1), ("\0", 1), ("a/b", 3), ("\r\n", 2), ("é", 2), ("日本", 6), ("😀", 4),
    (HEX[:31], 31), (HEX + "0", 33), (ID[:35], 35), (ID + "\0", 37), ("é" + ID[1:], 37), ("é" * 22, 44),
    ("{" + HEX + "}", 34), ("urn:uuid:" + HEX, 41), ("urn:uuid:{" + ID + "}", 47), ("x" * 1000, 1000),
])  # fmt: skip
def test_wrong_id_length_is_reported_in_bytes(shop: httpx.Client, given: str, length: int) -> None:
    assert errors(shop.get(path_of(given)), 500) == f"invalid UUID length: {length}"


@pytest.mark.parametrize("given", [
    HEX[:-1] + "g", HEX[:-1] + "_", HEX[:-1] + " ", "0x" + HEX[2:], "-" + HEX[1:], "é" * 16,
    ID[:-1] + "g", ID[:-1] + "\0", ID[:-2] + "é", ID.replace("-", "_"), ID.replace("-", "0"), "-" * 36,
    ID[1:] + "0", ID[:7] + "-" + ID[7] + ID[9:], HEX + "----", "{" + ID[:-1] + "g}", ID + "{}", "{}" + ID,
    "é" + ID, "urn:uuid:" + ID[:-1] + "g", "URN:UUID:" + ID[1:] + "-", "urn:uuid:" + HEX + "----",
])  # fmt: skip
def test_wrong_id_characters_are_an_invalid_format(shop: httpx.Client, given: str) -> None:
    assert errors(shop.get(path_of(given)), 500) == "invalid UUID format"


@pytest.mark.parametrize(
    ("prefix", "quoted"),
    [
        ("urn:uuid;", r'"urn:uuid;"'),
        ("urn uuid:", r'"urn uuid:"'),
        ('urn"uuid"', r'"urn\"uuid\""'),
        ("urn\\uuid:", r'"urn\\uuid:"'),
        ("'<&>`/$#?", '"\'<&>`/$#?"'),
        ("\a\b\t\n\v\f\r\0\x7f", r'"\a\b\t\n\v\f\r\x00\x7f"'),
        ("\x01\x1b\x1f:uuid:", r'"\x01\x1b\x1f:uuid:"'),
        ("ürn:uuid", '"ürn:uuid"'),
        ("日本:id", '"日本:id"'),
        ("😀:uuid", '"😀:uuid"'),
        ("\u0085:uuid:x", r'"\u0085:uuid:x"'),
        ("\u00a0:uuid:x", r'"\u00a0:uuid:x"'),
        ("\u00ad:uuid:x", r'"\u00ad:uuid:x"'),
        ("\u200b:uuid:", r'"\u200b:uuid:"'),
        ("\u2028:uuid:", r'"\u2028:uuid:"'),
        ("\ufeff:uuid:", r'"\ufeff:uuid:"'),
        ("\ufffd:uuid:", '"\ufffd:uuid:"'),
        ("\U000e0001uuid:", r'"\U000e0001uuid:"'),
    ],
)
def test_wrong_urn_prefix_is_quoted_like_go(shop: httpx.Client, prefix: str, quoted: str) -> None:
    assert len(prefix.encode()) == 9
    assert errors(shop.get(path_of(prefix + ID)), 500) == f"invalid urn prefix: {quoted}"


def test_urn_prefix_is_cut_inside_a_character(shop: httpx.Client) -> None:
    assert errors(shop.get(path_of("urn:uuidé" + ID[1:])), 500) == r'invalid urn prefix: "urn:uuid\xc3"'


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("%FF", "invalid UUID length: 1"),
        ("%C3%28%A9", "invalid UUID length: 3"),
        (f"%FF{ID[1:]}", "invalid UUID format"),
        (f"%FFrn:uuid:{ID}", r'invalid urn prefix: "\xffrn:uuid:"'),
    ],
)
def test_invalid_utf8_in_an_id_is_counted_in_bytes(shop: httpx.Client, escaped: str, text: str) -> None:
    assert errors(shop.get(f"/openapi/2022-01/products/{escaped}/inventory"), 500) == text


@pytest.mark.parametrize("escaped", [
    ID.upper(), ID.title(), HEX, HEX.upper(), f"%7B{ID}%7D", f"({ID})", f"g{ID}-", f"%00{ID.upper()}%2F",
    f"%FF{ID}%FE", f"urn:uuid:{ID}", f"URN:UUID:{ID}", f"uRn:UuId:{ID.upper()}", ID.replace("f", "%66"),
])  # fmt: skip
def test_every_form_of_an_id_finds_the_product(shop: httpx.Client, escaped: str) -> None:
    response = shop.get(f"/openapi/2022-01/products/{escaped}/inventory")
    assert product_and_stock(response)[0] == ID
    assert response.text == shop.get(PAGE).text


@pytest.mark.parametrize("given", ["0" * 32, "f" * 32, ID[:-1] + "f", "urn:uuid:" + ID[:-1] + "f"])
def test_well_formed_unknown_id_is_not_found(shop: httpx.Client, given: str) -> None:
    assert errors(shop.get(path_of(given)), 404) == "Record not found"


def test_generated_products_have_the_stock_of_the_catalog(shop: httpx.Client) -> None:
    assert CATALOG.product_count > 30
    for product in map(CATALOG.product, range(CATALOG.product_count)):
        stock = {
            v.uuid: [(at.uint64, max(quantity, 0)) for at, quantity in v.stock] for v in product.variants
        }
        assert product_and_stock(shop.get(path_of(product.uuid))) == (product.uuid, stock)
        assert product_and_stock(shop.get(path_of(product.uuid.upper()))) == (product.uuid, stock)


def test_location_id_selects_the_stock_at_that_location(shop: httpx.Client) -> None:
    sizes = set()
    for product in map(CATALOG.product, range(CATALOG.product_count)):
        for location in CATALOG.locations():
            response = shop.get(path_of(product.uuid), params={"location_id": location.uint64})
            expected = {
                v.uuid: [(at.uint64, max(n, 0)) for at, n in v.stock if at == location]
                for v in product.variants
            }
            assert product_and_stock(response) == (product.uuid, expected)
            sizes |= {len(items) for items in expected.values()}
    assert sizes == {0, 1}


def test_location_ids_keep_all_digits(shop: httpx.Client) -> None:
    product = next(
        p for p in map(CATALOG.product, range(CATALOG.product_count)) if len(p.variants[0].stock) == 3
    )
    id_numbers = re.findall(r'"location_id":\s*([^,}\s]+)', shop.get(path_of(product.uuid)).text)
    assert id_numbers == [str(at.uint64) for variant in product.variants for at, _ in variant.stock]
    assert any(int(float(number)) != int(number) for number in id_numbers), "every id fits in a double"
    exact_id = next(number for number in id_numbers if int(float(number)) != int(number))
    rounded = shop.get(path_of(product.uuid), params={"location_id": int(float(exact_id))})
    assert not any(product_and_stock(rounded)[1].values())


@pytest.mark.parametrize("location", ["0", "1", str(LOCATION - 1), str(LOCATION + 1), str(2**64 - 1)])
def test_unknown_location_has_no_stock(shop: httpx.Client, location: str) -> None:
    product_id, stock = product_and_stock(shop.get(PAGE, params={"location_id": location}))
    assert (product_id, stock) == (ID, {"5723299f-238a-4491-8b42-a187462e748a": []})


@pytest.mark.parametrize(
    "location", ["", "x", "-1", "+1", "1.0", "1e3", "0x1F", "1_0", " 1", "٣", "1,2", str(2**64), "9" * 400]
)
def test_location_id_that_is_not_a_uint64_is_refused(shop: httpx.Client, location: str) -> None:
    assert errors(shop.get(PAGE, params={"location_id": location}), 400) == "Bad Request"


@pytest.mark.parametrize("suffix", ["myshoplazza.com", "myshoplaza.com"])
@pytest.mark.parametrize("host", ["{}", "{}:8080", "{}."])
@pytest.mark.parametrize("name", ["demo", "any-name_1", "ANY", "a.b", "shop." * 12 + "x"])
def test_every_shop_has_the_same_products(shop: httpx.Client, name: str, host: str, suffix: str) -> None:
    for spelled in (suffix, suffix.upper()):
        response = shop.get(PAGE, headers={"Host": host.format(f"{name}.{spelled}")})
        assert product_and_stock(response)[1] == {"5723299f-238a-4491-8b42-a187462e748a": [(LOCATION, 1)]}


@pytest.mark.parametrize("host", [
    "inactive.myshoplazza.com", "inactive.myshoplaza.com", "INACTIVE.MyShoplazza.COM:443",
    "inactive.myshoplazza.com.",
])  # fmt: skip
def test_inactive_shop_refuses_every_product(shop: httpx.Client, host: str) -> None:
    for path in (PAGE, path_of("x"), path_of(CATALOG.product(0).uuid)):
        assert error(shop.get(path, headers={"Host": host}), 401) == "store is not active"


@pytest.mark.parametrize("host", ["myshoplazza.com", "MYSHOPLAZA.com:80"])
def test_host_without_a_shop_gets_the_error_no_context(shop: httpx.Client, host: str) -> None:
    assert errors(shop.get(PAGE, headers={"Host": host}), 400) == "No Context"


@pytest.mark.parametrize("name", ["access-token", "Access-Token", "ACCESS-TOKEN", "aCCESS-tOKEN"])
def test_token_header_name_ignores_case(client: httpx.Client, name: str) -> None:
    assert product_and_stock(client.get(PAGE, headers={name: "demo"}))[0] == ID


@pytest.mark.parametrize(
    "sent",
    [{"Authorization": "Bearer demo"}, {"Authorization": "demo"}, {"access_token": "demo"}]
    + [{"access-token": token} for token in ("", "Demo", "Bearer demo", "demo2", "sbx_", "sbx_a/b")],
)
def test_other_headers_and_tokens_are_refused(client: httpx.Client, sent: dict[str, str]) -> None:
    assert error(client.get(PAGE, headers=sent), 401) == "Unauthorized"


@pytest.mark.parametrize("path", [PAGE, path_of("x"), path_of("0" * 32), f"{PAGE}?location_id=x"])
def test_head_is_get_without_a_body(shop: httpx.Client, path: str) -> None:
    got, head = shop.get(path), shop.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert {**head.headers, "date": "", "request-id": ""} == {**got.headers, "date": "", "request-id": ""}


def test_allow_header_lists_the_methods(client: httpx.Client) -> None:
    assert client.options(PAGE).headers["allow"] == "GET, HEAD, OPTIONS"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = client.request(method, PAGE)
        assert errors(response, 405) == "Method Not Allowed"
        assert response.headers["allow"] == "GET, HEAD, OPTIONS"
