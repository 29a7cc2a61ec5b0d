"""A vendor whose generated records do not show the catalog's goods is refused at start."""

from pathlib import Path

import pytest

from mockserver import app
from mockserver.data.resources import InvalidFile
from tests.conftest import ROOT
from tests.test_docs import blocks

MODULE = "vendors/depot.py"
FILES = {
    block.kind.partition("file=")[2]: block.text
    for block in blocks((ROOT / "docs" / "add-a-vendor.md").read_text())
    if "file=" in block.kind
}
SHOWN = 'record["quantity"], (record["price"],)'
WRONG = {
    "stock of one location": ('record["quantity"] - 1, (record["price"],)',
        "items shows the stock {}, not {}: show the sum of all locations, or leave it out"),
    "price without tax": ('record["quantity"], (record["price"] - 1,)',
        "items shows the price {}, not {}: show the price with tax, or leave it out"),
    "price that is no number": ('record["quantity"], (record["price"], "cheap")',
        "items shows the price cheap, not {}: show the price with tax, or leave it out"),
    "an exception": ('record["count"]', "KeyError: 'count': correct the collection"),
    "no items": (None, "items returns 0 items, not 1: return one for each variant"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_items_that_do_not_show_the_catalogs_goods_are_refused(name: str, tmp_path: Path) -> None:
    shown, message = WRONG[name]
    for file, text in FILES.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    module, text = tmp_path / MODULE, FILES[MODULE]
    assert SHOWN in text
    damaged = text.replace(SHOWN, shown) if shown else text.replace("items=items", "items=lambda one: []")
    module.write_text(damaged)
    with pytest.raises(InvalidFile) as caught:
        app.build(products=1, names=["depot"], vendors_from=tmp_path)
    before, *rest = message.split("{}")
    assert str(caught.value).startswith(f"{module}: generated record 0 of articles: {before}")
    assert not rest or str(caught.value).endswith(rest[-1])


@pytest.mark.parametrize("shown", ['record["quantity"]', 'None, (str(record["price"]),)', "None"])
def test_what_a_vendor_does_not_show_may_be_left_out(shown: str, tmp_path: Path) -> None:
    for file, text in FILES.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text.replace(SHOWN, shown))
    assert app.build(products=1, names=["depot"], vendors_from=tmp_path).contracts


def test_stock_below_zero_that_the_schema_does_not_allow_is_refused(tmp_path: Path) -> None:
    for file, text in FILES.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text.replace("max(variant.quantity, 0)", "variant.quantity"))
    with pytest.raises(InvalidFile) as caught:
        app.build(products=1, names=["depot"], vendors_from=tmp_path)
    assert f"{tmp_path / MODULE}: generated record 44 of articles: " in str(caught.value)
    assert "quantity" in str(caught.value)
