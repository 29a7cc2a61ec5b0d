"""The smaller fields of a world as bytes: its clock, limits, faults and dialects. Also whole worlds."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from mockserver.data.store.state import UNCHANGED, CollectionId, Overlay, State
from mockserver.sandbox.clock import NO_TIME, REAL_TIME, Clock
from mockserver.sandbox.dialects import DOCUMENTED, Dialect, Dialects
from mockserver.sandbox.faults import fault_types
from mockserver.sandbox.faults.rules import CountedRule, Faults, Rule, StaleView
from mockserver.sandbox.log.values import decode_value, encode_value
from mockserver.sandbox.world import World
from mockserver.vendor_api.rate_limits import Key, Limits, Usage

MICROSECOND = timedelta(microseconds=1)
StateOf = Callable[[str], State]  # by its token
Counts = tuple[int, int]
# Vendor, collection and the fields of an overlay.
KeptOverlay = tuple[
    str,
    str,
    dict[str, dict[str, Any] | None],
    list[tuple[int, str]],
    list[int],
    list[tuple[str, str, str]],
    int,
]
encode, decode = msgspec.json.encode, msgspec.json.decode


class _Clock(msgspec.Struct, omit_defaults=True):
    offset: int = 0  # microseconds
    frozen: datetime | None = None


class _Settings(msgspec.Struct):
    enabled: bool
    overrides: dict[str, dict[str, int]]


class _Stale(msgspec.Struct, array_like=True):
    state: str
    written: datetime
    reads_left: int | None
    seconds: float | None


class _World(msgspec.Struct):
    state: str
    calls: int
    clock: msgspec.Raw
    limits: msgspec.Raw
    usages: dict[str, msgspec.Raw]
    rules: msgspec.Raw
    counts: msgspec.Raw
    stale: msgspec.Raw
    dialects: msgspec.Raw


counts_from = msgspec.json.Decoder(list[Counts]).decode
_rules = msgspec.json.Decoder(list[dict[str, Any]]).decode
_usage = msgspec.json.Decoder(tuple[int, int]).decode
_dialects = msgspec.json.Decoder(tuple[Dialect, dict[str, Dialect]]).decode


def world_text(world: World, token_of: Callable[[State], str]) -> bytes:
    """Return a world. In place of its state there is the state's token."""
    faults, usages = world.faults, world.limits.usages
    return encode(_World(
        token_of(world.state),
        world.calls,
        msgspec.Raw(clock_text(world.clock)),
        msgspec.Raw(settings_text(world.limits)),
        {usage_name(key): msgspec.Raw(usage_text(usage)) for key, usage in sorted(usages.items())},
        msgspec.Raw(rules_text(faults)),
        msgspec.Raw(encode(counts_of(faults))),
        msgspec.Raw(stale_text(faults.stale, token_of) or b"null"),
        msgspec.Raw(dialects_text(world.dialects)),
    ))  # fmt: skip


def world_from(text: bytes, state_of: StateOf) -> World:
    kept = decode(text, type=_World)
    usages = {usage_key(name): usage_from(bytes(usage)) for name, usage in kept.usages.items()}
    rules = counted(rules_from(bytes(kept.rules)), counts_from(bytes(kept.counts)))
    stale = bytes(kept.stale)
    return World(
        state_of(kept.state),
        clock_from(bytes(kept.clock)),
        kept.calls,
        limits_from(bytes(kept.limits), usages),
        Faults(rules, None if stale == b"null" else stale_from(stale, state_of)),
        dialects_from(bytes(kept.dialects)),
    )


