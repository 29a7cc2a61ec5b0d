"""The differences between two moments of a sandbox: the beginning, a snapshot, or now."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.lookup import refusals_as_problems, sandbox_of
from mockserver.control.rules import rules_json
from mockserver.control.sandboxes.document import clock_json, limits_json
from mockserver.data.store.differences import differences
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import World
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode

MAX_FIELDS = 100  # of a record that are told one by one
MAX_PAGE_BYTES = 8 * 1024 * 1024
ABSENT: Any = object()


class DiffControl:
    """Handlers of the diff operation. Each method is named after its operationId."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def diff_sandbox(self, call: Call) -> Any:
        sandbox, query = sandbox_of(self._sandboxes, call), call.query
        with refusals_as_problems():
            before = sandbox.snapshot(query["from"]) if "from" in query else sandbox.initial
            after = sandbox.snapshot(query["to"]) if "to" in query else sandbox.world
        found = list(self._records(sandbox, before, after))
        page, following = _page(found, query["offset"], query["limit"])
        return {
            "records": page,
            "total": len(found),
            "next": following,
            "clock": _change(clock_json(before.clock), clock_json(after.clock)),
            "limits": _change(limits_json(before.limits), limits_json(after.limits)),
            "faults": _change(rules_json(before.faults), rules_json(after.faults)),
            "dialect": _change(str(before.dialects), str(after.dialects)),
        }

    def _records(self, sandbox: Sandbox, before: World, after: World) -> Iterator[dict[str, Any]]:
        """Yield the records that differ, by vendor and collection."""
        for vendor, contract in self._contracts.items():
            for name, base in contract.base_records.items():
                for key, old, new in differences(base, sandbox.catalog, before.state, after.state):
                    yield {"vendor": vendor, "collection": name, "key": key, "before": old, "after": new}


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fields that differ between two versions of a record.

    Each has its `field`, such as `warehouses[0].stock`, and its values `before` and `after`; one that was not
    there has no value. If more than `MAX_FIELDS` differ, whole top-level fields are told.
    """
    changes = list(_inner_changes("", before, after))
    if len(changes) > MAX_FIELDS:
        names = dict.fromkeys([*before, *after])
        values = ((name, before.get(name, ABSENT), after.get(name, ABSENT)) for name in names)
        changes = [(name, old, new) for name, old, new in values if old != new]
    return [
        {
            "field": field,
            **({} if old is ABSENT else {"before": old}),
            **({} if new is ABSENT else {"after": new}),
        }
        for field, old, new in changes
    ]


def _inner_changes(field: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (field, value before, value after) for each innermost value that differs."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            inner = f"{field}.{name}" if field else str(name)
            yield from _inner_changes(inner, before.get(name, ABSENT), after.get(name, ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            old, new = (values[index] if index < len(values) else ABSENT for values in (before, after))
            yield from _inner_changes(f"{field}[{index}]", old, new)
    elif before is ABSENT or after is ABSENT or encode(before) != encode(after):
        yield field, before, after  # 1.0 and 1.00 differ here: a vendor may send the digits as they are


def _page(found: list[dict[str, Any]], offset: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """Return up to `limit` of the records that differ, with their fields, and the offset of the next page."""
    page: list[dict[str, Any]] = []
    left = MAX_PAGE_BYTES
    for one in found[offset : offset + limit]:
        both = one["before"] is not None and one["after"] is not None
        whole = {**one, "fields": changed_fields(one["before"], one["after"]) if both else []}
        left -= len(encode(whole))
        if page and left < 0:
            break
        page.append(whole)
    end = offset + len(page)
    return page, end if page and end < len(found) else None


def _change(before: Any, after: Any) -> dict[str, Any] | None:
    return None if before == after else {"before": before, "after": after}
