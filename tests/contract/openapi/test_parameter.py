"""Parameters at their edges: the spec, both engines and the answer agree, at every vendor."""

import pytest

from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.contract.test_engines import answers, reset

BEARER = [(b"authorization", b"Bearer demo")]
BASIC = Headers([(b"authorization", b"Basic ZGVtbzpkZW1v")])
SABI = Headers([*BEARER, (b"tenantid", b"t"), (b"userid", b"u"), (b"countrycode", b"c")])
VENDORS = {
    "highlevel": ("/products/inventory", Headers([*BEARER, (b"version", b"v3")]), "altId=a&"),
    "sabi": ("/api/v1/products", SABI, ""),
    "merchantpro": ("/api/v2/inventory/id/10001", BASIC, ""),
    "shoplazza": (
        "/openapi/2022-01/products/f854e9a2-986d-4e2b-9df0-8e4c139ae80e/inventory",
        Headers([(b"access-token", b"demo")]), "",
    ),
    "narvar": ("/exchanges/inventory/9999", BASIC, ""),
}  # fmt: skip
NOT_NUMBERS = ["%2B5", "+5", "%205", "5%20", "5_0", "%D9%A5", "5.", ".5", "0x10", "0b1", "NaN", "Infinity",
               "-Infinity", "1,5", "--1", "-", "e5", "1e", "5%00", "true", "null"]  # fmt: skip
ZEROS = "0" * 5000
EDGES: list[tuple[str, str, int, list[str]]] = [
    # HighLevel's numbers are JavaScript's: finite doubles, in any notation that JSON has.
    ("highlevel", "limit", 200, ["20", "020", f"{ZEROS}20", "20.0", "2e1", "2E%2B1", "20e-0", "-0", "-0.0",
                                 "0", "1e-400", "1e99", "1e100", "1e308", "9" * 308, "9" * 200 + ".0"]),
    ("highlevel", "limit", 422, [*NOT_NUMBERS, "", "1e309", "1e400", "1e999999999", "9" * 309, "-1e400", "-1",
                                 "1.5", "1e-1", "-1e-1"]),
    ("highlevel", "offset", 200, ["1e100", "1e308", "0e0"]),
    ("highlevel", "offset", 422, ["1e309", "1.5", ""]),
    ("highlevel", "search", 200, ["", ",", "+", "%20"]),
    ("highlevel", "altType", 422, ["", "Location", "location%20", "location,location"]),
    # Sabi's integers have no fraction and no exponent; a filter without a value is ignored.
    ("sabi", "limit", 200, ["10", "010", f"{ZEROS}10", "", "1" + "0" * 308]),
    ("sabi", "limit", 400, [*NOT_NUMBERS, "5.0", "1e1", "0", "-0", "-1", "9" * 309]),
    ("sabi", "page", 200, ["1", "01", ""]),
    ("sabi", "page", 404, ["11", "9" * 308]),
    ("sabi", "page", 400, [*NOT_NUMBERS, "0", "-0", "1.0", "9" * 309]),
    ("sabi", "productQuantity", 200, ["0", "-0", "00", ""]),
    ("sabi", "productQuantity", 404, ["9" * 308]),
    ("sabi", "productLowStock", 200, ["9" * 308, "1000", ""]),
    ("sabi", "productLowStock", 400, ["-1", "1.5", "9" * 309]),
    ("sabi", "productActive", 200, ["1", "01", ""]),
    ("sabi", "productActive", 400, ["2", "-1", "1.0", "true", "+1"]),
    ("sabi", "productDateRange", 200, ["", "2000-01-01,2030-01-01", "%202000-01-01%20,%202030-01-01",
                                       "2000-01-01,,2030-01-01"]),
    ("sabi", "productDateRange", 400, [",", ",,", "%20", "%20,%20", "2000-01-01", "2000-01-01,", "a,b",
                                       "2000-01-01,2030-01-01,2030-01-02", "2000-1-1,2030-01-01"]),
    ("sabi", "productIds", 200, ["", ",", ",,", "%20", "1001,,1002", "%201001%20"]),
    ("sabi", "productIds", 404, ["0", "01001", "1001.0", "%D9%A1"]),
    ("sabi", "byCities", 200, ["", ",", "San%20Francisco", ",San%20Francisco,"]),
    ("sabi", "order", 200, ["", "ASC", "DESC"]),
    ("sabi", "order", 400, ["asc", "ASC%20", ","]),
    ("merchantpro", "fields", 200, ["", ",", ",,", "id,,stock", "%20id%20,%20stock", "nothing"]),
    ("shoplazza", "location_id", 200, ["0", "007", f"{ZEROS}7", "18446744073709551615"]),
    ("shoplazza", "location_id", 400, [*NOT_NUMBERS, "", "18446744073709551616", "-1", "1.0", "1e1"]),
    ("narvar", "location", 200, ["", ",", "6719910"]),
    ("narvar", "retailer", 200, ["", "peninsula"]),
    ("narvar", "retailer", 404, ["Peninsula", "peninsula,", "%20"]),
]  # fmt: skip


@pytest.mark.finding("D8")
@pytest.mark.parametrize(
    ("vendor", "name", "status", "text"),
    [(vendor, name, status, text) for vendor, name, status, texts in EDGES for text in texts],
    ids=lambda one: one[:14] if isinstance(one, str) else str(one),
)
def test_both_engines_read_an_edge_as_the_spec_says(vendor: str, name: str, status: int, text: str) -> None:
    path, headers, query = VENDORS[vendor]
    reset()
    compiled, connexion = answers(RawRequest("GET", path, f"{query}{name}={text}", headers))
    assert compiled == connexion
    assert compiled[0] == status


@pytest.mark.finding("D8")
def test_empty_date_range_is_refused_in_the_words_of_a_wrong_one() -> None:
    path, headers, _ = VENDORS["sabi"]
    bodies = [answers(RawRequest("GET", path, f"productDateRange={text}", headers))[0][2]
              for text in (",", "2000-01-01")]  # fmt: skip
    assert bodies[0] == bodies[1]
    assert b"productDateRange must be two dates" in bodies[0]