def clock_text(clock: Clock) -> bytes:
    return encode(_Clock(clock.offset // MICROSECOND, clock.frozen))


def clock_from(text: bytes) -> Clock:
    kept = decode(text, type=_Clock)
    offset = kept.offset * MICROSECOND if kept.offset else NO_TIME
    return Clock(offset, kept.frozen) if kept.offset or kept.frozen else REAL_TIME


def settings_text(limits: Limits) -> bytes:
    """Return the settings of rate limits, without what clients have used of them."""
    return encode({"enabled": limits.enabled, "overrides": limits.overrides})


def limits_from(settings: bytes, usages: Mapping[Key, Usage]) -> Limits:
    kept = decode(settings, type=_Settings)
    return Limits(kept.enabled, kept.overrides, usages)


@lru_cache(1024)
def usage_name(key: Key) -> str:
    """Return a key as ASCII: clients choose some of it, and it may contain what UTF-8 cannot express."""
    return json.dumps(key, separators=(",", ":"))


@lru_cache(1024)
def usage_key(name: str) -> Key:
    key = json.loads(name)
    if not isinstance(key, list) or not all(isinstance(part, str) for part in key):
        raise ValueError("the key of a usage is not a list of texts")
    return tuple(key)


def usage_text(usage: Usage) -> bytes:
    return b"[%d,%d]" % (usage.used, usage.at)


def usage_from(text: bytes) -> Usage:
    return Usage(*_usage(text))


def rules_text(faults: Faults) -> bytes:
    """Return fault rules, without their counts."""
    return encode([one.rule for one in faults.rules])


def rules_from(text: bytes) -> list[Rule]:
    return [_rule(rule) for rule in _rules(text)]


def _rule(kept: dict[str, Any]) -> Rule:
    fault = kept.pop("fault", None)
    rule = msgspec.convert(kept, Rule)
    if fault is None:
        return rule
    return msgspec.structs.replace(rule, fault=msgspec.convert(fault, fault_types()[fault["type"]]))


def counts_of(faults: Faults) -> list[Counts]:
    return [(one.fitted, one.fired) for one in faults.rules]


def counted(rules: list[Rule], counts: list[Counts]) -> tuple[CountedRule, ...]:
    """Return rules with their counts. Raise ValueError if these are of another number of rules."""
    return tuple(CountedRule(rule, *counts) for rule, counts in zip(rules, counts, strict=True))


def stale_text(stale: StaleView | None, token_of: Callable[[State], str]) -> bytes | None:
    if stale is None:
        return None
    return encode(_Stale(token_of(stale.state), stale.written, stale.reads_left, stale.seconds))


def stale_from(text: bytes, state_of: StateOf) -> StaleView:
    kept = decode(text, type=_Stale)
    return StaleView(state_of(kept.state), kept.written, kept.reads_left, kept.seconds)


def dialects_text(dialects: Dialects) -> bytes:
    return encode((dialects.default, dialects.by_vendor))


def dialects_from(text: bytes) -> Dialects:
    found = Dialects(*_dialects(text))
    return DOCUMENTED if found == DOCUMENTED else found


def state_text(state: State) -> bytes:
    """Return a whole state. The same state gives the same text in every process."""
    overlays = [
        [
            *id, dict(sorted(overlay.changed.items())), [*map(list, sorted(overlay.added.items()))],
            list(overlay.deleted_indexes), sorted([*alias, key] for alias, key in overlay.aliases.items()),
            overlay.next_added,
        ]
        for id, overlay in sorted(state.overlays.items())
    ]  # fmt: skip
    return encode_value([overlays, state.changes, state.products_made, state.size])


def state_from(text: bytes) -> State:
    kept = msgspec.convert(decode_value(text), tuple[list[KeptOverlay], int, int, int])
    return State(dict(map(_overlay, kept[0])), *kept[1:])


def _overlay(kept: KeptOverlay) -> tuple[CollectionId, Overlay]:
    vendor, collection, changed, added, deleted, aliases, next_added = kept
    overlay = Overlay(
        UNCHANGED.changed.update(changed),
        UNCHANGED.added.update(added),
        tuple(deleted),
        UNCHANGED.aliases.update(((name, value), key) for name, value, key in aliases),
        next_added,
    )
    return (vendor, collection), overlay
