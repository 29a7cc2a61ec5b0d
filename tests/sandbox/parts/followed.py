"""A sandbox that is followed: after each step, its parts must tell exactly what it is."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from mockserver.data.store.state import Overlay, State
from mockserver.sandbox.clock import LAST_MOMENT, REAL_TIME
from mockserver.sandbox.dialects import DOCUMENTED
from mockserver.sandbox.log.contents import Contents, contents_of
from mockserver.sandbox.log.parts import apply, difference, whole
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import World
from mockserver.vendor_api.rate_limits import Limits

# What may be made again exactly as it was, and is then written again.
REPEATED = "changes/record/", "snapshot/", "initial"


class Followed:
    """A sandbox, the parts that a store would keep of it, and the contents that another server would have."""

    def __init__(self, sandbox: Sandbox, common: World) -> None:
        self.sandbox, self.common = sandbox, common
        self.contents = contents_of(sandbox)
        self.parts: dict[str, bytes] = whole(self.contents, common)
        self.elsewhere = apply(None, "", self.parts, common)

    def after(self, step: Callable[[], Any]) -> dict[str, bytes | None]:
        """Carry out a step. Check what its parts tell, and return them."""
        self.sandbox.touched = set()
        step()
        before, self.contents = self.contents, contents_of(self.sandbox)
        cleared, parts = difference(before, self.contents, self.sandbox.touched, self.common)
        assert exactly(apply(before, cleared, parts, self.common)) == exactly(self.contents)
        self._check(apply(self.elsewhere, *difference(before, self.contents, None, self.common), self.common))
        self.elsewhere = apply(self.elsewhere, cleared, parts, self.common)
        self._check(self.elsewhere)
        self._keep(cleared, parts)
        assert self.parts == whole(self.contents, self.common)  # nothing is missing, and nothing left over
        self._check(apply(None, "", self.parts, self.common))
        return parts

    def _keep(self, cleared: str, parts: Mapping[str, bytes | None]) -> None:
        if cleared:
            self.parts = {name: part for name, part in self.parts.items() if not name.startswith(cleared)}
        for name, part in parts.items():
            if part is None:
                assert self.parts.pop(name, None) is not None, f"{name} is removed, but was never there"
            else:
                assert self.parts.get(name) != part or name.startswith(REPEATED), f"{name} has not changed"
                self.parts[name] = part

    def _check(self, found: Contents) -> None:
        assert found == self.contents
        assert exactly(found) == exactly(self.contents)
        assert identities(found) >= identities(self.contents)


def exactly(value: Any) -> Any:
    """Return a value as nested tuples that differ if any type, text or order differs that could matter."""
    name = type(value).__name__
    match value:
        case State():
            totals = value.changes, value.products_made, value.size
            return name, _sorted(value.overlays), totals
        case Overlay():
            maps = map(_sorted, (value.changed, value.added, value.aliases))
            return name, *maps, value.deleted_indexes, value.next_added
        case Limits():
            return name, value.enabled, exactly(value.overrides), _sorted(value.usages)
        case Contents():
            others = {
                field: getattr(value, field) for field in value.__struct_fields__ if field != "snapshots"
            }
            return name, exactly(others), _sorted(value.snapshots)
        case msgspec.Struct():
            return name, *(exactly(getattr(value, field)) for field in value.__struct_fields__)
        case dict():
            return name, *((exactly(key), exactly(member)) for key, member in value.items())
        case list() | tuple():
            return name, *map(exactly, value)
        case set() | frozenset():
            return name, frozenset(map(exactly, value))
    if is_dataclass(value):
        return name, *(exactly(getattr(value, field.name)) for field in fields(value))
    return name, str(value)


def _sorted(value: Mapping[Any, Any]) -> Any:
    return tuple(sorted((str(key), exactly(member)) for key, member in value.items()))


def identities(contents: Contents) -> set[tuple[str, ...]]:
    """Return the identities that hold, of those that other code relies on."""
    worlds = {"now": contents.world, "initial": contents.initial, **contents.snapshots}
    states = {"origin": contents.origin, **{name: world.state for name, world in worlds.items()}}
    same = {(name, other) for name, one in states.items() for other in states if one is states[other]}
    real = {(name, "clock") for name, world in worlds.items() if world.clock is REAL_TIME}
    documented = {(name, "dialects") for name, world in worlds.items() if world.dialects is DOCUMENTED}
    endless = contents.about is not None and contents.about.ends is LAST_MOMENT
    return same | real | documented | ({("endless",)} if endless else set())
