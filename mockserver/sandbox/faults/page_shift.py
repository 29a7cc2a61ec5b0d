"""Fault `page_shift`: a list changes between two of its pages."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import msgspec

from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer
from mockserver.store.records import Records
from mockserver.store.state import Draft

Found = tuple[Any, str]  # the base records of a collection, and the key of a record in it


class PageShift(Fault, frozen=True, tag="page_shift"):
    """Inserts or removes a record at the start of a page, so that the next page is shifted by one record.

    - `remove`: the vendor answers. Then the page's first record is deleted.
    - `insert`: the vendor answers as if the page's first record did not exist yet. The next page shows that
      the record exists. So the record seems to be inserted between the two reads.

    A page without records is not changed.
    """

    summary: ClassVar[str] = (
        "A list changes after a page of it is read. With `remove`, the page's first record is removed, so"
        " the next page skips a record. With `insert`, a record is inserted at the start of the page, so the"
        " next page repeats a record."
    )
    change: Literal["insert", "remove"]

    def fits(self, writes: bool) -> bool:
        return not writes

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        seen = exchange.call.draft
        await answer()
        if (first := _first_shown(exchange)) is None:
            return
        if self.change == "remove":
            _remove(exchange, *first)
            return
        exchange.call.draft = Draft(seen.catalog, seen.state)
        Records(first[0], exchange.call.draft).delete(first[1])
        await answer()


def _remove(exchange: Exchange, base: Any, key: str) -> None:
    with exchange.sandbox.transaction() as draft:
        records = Records(base, draft)
        if records.get(key) is not None:
            records.delete(key)


def _first_shown(exchange: Exchange) -> Found | None:
    """Return the first record that the answer lists, or None if it lists no record of the sandbox."""
    response = exchange.response
    if response is None or response.status != 200:
        return None
    for item in _listed(msgspec.json.decode(response.body)):
        for base in exchange.base_records.values():
            key = str(item.get(base.collection.key))
            if Records(base, exchange.call.draft).get(key) is not None:
                return base, key
    return None


def _listed(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in all lists that are direct members of a JSON object."""
    for value in body.values() if isinstance(body, dict) else ():
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict))
