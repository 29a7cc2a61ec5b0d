"""The product operations of the control API: list and find products, and compare them across the vendors."""

from collections.abc import Mapping
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

from mockserver.contract.contract import Contract
from mockserver.control.lookup import base_url, sandbox_of
from mockserver.control.products.agreement import Agreement, Cell, Row, parse_position, position_text
from mockserver.control.products.goods import Good, Goods, Place
from mockserver.control.products.search import START, Search, parse_place, place_text
from mockserver.data.store.state import State
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Call

MAX_KEPT_CHANGES = 1000  # changed records of a sandbox whose agreement is kept


class ProductControl:
    """Handlers of the product operations. Each method is named after its operationId."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes
        self._agreements: WeakKeyDictionary[Sandbox, tuple[State, Agreement]] = WeakKeyDictionary()

    def list_products(self, call: Call) -> Any:
        goods, query = Goods(sandbox_of(self._sandboxes, call), self._contracts), call.query
        search = Search(goods, query.get("sku"), query.get("q"))
        after = parse_place(query["after"]) if "after" in query else START
        return products_page(search, after, query["limit"], base_url(call))

    def get_agreement(self, call: Call) -> Any:
        query, agreement = call.query, self._agreement(sandbox_of(self._sandboxes, call))
        search = agreement.search(query.get("sku"), query.get("q"))
        after = parse_position(query["after"]) if "after" in query else (0, START)
        limit, only_differing = query["limit"], query["differing"]
        found = list(islice(agreement.after(after, search, only_differing=only_differing), limit + 1))
        return {
            "products": [_row_json(row) for _, row in found[:limit]],
            "differing": len(agreement.differing(search)),
            "shows": {name: [*agreement.shown_by(name)] for name in self._contracts},
            "next": position_text(found[limit - 1][0]) if len(found) > limit else None,
        }

    def _agreement(self, sandbox: Sandbox) -> Agreement:
        """Return the agreement of a sandbox, which is kept until a record changes: live pages ask often."""
        goods = Goods(sandbox, self._contracts)
        kept = self._agreements.get(sandbox)
        if kept and kept[0] is goods.state:
            return kept[1]
        agreement = Agreement(goods)
        self._agreements.pop(sandbox, None)
        if goods.state.changes <= MAX_KEPT_CHANGES:
            self._agreements[sandbox] = goods.state, agreement
        return agreement


def products_page(search: Search, after: Place, limit: int, base: str) -> dict[str, Any]:
    """Return the JSON of one page of products. `base` is the URL of the server."""
    found = list(islice(search.after(after), limit + 1))
    return {
        "products": [_product_json(good, base) for good in found[:limit]],
        "next": place_text(found[limit - 1].place) if len(found) > limit else None,
    }


def _product_json(good: Good, base: str) -> dict[str, Any]:
    return {
        "sku": good.sku,
        "name": good.name,
        "ean": good.ean,
        "vendors": {
            vendor: {
                "collection": collection,
                "key": key,
                "ids": dict(item.ids),
                "method": "GET",
                "path": item.path,
                "url": f"{base}/{vendor}{item.path}",
            }
            for vendor, (collection, key, item) in good.names.items()
        },
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "sku": row.good.sku,
        "name": row.good.name,
        "differs": row.differs,
        "missing": [*row.missing],
        "vendors": {vendor: _cell_json(cell) for vendor, cell in row.cells.items()},
    }


def _cell_json(cell: Cell) -> dict[str, Any]:
    shown = {"sku": cell.sku, "stock": cell.stock, "price": cell.prices[0] if cell.prices else None}
    several = {"prices": [*cell.prices]} if len(cell.prices) > 1 else {}
    return {"collection": cell.collection, "key": cell.key, "item": cell.item, **shown, **several}
