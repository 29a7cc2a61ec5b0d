"""Filters: long words may break where a reader expects it, and their text stays what it is."""

import pytest
from bs4 import BeautifulSoup

from mockserver.console.markup import breakable, json_html, path

CURL = "curl 'http://127.0.0.1:8080/highlevel/products/inventory?altId=6578278e879a&limit=1' -H 'a/b: c'"


@pytest.mark.parametrize(
    ("html", "pieces"),
    [
        (breakable(CURL), ["curl ", "'http://127.0.0.1:8080/", "highlevel/", "products/", "inventory?",
                           "altId=6578278e879a&", "limit=1'", " -H 'a/b: c'"]),
        (breakable("a/short/path?a=b"), ["a/short/path?a=b"]),
        (breakable("/<img-src=x>" * 3), ["/", "<img-src=x>/", "<img-src=x>/", "<img-src=x>"]),
        (path("/api/v2/products?limit=1&start=2"), ["/", "api/", "v2/", "products?", "limit=1&", "start=2"]),
        (json_html({"next": "https://shop.example/a/long/path?page=2"}),
         ['{\n  "next": "https://shop.example/', "a/", "long/", "path?", 'page=2"\n}\n']),
    ],
    ids=["curl", "short words", "hostile", "path", "JSON"],
)  # fmt: skip
def test_long_words_may_break_after_slashes_and_signs(html: str, pieces: list[str]) -> None:
    assert "<img" not in html
    shown = BeautifulSoup(html, "html.parser")
    assert shown.text == "".join(pieces)
    for chance in shown("wbr"):
        chance.replace_with("\N{BROKEN BAR}")
    assert shown.text.split("\N{BROKEN BAR}") == pieces
