"""The write that the tour of the public demo waits for: one that makes the vendors differ in a product."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.context import control
from mockserver.console.pages.demo.tour import Call, Route

MAX_WRITES = 10  # of a sandbox whose products are looked up
Product = Mapping[str, Any]  # as the agreement lists it: what each vendor shows of it


@dataclass(frozen=True)
class Written:
    """A call that changed a product, and the product, or None if it is gone.

    `done` is False if only one vendor has the product, so that no other one can differ.
    """

    call: Call
    product: Product | None
    done: bool


def written_in(sandbox: str, route: Route, writes: Sequence[Call]) -> Written | None:
    """Return the first write that does the task, or else the last one that only one vendor can show, or None.

    A write to the product of the tour does it in any case: a server may have only one vendor.
    """
    alone = None
    for call in sorted(writes, key=lambda call: not route.is_about(call))[:MAX_WRITES]:
        product = _product(sandbox, call["id"])
        if route.is_about(call) or (product and len(product["vendors"]) > 1):
            return Written(call, product, done=True)
        if product:
            alone = Written(call, product, done=False)
    return alone


def _product(sandbox: str, call: str) -> Product | None:
    """Return the product that a call changed: one in which the vendors differ, if it changed several."""
    try:
        changes = control().get(path_of("requests", call))["changes"]
        found = [product for change in changes for product in _products(sandbox, change)]
    except Refused:  # the journal has no room for the call any more, or the sandbox has ended
        return None
    return max(found, key=lambda product: bool(product["differs"]), default=None)


def _products(sandbox: str, change: Mapping[str, Any]) -> Iterator[Product]:
    """Yield the products of a changed record."""
    listed = control().get(path_of("sandboxes", sandbox, "agreement"), q=change["key"])
    for product in listed["products"]:
        cell = product["vendors"].get(change["vendor"])
        if cell and (cell["collection"], cell["key"]) == (change["collection"], change["key"]):
            yield product
