"""The differences between two states of a collection."""

from collections.abc import Iterator

from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords, Record
from mockserver.data.store.state import ORIGINAL, UNCHANGED, Draft, State
from mockserver.data.store.view import RecordsView

Difference = tuple[str, Record | None, Record | None]  # key, record before, record after


def differences(base: BaseRecords, catalog: Catalog, before: State, after: State) -> Iterator[Difference]:
    """Yield the records that differ, in the order of the collection. The record is None where there is none.

    The cost grows with the number of changed records in both states, and not with the collection.
    """
    old, new = (state.overlays.get(base.id, UNCHANGED) for state in (before, after))
    if old is new:
        return
    keys = [
        key
        for key in {*old.changed, *new.changed}
        if old.changed.get(key, ORIGINAL) is not new.changed.get(key, ORIGINAL)
    ]
    old_view, new_view = (RecordsView(base, Draft(catalog, state)) for state in (before, after))
    added = {key: number for overlay in (old, new) for number, key in overlay.added.items()}
    for key in sorted(keys, key=lambda key: (new_view.index_of(key), added.get(key, 0), key)):
        record, now = old_view.get(key), new_view.get(key)
        if record != now:
            yield key, record, now
