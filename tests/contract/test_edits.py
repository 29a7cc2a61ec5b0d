"""Edits of a request, as a smallest change makes them."""

from typing import Any

import pytest

from mockserver.contract.refusals.edits import edited, headers_of
from mockserver.sandbox.journal.entry import Edit
from mockserver.vendor_api.raw_request import RawRequest

EXAMPLE = {"stock": 20, "price": 1.5}
WHOLE = Edit("body", "", EXAMPLE, "send the body")
STOCK = Edit("body", "stock", 5, "change the stock")
NO_PRICE = Edit("body", "price", None, "leave out the price", removed=True)
CASES: dict[str, tuple[bytes, tuple[Edit, ...], bytes]] = {
    "two fields": (b'{"stock": 1, "price": 2.50, "sku": "a"}', (STOCK, NO_PRICE), b'{"stock":5,"sku":"a"}'),
    "other digits are kept": (b'{"price": 2.50}', (STOCK,), b'{"price":2.50,"stock":5}'),
    "whole, then a field": (b"[", (WHOLE, STOCK), b'{"stock":5,"price":1.5}'),
    "a field, then whole": (b'{"a": 1}', (STOCK, WHOLE), b'{"stock":20,"price":1.5}'),
    "not JSON": (b"[", (STOCK,), b"["),
    "not JSON at first": (b"[", (STOCK, WHOLE, NO_PRICE), b'{"stock":20}'),
    "none": (b"{ }", (), b"{ }"),
}


@pytest.mark.parametrize(("sent", "edits", "mended"), CASES.values(), ids=CASES)
def test_edits_of_a_body_follow_each_other(sent: bytes, edits: Any, mended: bytes) -> None:
    headers = headers_of({"content-length": str(len(sent))})
    raw = RawRequest("PATCH", "/a", "", headers, sent)
    got = edited(raw, edits, "", None)
    assert got.body == mended
    assert got.headers["content-length"] == str(len(mended))
    assert EXAMPLE == {"stock": 20, "price": 1.5}
    assert (raw.body, raw.headers) == (sent, headers)
