"""The promises of every log: the ends of sandboxes, what finds them, and the joining of servers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from mockserver.sandbox.log.log import (
    TOKEN_BYTES,
    Kept,
    Life,
    Log,
    StoreLost,
    StoreRefused,
    appended,
    new_token,
)
from tests.sandbox.log.conftest import FINGERPRINT, OUTSIDE, Store
from tests.sandbox.log.entries import FOREVER, ahead, entry, grow, life

Logs = tuple[Log, Log]

# --- The end of a sandbox


async def gone(log: Log, name: str, head: bytes, key: bytes) -> None:
    """Check that a sandbox of one entry with a key is gone, also after another has taken its name."""
    assert await log.load(name) is None
    assert await log.news(name, head) is None
    assert await log.name_with(key) is None
    assert name not in (await log.names())[0]
    assert await appended(log, name, head, entry(), FOREVER) is False
    again = entry({"new": b"1"})
    assert await appended(log, name, None, again, FOREVER) is True
    assert await log.load(name) == Kept(again.token, 1, {"new": b"1"}, FOREVER, (again,))
    assert await log.name_with(key) is None


@pytest.mark.parametrize("asked", [0, 1], ids=["the server that ended it", "another server"])
async def test_a_sandbox_is_ended_with_all_of_it(logs: Logs, asked: int) -> None:
    head = await grow(logs[0], "a", entry({"old": b"1"}), life=Life(keys=(b"key",)))
    await grow(logs[0], "b", entry({"other": b"1"}))
    assert await logs[0].end("a", head) is True
    assert await logs[asked].names() == (["b"], 1)
    await gone(logs[asked], "a", head, b"key")
    kept = await logs[asked].load("b")
    assert kept is not None
    assert kept.parts == {"other": b"1"}


async def test_a_sandbox_is_ended_only_at_its_head(logs: Logs) -> None:
    first = entry()
    head = await grow(logs[0], "a", first, entry())
    assert [await log.end("a", token) for log in logs for token in (first.token, new_token())] == [False] * 4
    kept = await logs[1].load("a")
    assert kept is not None
    assert (kept.head, kept.length) == (head, 2)
    assert [await log.end("a", head) for log in logs] == [True, True]
    assert await logs[0].end("b", head) is True


@pytest.mark.parametrize("asked", [0, 1], ids=["the server that wrote it", "another server"])
async def test_a_sandbox_is_gone_once_it_has_expired(logs: Logs, asked: int) -> None:
    head = await grow(logs[0], "a", entry({"old": b"1"}))
    expiring = entry({"old": b"2"})
    assert await appended(logs[0], "a", head, expiring, life(-1, b"key")) is True
    await gone(logs[asked], "a", expiring.token, b"key")


async def test_an_expired_sandbox_counts_as_ended(logs: Logs) -> None:
    await grow(logs[0], "a", life=life(-1))
    assert await logs[1].end("a", new_token()) is True


async def test_a_sandbox_that_was_ended_is_not_lost(logs: Logs) -> None:
    for lasting in (FOREVER, life(1)):
        made = entry()
        head = await grow(logs[0], "a", entry(), made, life=lasting)
        assert await logs[0].end("a", head) is True
        assert [await log.has_ended("a", made.time) for log in logs] == [True, True]


async def test_expired_sandboxes_are_removed_and_counted(logs: Logs) -> None:
    for name, hours in {"a": -1, "b": 1, "c": -2}.items():
        await grow(logs[0], name, life=life(hours, name.encode(), implicit=True))
    await grow(logs[0], "d")
    assert await logs[1].remove_expired() == 2
    assert [await log.remove_expired() for log in logs] == [0, 0]
    assert await logs[0].names() == (["b", "d"], 2)
    assert [await logs[0].name_with(key) for key in (b"a", b"b", b"c")] == [None, "b", None]
    assert await logs[0].oldest_implicit() == "b"


async def test_each_append_replaces_the_life(logs: Logs) -> None:
    made, *others = [entry() for _ in range(4)]
    head = await grow(logs[0], "a", made)
    for following, lasting in zip(
        others, [life(1, b"1", b"2"), life(2, b"2", implicit=True), FOREVER], strict=True
    ):
        assert await appended(logs[0], "a", head, following, lasting)
        head = following.token
        kept = await logs[1].load("a")
        assert kept is not None
        assert kept.life == lasting


# --- What finds sandboxes


async def test_a_sandbox_is_found_by_its_keys(logs: Logs) -> None:
    async def found() -> list[list[str | None]]:
        return [[await log.name_with(key) for key in (b"1", b"2", b"3", b"4")] for log in logs]

    head = await grow(logs[0], "a", life=Life(keys=(b"1", b"2")))
    other = await grow(logs[0], "b", life=Life(keys=(b"3",)))
    assert await found() == [["a", "a", "b", None]] * 2
    fewer, more, moved = entry(), entry(), entry()
    assert await appended(logs[0], "a", head, fewer, Life(keys=(b"2", b"4")))
    assert await found() == [[None, "a", "b", "a"]] * 2
    assert await appended(logs[1], "b", other, more, Life(keys=(b"1", b"3")))
    assert await found() == [["b", "a", "b", "a"]] * 2
    assert await appended(logs[1], "a", fewer.token, moved, FOREVER)
    assert await appended(logs[1], "b", more.token, entry(), Life(keys=(b"2", b"1")))
    assert await found() == [["b", "b", None, None]] * 2


async def test_names_come_in_order_and_in_pages(logs: Logs) -> None:
    names = sorted(["B", "a", "a-b", "a.b", "a1", "b", *(f"n{number}" for number in range(20))])
    assert await logs[1].names() == ([], 0)
    for name in reversed(names):
        await grow(logs[0], name)
    assert await logs[1].names() == (names, len(names))
    assert await logs[1].names("a1", 3) == (names[names.index("a1") + 1 :][:3], len(names))
    assert (await logs[1].names("a2", 1))[0] == ["b"]
    assert await logs[1].names("zzz") == ([], len(names))
    found: list[str] = []
    while page := (await logs[1].names(found[-1] if found else "", 7))[0]:
        found += page
    assert found == names


async def test_heads_of_many_sandboxes_are_read_at_once(logs: Logs) -> None:
    ours, theirs = logs
    names = [f"s{number}" for number in range(1100)]  # more than one statement or script can have
    heads = dict(zip(names, await asyncio.gather(*(grow(ours, name) for name in names)), strict=True))
    await grow(ours, "π", life=life(1))
    assert await theirs.heads(["none", *reversed(names), "none"]) == heads
    assert await theirs.heads(["π", "s7"]) == {"π": (await ours.load("π")).head, "s7": heads["s7"]}
    assert await ours.end("s7", heads["s7"])
    later = entry()
    assert await appended(theirs, "s8", heads["s8"], later, life(-1))
    assert await appended(theirs, "s9", heads["s9"], later, FOREVER)
    assert await ours.heads(["s7", "s8", "s9"]) == {"s9": later.token}
    assert await ours.heads([]) == {}


@pytest.mark.parametrize(
    ("lives", "oldest"),
    [
        ([], None),
        ([("a", FOREVER), ("b", life(1))], None),
        ([("a", Life(implicit=True))], None),
        ([("a", life(3, implicit=True)), ("b", life(2, implicit=True)), ("c", life(1))], "b"),
        ([("a", Life(implicit=True)), ("b", life(9, implicit=True))], "b"),
    ],
    ids=["none", "none is implicit", "never expires", "the first to expire", "only those that expire"],
)
async def test_the_oldest_implicit_sandbox_is_found(
    logs: Logs, lives: Sequence[tuple[str, Life]], oldest: str | None
) -> None:
    for name, lasting in lives:
        await grow(logs[0], name, life=lasting)
    assert [await log.oldest_implicit() for log in logs] == [oldest, oldest]


async def test_a_used_sandbox_is_no_longer_the_oldest(logs: Logs) -> None:
    head = await grow(logs[0], "a", life=life(1, implicit=True))
    await grow(logs[0], "b", life=life(2, implicit=True))
    used, changed = entry(), entry()
    assert await appended(logs[0], "a", head, used, life(3, implicit=True))
    assert [await log.oldest_implicit() for log in logs] == ["b", "b"]
    assert await appended(logs[0], "a", used.token, changed, life(1))
    assert [await log.oldest_implicit() for log in logs] == ["b", "b"]


# --- The store


async def test_servers_join_one_generation(logs: Logs) -> None:
    joined = [await log.join(FINGERPRINT) for log in logs]
    assert joined[0] == joined[1]
    assert (bool(joined[0].generation), joined[0].sandboxes) == (True, 0)
    for name in "abc":
        await grow(logs[0], name)
    assert [(await log.join(FINGERPRINT)).sandboxes for log in logs] == [3, 3]


@pytest.mark.parametrize(
    "other",
    [
        FINGERPRINT | {"seed": "8"},
        FINGERPRINT | {"vendors": "sabi"},
        {"seed": "7"},
        {},
    ],
    ids=["another value", "one more", "one less", "nothing"],
)
async def test_servers_of_other_data_are_refused(logs: Logs, other: dict[str, str]) -> None:
    head = await grow(logs[0], "a")
    with pytest.raises(StoreRefused):
        await logs[1].join(other)
    assert (await logs[1].join(dict(reversed(FINGERPRINT.items())))).sandboxes == 1
    assert await appended(logs[1], "a", head, entry(), FOREVER)


async def test_a_fresh_store_has_nothing_and_takes_other_data(logs: Logs) -> None:
    ours, theirs = logs
    await grow(ours, "a", entry({"old": b"1"}), life=life(1, b"key", implicit=True))
    before = await ours.join(FINGERPRINT)
    other = FINGERPRINT | {"seed": "8"}
    fresh = await ours.join(other, fresh=True)
    assert fresh.generation != before.generation
    assert fresh.sandboxes == 0
    assert await theirs.join(other) == fresh
    with pytest.raises(StoreRefused):
        await theirs.join(FINGERPRINT)
    await theirs.join(other)
    assert (await theirs.load("a"), await theirs.name_with(b"key")) == (None, None)
    assert (await theirs.names(), await theirs.oldest_implicit()) == (([], 0), None)
    assert await appended(theirs, "a", None, entry(), FOREVER) is True


METHODS: dict[str, Callable[[Log, bytes], Awaitable[object]]] = {
    "append": lambda log, head: appended(log, "a", head, entry(), FOREVER),
    "load": lambda log, head: log.load("a"),
    "news": lambda log, head: log.news("a", head),
    "heads": lambda log, head: log.heads(["a", "b"]),
    "end": lambda log, head: log.end("a", head),
    "name_with": lambda log, head: log.name_with(b"key"),
    "names": lambda log, head: log.names(),
    "oldest_implicit": lambda log, head: log.oldest_implicit(),
    "remove_expired": lambda log, head: log.remove_expired(),
}


@pytest.mark.parametrize("store", OUTSIDE, indirect=True)
@pytest.mark.parametrize("method", METHODS)
async def test_a_lost_store_is_not_used_until_it_is_joined_again(logs: Logs, method: str) -> None:
    ours, theirs = logs
    head = await grow(ours, "a", life=Life(keys=(b"key",)))
    assert await theirs.load("a")
    fresh = await theirs.join(FINGERPRINT, fresh=True)
    for _ in range(2):
        with pytest.raises(StoreLost):
            await METHODS[method](ours, head)
    assert await theirs.names() == ([], 0)
    assert await ours.join(FINGERPRINT) == fresh
    await METHODS[method](ours, head)


async def test_what_was_appended_is_kept_when_a_server_leaves(store: Store) -> None:
    entries = [entry() for _ in range(50)]
    log = store()
    await log.join(FINGERPRINT)
    results = ahead(log, "a", None, entries)
    await log.close()
    assert await asyncio.gather(*results) == [True] * 50
    later = store()
    assert (await later.join(FINGERPRINT)).sandboxes == 1
    kept = await later.load("a")
    assert kept is not None
    assert [*kept.entries] == entries
    await later.close()


def test_new_tokens_differ() -> None:
    tokens = [new_token() for _ in range(100)]
    assert (len({*tokens}), {len(token) for token in tokens}) == (100, {TOKEN_BYTES})
