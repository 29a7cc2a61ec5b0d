"""Fault `page_shift`: a list changes between two of its pages."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import msgspec
from msgspec import structs

from mockserver.data.store.state import Draft
from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer
from mockserver.vendor_api.call import Call

Member = Mapping[str, Any]  # a JSON object in an answer


class PageShift(Fault, frozen=True, tag="page_shift"):
    """Inserts or removes a record at the start of a page, so that the next page is shifted by one record.

    - `remove`: the vendor answers. Then the page's first record is deleted.
    - `insert`: the vendor answers as if the page's first record did not exist yet. The next page shows that
      the record exists. So the record seems to be inserted between the two reads.

    An answer that lists no records of the sandbox is not changed. A record is removed, and hidden, in all
    collections that have it, with what the vendor deletes with it (see `Vendor.remove`).
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
        if (key := _first_shown(exchange)) is None:
            return
        if self.change == "remove":
            with exchange.sandbox.transaction() as draft:
                _delete(exchange, draft, key)
            return
        exchange.call.draft = Draft(seen.catalog, seen.state)
        _delete(exchange, exchange.call.draft, key)
        await answer()


def _delete(exchange: Exchange, draft: Draft, key: str) -> None:
    """Delete the records with a key, in all collections, with what belongs to them."""
    call, remove = structs.replace(exchange.call, draft=draft), exchange.vendor.remove
    for name in sorted(exchange.base_records, key=lambda name: name not in remove):
        records = call.records(name)
        if (record := records.get(key)) is not None:
            if name in remove:
                remove[name](call, record)
            else:
                records.delete(key)


def _first_shown(exchange: Exchange) -> str | None:
    """Return the key of the first record that the answer lists, or None if it lists none of the sandbox."""
    response, call = exchange.response, exchange.call
    if response is None or response.status != 200:
        return None

    def key_of(member: Member) -> str | None:
        return _stored_key(call, member)

    listed = _listed(msgspec.json.decode(response.body), key_of)
    return next((key for member in listed if (key := key_of(member)) is not None), None)


def _stored_key(call: Call, member: Member) -> str | None:
    """Return the key of the record that an object shows, or None if it shows none."""
    for name, base in call.base_records.items():
        key = str(member.get(base.collection.key))
        if call.records(name).get(key) is not None:
            return key
    return None


def _listed(body: Any, key_of: Callable[[Member], str | None]) -> Iterator[Member]:
    """Yield the objects in the lists of an object, and of objects in it, but not in those of a record."""
    if not isinstance(body, dict) or key_of(body) is not None:
        return
    for value in body.values():
        if isinstance(value, list):
            yield from (member for member in value if isinstance(member, dict))
        else:
            yield from _listed(value, key_of)
