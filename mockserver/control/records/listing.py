"""Lists of records in the control API: found by a text, and those that differ from the beginning."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mockserver.data.catalog import bitset
from mockserver.data.store.base_records import BaseRecords, Record
from mockserver.data.store.differences import differences
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft
from mockserver.data.store.view import RecordsView
from mockserver.sandbox.sandbox import Sandbox


class RecordList:
    """The records of one collection in a sandbox, now and at the beginning.

    The beginning is the state to which a reset returns: that in which the sandbox was made, or last imported.
    """

    def __init__(self, base: BaseRecords, sandbox: Sandbox) -> None:
        self._base, self._catalog = base, sandbox.catalog
        self._state, self._initial_state = sandbox.state, sandbox.initial.state
        self.records = Records(base, Draft(self._catalog, self._state))
        self.initial = RecordsView(base, Draft(self._catalog, self._initial_state))

    def find(self, text: str | None, *, changed: bool) -> Sequence[Record]:
        """Return the records with a text, if there is one, and if `changed`, only those that have changed."""
        if not changed:
            return self.records if text is None else self.records.among(self._generated(text), has(text))
        compared = differences(self._base, self._catalog, self._initial_state, self._state)
        found = {key: now for key, _, now in compared if now is not None}
        if text is None:
            return list(found.values())
        numbers = {key: self._base.collection.locate(self._catalog, key) for key in found}
        known = bitset.from_numbers((n for n in numbers.values() if n is not None), self._size)
        generated, fits = set(bitset.Members(self._generated(text) & known)), has(text)
        return [now for key, now in found.items() if numbers[key] in generated or fits(now)]

    def is_changed(self, record: Record) -> bool:
        """Return True if a record is not what it was at the beginning."""
        return self.initial.get(self.key_of(record)) != record

    def key_of(self, record: Record) -> str:
        return str(record[self._base.collection.key])

    @property
    def _size(self) -> int:
        return self._base.collection.count(self._catalog)

    def _generated(self, text: str) -> int:
        """Return the numbers of the generated records of which a text is known, as a bit set.

        It is a part of the SKU or the name of a product, or a whole EAN or key. So not every record is made,
        and a record is also found by what its vendor does not show.
        """
        base, catalog, size = self._base, self._catalog, self._size
        if base.made_per is None:
            fits = has(text)
            return bitset.from_numbers((n for n in range(size) if fits(base.generate(catalog, n))), size)
        variants = catalog.variants_with_sku_part(text) | catalog.variants_with_name_part(text)
        if (number := catalog.variant_with_ean(text)) is not None:
            variants |= 1 << number
        if base.made_per == "product":
            variants = bitset.from_numbers(map(catalog.product_of, bitset.Members(variants)), size)
        number = base.collection.locate(catalog, text)
        return variants if number is None or not 0 <= number < size else variants | 1 << number


def has(text: str) -> Callable[[Any], bool]:
    """Return a predicate: a record, or a value in it, contains the text, ignoring case."""
    wanted = text.lower()

    def fits(value: Any) -> bool:
        if isinstance(value, Mapping):
            return any(map(fits, value.values()))
        if isinstance(value, list | tuple):
            return any(map(fits, value))
        return value is not None and wanted in str(value).lower()

    return fits
