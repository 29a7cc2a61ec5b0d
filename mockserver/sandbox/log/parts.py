"""A sandbox as named parts in bytes, so that a store keeps it and other servers can follow it.

Every part is JSON. A part that would have its usual value does not exist.

| part | what it is | usual value |
|---|---|---|
| `about` | a sandbox's seed, time to live, credential and so on | |
| `calls`, `clock`, `dialects` | of the current world | as in a new `World` |
| `limits`, `usage/KEY` | the settings of rate limits; what a client has used of one | |
| `rules`, `counts`, `stale` | fault rules; their counts; the stale view | |
| `state` | the token of its origin, the generation; then the totals of the state, if it has changed | |
| `changes/…` | how the state differs from its origin (see `record_parts`) | |
| `initial` | the initial world | the common one |
| `snapshot/NAME` | the world of a snapshot | |
| `frozen/TOKEN` | a whole state that does not change: an origin, or one of another world | |
| `webhooks` | the registered webhooks | |
| `delivery/ID` | a delivery to a webhook that waits | |

The common world is the one with which the sandboxes of a server begin. All servers must have the same (see
`fingerprint_of`). Its state has the empty token.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from mockserver.data.store.state import State
from mockserver.sandbox.clock import LAST_MOMENT, REAL_TIME
from mockserver.sandbox.dialects import DOCUMENTED
from mockserver.sandbox.faults.rules import Faults
from mockserver.sandbox.log import world_parts as texts
from mockserver.sandbox.log.contents import About, Contents, Webhooks, nothing
from mockserver.sandbox.log.record_parts import CHANGES, Parts, Touched, record_parts, state_with
from mockserver.sandbox.webhooks.webhook import NO_DELIVERIES, Deliveries, KeptDelivery
from mockserver.sandbox.world import World
from mockserver.vendor_api.rate_limits import Limits

COMMON = World()
MAX_REASON = 200  # characters
USAGE, SNAPSHOT, FROZEN, DELIVERY = "usage/", "snapshot/", "frozen/", "delivery/"
NO_LIMITS, NO_FAULTS = Limits(), Faults()
encode = msgspec.json.encode
_number, _about = msgspec.json.Decoder(int).decode, msgspec.json.Decoder(About).decode
_delivery = msgspec.json.Decoder(KeptDelivery).decode
_webhooks = msgspec.json.Decoder(Webhooks).decode
Totals = tuple[str, int, tuple[int, ...]]  # the token of the origin, the generation, and of the state
_state = msgspec.json.Decoder(Totals).decode


class PartsDamaged(Exception):
    """Raised if the parts of a sandbox cannot be read."""


def difference(
    before: Contents, after: Contents, touched: Touched | None = None, common: World = COMMON
) -> tuple[str, Parts]:
    """Return what changes from one moment of a sandbox to a later one: a prefix, and the parts.

    First all parts are removed whose names begin with the prefix, unless it is empty. Then the parts are set,
    and those that are None removed. `touched` is what commits have touched in between (`Sandbox.touched`).
    With None, the records are compared. Raise NotKept if a record holds what cannot be kept.
    """
    parts: Parts = {}
    if after.calls != before.calls:
        parts["calls"] = b"%d" % after.calls if after.calls else None
    if after.limits is not before.limits:
        parts.update(_limits(before.limits, after.limits))
    if after.clock is not before.clock and after.clock != before.clock:
        parts["clock"] = None if after.clock == REAL_TIME else texts.clock_text(after.clock)
    if after.dialects is not before.dialects and after.dialects != before.dialects:
        parts["dialects"] = None if after.dialects == DOCUMENTED else texts.dialects_text(after.dialects)
    if after.about != before.about:
        parts["about"] = encode(after.about)
    if after.webhooks != before.webhooks:
        parts["webhooks"] = encode(after.webhooks) if after.webhooks else None
    if after.deliveries is not before.deliveries or after.made_deliveries != before.made_deliveries:
        parts.update(_deliveries(before, after))
    tokens, cleared = _Tokens(common), ""
    if after.faults is not before.faults:
        parts.update(_faults(before.faults, after.faults, tokens))
    has_other_worlds = _has_other_worlds(before, after)
    if after.state is not before.state or after.generation != before.generation or has_other_worlds:
        cleared, changes = state_difference(before, after, touched, common)
        parts.update(changes)
    if has_other_worlds:
        parts.update(_frozen(before, after, tokens))
    return cleared, parts


def state_difference(
    before: Contents, after: Contents, touched: Touched | None, common: World
) -> tuple[str, Parts]:
    """Return what `difference` returns of the state: it is all that most writes change."""
    origin, state, cleared = after.origin, after.state, ""
    if origin is before.origin and state is not origin:
        parts = record_parts(origin, before.state, state, touched)
    else:
        cleared = "" if before.state is before.origin else CHANGES
        parts = {} if state is origin else record_parts(origin, origin, state, None)
    totals = _totals(after, common)
    if totals != _totals(before, common):
        parts["state"] = None if totals is None else encode(totals)
    return cleared, parts


def whole(contents: Contents, common: World = COMMON) -> dict[str, bytes]:
    """Return all parts of a sandbox. Raise NotKept if a record holds what cannot be kept."""
    _, parts = difference(nothing(common), contents, None, common)
    return {name: part for name, part in parts.items() if part is not None}


def apply(
    contents: Contents | None, cleared: str, parts: Mapping[str, bytes | None], common: World = COMMON
) -> Contents:
    """Return the contents after a difference. With None, there was nothing before. Raise PartsDamaged."""
    if cleared not in ("", CHANGES):
        raise PartsDamaged(f"no parts have the prefix {cleared[:50]!r}")
    try:
        return _Reader(contents or nothing(common), parts, common).read(cleared)
    except (
        msgspec.MsgspecError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise PartsDamaged(f"a sandbox in the store is damaged: {str(error)[:MAX_REASON]}") from error


def fingerprint_of(world: World) -> str:
    """Return a digest of a world that is the same in every process: all servers must have the same world."""
    return _digest(texts.world_text(world, lambda state: _digest(texts.state_text(state))))


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


class _Tokens:
    """Names states. The state of the common world has the empty token."""

    def __init__(self, common: World) -> None:
        self.common = common

    def __call__(self, state: State) -> str:
        return "" if state is self.common.state else state.token

    def frozen(self, contents: Contents) -> dict[str, State]:
        """Return the states by their tokens that the contents have as a whole."""
        worlds = contents.initial, *contents.snapshots.values()
        faults = contents.faults, *(world.faults for world in worlds)
        stale = [state for state in map(_stale_state, faults) if state is not None]
        states = contents.origin, *(world.state for world in worlds), *stale
        return {token: state for state in states if (token := self(state))}


def _totals(contents: Contents, common: World) -> Totals | None:
    """Return the part `state` before it is encoded. None means that there is none."""
    origin, state, generation = contents.origin, contents.state, contents.generation
    token = "" if origin is common.state else origin.token
    if state is origin:
        return (token, generation, ()) if token or generation else None
    return token, generation, (state.changes, state.products_made, state.size)


def _has_other_worlds(before: Contents, after: Contents) -> bool:
    """Return True if there may be other worlds, beside the current one, or other whole states."""
    return (
        after.origin is not before.origin
        or after.initial is not before.initial
        or after.snapshots is not before.snapshots
        or (
            after.faults is not before.faults
            and _stale_state(after.faults) is not _stale_state(before.faults)
        )
    )


def _stale_state(faults: Faults) -> State | None:
    return faults.stale.state if faults.stale else None


def _limits(before: Limits, after: Limits) -> Iterator[tuple[str, bytes | None]]:
    if (after.enabled, after.overrides) != (before.enabled, before.overrides):
        usual = (after.enabled, after.overrides) == (NO_LIMITS.enabled, NO_LIMITS.overrides)
        yield "limits", None if usual else texts.settings_text(after)
    for key, usage in after.usages.items():
        earlier = before.usages.get(key)
        if earlier is not usage and (earlier is None or earlier.used != usage.used or earlier.at != usage.at):
            yield USAGE + texts.usage_name(key), texts.usage_text(usage)
    if after.usages.keys() != before.usages.keys():
        for key in before.usages.keys() - after.usages.keys():
            yield USAGE + texts.usage_name(key), None


def _deliveries(before: Contents, after: Contents) -> Iterator[tuple[str, bytes | None]]:
    if after.made_deliveries != before.made_deliveries:
        yield "made_deliveries", encode(after.made_deliveries) if after.made_deliveries else None
    for id, delivery in after.deliveries.items():
        if before.deliveries.get(id) != delivery:
            yield DELIVERY + id, encode(delivery)
    for id in before.deliveries.keys() - after.deliveries.keys():
        yield DELIVERY + id, None


def _faults(before: Faults, after: Faults, tokens: _Tokens) -> Iterator[tuple[str, bytes | None]]:
    if after.rules is not before.rules:
        if [one.rule for one in after.rules] != [one.rule for one in before.rules]:
            yield "rules", texts.rules_text(after) if after.rules else None
        counts = texts.counts_of(after)
        if counts != texts.counts_of(before):
            yield "counts", encode(counts) if counts else None
    if after.stale is not before.stale:
        stale = texts.stale_text(after.stale, tokens)
        if stale != texts.stale_text(before.stale, tokens):
            yield "stale", stale


def _frozen(before: Contents, after: Contents, tokens: _Tokens) -> Iterator[tuple[str, bytes | None]]:
    """Yield the parts of worlds and whole states that differ."""
    if after.initial is not before.initial:
        usual = after.initial is tokens.common
        yield "initial", None if usual else texts.world_text(after.initial, tokens)
    for name, world in after.snapshots.items():
        if before.snapshots.get(name) is not world:
            yield SNAPSHOT + name, texts.world_text(world, tokens)
    for name in before.snapshots.keys() - after.snapshots.keys():
        yield SNAPSHOT + name, None
    old, new = tokens.frozen(before), tokens.frozen(after)
    for token in new.keys() - old.keys():
        yield FROZEN + token, texts.state_text(new[token])
    for token in old.keys() - new.keys():
        yield FROZEN + token, None


class _Reader:
    """Reads parts on top of the contents so far."""

    def __init__(self, before: Contents, parts: Mapping[str, bytes | None], common: World) -> None:
        self._before, self._common = before, common
        self._single: Parts = {}
        self._groups: dict[str, Parts] = {
            "usage": {}, "snapshot": {}, "frozen": {}, "changes": {}, "delivery": {}
        }  # fmt: skip
        for name, part in parts.items():
            group, slash, rest = name.partition("/")
            if slash:
                self._groups[group][rest] = part
            else:
                self._single[name] = part
        self._states: dict[str, State] | None = None

    def read(self, cleared: str) -> Contents:
        """Return the contents. Raise ValueError or another error if the parts are damaged."""
        single, groups, fields = self._single, self._groups, dict[str, Any]()
        for name, part in single.items():
            if name in SINGLE:
                read, usual = SINGLE[name]
                fields[name] = usual if part is None else read(part)
            elif name not in COMBINED:
                raise ValueError(f"there is no part {name[:50]}")
        if "limits" in single or groups["usage"]:
            fields["limits"] = self._limits()
        if not single.keys().isdisjoint(("rules", "counts", "stale")):
            fields["faults"] = self._faults()
        if "initial" in single:
            fields["initial"] = self._world(single["initial"])
        if groups["snapshot"]:
            fields["snapshots"] = self._snapshots()
        if groups["delivery"]:
            fields["deliveries"] = self._deliveries()
        if cleared or "state" in single or groups["changes"]:
            fields.update(self._state(cleared))
        return replace(self._before, **fields)

    def _limits(self) -> Limits:
        before, usages = self._before.limits, dict(self._before.limits.usages)
        for name, part in self._groups["usage"].items():
            if part is None:
                del usages[texts.usage_key(name)]
            else:
                usages[texts.usage_key(name)] = texts.usage_from(part)
        if "limits" not in self._single:
            return Limits(before.enabled, before.overrides, usages)
        settings = self._single["limits"]
        return Limits(usages=usages) if settings is None else texts.limits_from(settings, usages)

    def _faults(self) -> Faults:
        before, single = self._before.faults, self._single
        rules, stale = [one.rule for one in before.rules], before.stale
        if "rules" in single:
            rules = texts.rules_from(single["rules"] or b"[]")
        counts = texts.counts_of(before)
        if "counts" in single:
            counts = texts.counts_from(single["counts"] or b"[]")
        if "stale" in single:
            part = single["stale"]
            stale = None if part is None else texts.stale_from(part, self._state_of)
        return Faults(texts.counted(rules, counts), stale)

    def _world(self, part: bytes | None) -> World:
        return self._common if part is None else texts.world_from(part, self._state_of)

    def _deliveries(self) -> Deliveries:
        deliveries = dict(self._before.deliveries)
        for id, part in self._groups["delivery"].items():
            if part is None:
                del deliveries[id]
            else:
                deliveries[id] = _delivery(part)
        in_order = sorted(deliveries.items(), key=lambda item: int(item[0][1:]))
        return dict(in_order) or NO_DELIVERIES

    def _snapshots(self) -> dict[str, World]:
        snapshots = dict(self._before.snapshots)
        for name, part in self._groups["snapshot"].items():
            if part is None:
                del snapshots[name]
            else:
                snapshots[name] = self._world(part)
        return snapshots

    def _state(self, cleared: str) -> dict[str, Any]:
        """Return the fields that make up the current state."""
        before, changes = self._before, self._groups["changes"]
        kept = _totals(before, self._common)
        if "state" in self._single:
            part = self._single["state"]
            kept = None if part is None else _state(part)
        token, generation, totals = kept or ("", 0, ())
        origin = state = self._state_of(token)
        if totals:
            here = before.state if origin is before.origin and not cleared else origin
            state = state_with(here, origin, changes, totals)
        elif any(part is not None for part in changes.values()):
            raise ValueError("there are changes in a state without changes")
        return {"state": state, "origin": origin, "generation": generation}

    def _state_of(self, token: str) -> State:
        """Return a state that does not change by its token."""
        if token == "":
            return self._common.state
        if self._states is None:
            self._states = _Tokens(self._common).frozen(self._before)
        if token not in self._states:
            part = self._groups["frozen"][token]
            if part is None:
                raise ValueError("a state is needed that has been removed")
            self._states[token] = texts.state_from(part).named(token)
        return self._states[token]


def _read_about(part: bytes) -> About:
    about = _about(part)
    return replace(about, ends=LAST_MOMENT) if about.ends == LAST_MOMENT else about


SINGLE: dict[str, tuple[Callable[[bytes], Any], Any]] = {
    "calls": (_number, 0),
    "clock": (texts.clock_from, REAL_TIME),
    "dialects": (texts.dialects_from, DOCUMENTED),
    "about": (_read_about, None),
    "webhooks": (_webhooks, None),
    "made_deliveries": (_number, 0),
}
COMBINED = {"limits", "rules", "counts", "stale", "initial", "state"}
