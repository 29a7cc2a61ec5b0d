"""Agreement: the products of a sandbox across the vendors, those that differ first."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, render_template, request

from mockserver.console.control_client import path_of
from mockserver.console.pages.context import control

pages = Blueprint("agreement", __name__)
ROWS = 25
Json = Mapping[str, Any]


@pages.get("/sandboxes/<sandbox>/agreement")
def show(sandbox: str) -> str:
    text, only_differing = request.args.get("q", ""), "differing" in request.args
    after, path = request.args.get("after", ""), path_of("sandboxes", sandbox, "agreement")
    found = control().get(path, q=text[:200], differing=only_differing or None, after=after, limit=ROWS)
    return render_template(
        "agreement/show.html", sandbox=sandbox, q=text, only_differing=only_differing, after=after,
        path=path, odd=odd_ones, in_short=_in_short, **found,
    )  # fmt: skip


def odd_ones(product: Json) -> dict[str, set[str]]:
    """Return, for SKU, stock and price, the vendors that do not show what most vendors show.

    If no value is shown by more vendors than the others, all vendors that show one are odd.
    """
    parts = {part: dict(_shown(product, part)) for part in ("sku", "stock", "price")}
    return {
        part: set(_not_usual(part, values)) if part in product["differs"] else set()
        for part, values in parts.items()
    }


def _shown(product: Json, part: str) -> Iterator[tuple[str, Any]]:
    for vendor, cell in product["vendors"].items():
        if part == "price" and "prices" in cell:
            yield vendor, tuple(cell["prices"])
        elif cell[part] is not None:
            yield vendor, cell[part]


def _not_usual(part: str, values: Mapping[str, Any]) -> Iterator[str]:
    counted = Counter(values.values()).most_common(2)
    usual = counted[0][0] if len(counted) < 2 or counted[0][1] > counted[1][1] else None
    return (vendor for vendor, value in values.items() if usual is None or not _agree(part, value, usual))


def _agree(part: str, value: Any, usual: Any) -> bool:
    """Return True if two values are equal. For a vendor that knows no stock below zero, 0 is as low."""
    return bool(value == usual or (part == "stock" and max(value, usual) == 0))


def _in_short(product: Json) -> str:
    """Return in one line what all vendors show of a product about which they agree."""
    cells = product["vendors"].values()
    stock = next((cell["stock"] for cell in cells if cell["stock"] is not None), None)
    prices = [str(cell["price"]) for cell in cells if cell["price"] is not None]
    price = max(prices, key=len, default="")  # 1.50 rather than 1.5, as some vendors write it
    shown = [f"{stock} in stock" if stock is not None else "", price]
    vendors = "1 vendor" if len(cells) == 1 else f"{len(cells)} vendors"
    return " · ".join([*filter(None, shown), f"at {vendors}"])
