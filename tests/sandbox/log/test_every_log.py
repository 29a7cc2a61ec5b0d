"""The promises of every log: entries, heads and parts as `Log` describes them, between two servers."""

import asyncio
from random import Random

import pytest

from mockserver.sandbox.log.log import (
    MAX_BYTES,
    MAX_ENTRIES,
    TOKEN_BYTES,
    Entry,
    Kept,
    Life,
    Log,
    appended,
    new_token,
)
from mockserver.sandbox.log.memory import MemoryLog
from tests.sandbox.log.conftest import OUTSIDE
from tests.sandbox.log.entries import FOREVER, ahead, entry, grow, life

Logs = tuple[Log, Log]


async def test_a_first_entry_makes_a_sandbox_for_all_servers(logs: Logs) -> None:
    ours, theirs = logs
    assert await theirs.load("a") is None
    made = entry({"world": b"1"}, call=b"GET /")
    assert await appended(ours, "a", None, made, FOREVER) is True
    assert await theirs.load("a") == Kept(made.token, 1, {"world": b"1"}, FOREVER, (made,))
    assert await theirs.load("b") is None


async def test_entries_and_lives_are_kept_to_the_last_byte(logs: Logs) -> None:
    ours, theirs = logs
    every_byte = bytes(range(256)) * 64
    odd = {"": b"", "naïve/π/😀": every_byte, "new\nline\0zero": b"\0", "%_*?[]\\'\"": b"'"}
    entries = [
        Entry(token=b"\0" * TOKEN_BYTES, time=1, parts=odd, cleared="π%", call=every_byte, serial=2**53),
        Entry(token=b"\xff" * TOKEN_BYTES, time=2**60, parts={"": None, "more": None}),
    ]
    lasting = life(1, every_byte[:32], b"", b"\0", implicit=True)
    await grow(ours, "a", *entries, life=lasting)
    kept = await theirs.load("a")
    assert kept is not None
    assert [*kept.entries] == entries
    assert (kept.life, kept.length, {"": b"", **kept.parts}) == (lasting, 2, odd)
    assert "" not in kept.parts
    assert await theirs.news("a", entries[0].token) == entries[1:]


# --- The head


@pytest.mark.parametrize("known", ["none", "an earlier one", "another sandbox's", "an unknown one"])
async def test_nothing_is_appended_to_a_wrong_head(logs: Logs, known: str) -> None:
    ours, theirs = logs
    entries = [entry({"world": b"1"}), entry({"world": b"2"})]
    await grow(ours, "a", *entries, life=life(1, b"key"))
    others = await grow(ours, "b")
    heads = {"none": None, "an earlier one": entries[0].token, "another sandbox's": others}
    before = await ours.load("a")
    for log in logs:
        wrong = heads.get(known, new_token())
        assert await appended(log, "a", wrong, entry({"world": b"3"}), life(2, b"other")) is False
        assert await appended(log, "a", wrong, entry(cleared="w"), FOREVER) is False
    assert [await ours.load("a"), await theirs.load("a")] == [before, before]
    assert (await theirs.name_with(b"key"), await theirs.name_with(b"other")) == ("a", None)


async def test_nothing_is_appended_to_a_sandbox_that_is_not_there(logs: Logs) -> None:
    ours, theirs = logs
    assert await appended(ours, "a", new_token(), entry(), FOREVER) is False
    assert await theirs.load("a") is None
    assert await theirs.names() == ([], 0)


@pytest.mark.parametrize("length", [1, 2, 30])
async def test_an_append_may_be_repeated(logs: Logs, length: int) -> None:
    entries = [entry({"count": b"%d" % number}) for number in range(length)]
    await grow(logs[0], "a", *entries)
    before = await logs[0].load("a")
    known = entries[-2].token if length > 1 else None
    for log in logs:
        for head in (known, new_token()):
            assert await appended(log, "a", head, entries[-1], FOREVER) is True
    assert await logs[1].load("a") == before


@pytest.mark.parametrize("known", [1, 2, 3])
async def test_appends_may_be_repeated_of_which_only_the_first_were_kept(logs: Logs, known: int) -> None:
    first = await grow(logs[0], "a", entry({"w/1": b"1", "x": b"1"}))
    turns = [
        entry({"w/2": b"2", "x": None}, call=bytes(40)),
        entry({"w/3": b"3", "x": b"3"}, cleared="w"),
        entry({"w/3": None, "y": b"4"}),
    ]
    assert await asyncio.gather(*ahead(logs[0], "a", first, turns[:known])) == [True] * known
    repeated = await asyncio.gather(*ahead(logs[1], "a", first, turns))
    assert repeated[known - 1 :] == [True] * (4 - known)
    kept = await logs[0].load("a")
    assert kept is not None
    assert (kept.length, [*kept.entries][1:], kept.parts) == (4, turns, {"x": b"3", "y": b"4"})


async def test_appends_are_settled_in_their_order(logs: Logs) -> None:
    """Also where a life has changed, which a store may have to write in other places too."""
    order: list[int] = []
    head, waiting = await grow(logs[0], "a"), []
    for number in range(6):
        made, lasting = entry(), life(1 + number // 2, b"key", implicit=number > 3)
        future = appended(logs[0], "a", head, made, lasting)
        future.add_done_callback(lambda future, number=number: order.append(number))
        waiting.append(future)
        head = made.token
        if number % 3 == 2:
            await asyncio.sleep(0)  # so that the next ones leave later
    assert await asyncio.gather(*waiting) == [True] * 6
    assert order == [0, 1, 2, 3, 4, 5]


async def test_an_append_that_others_followed_is_not_repeated(logs: Logs) -> None:
    first, second = entry(), entry()
    await grow(logs[0], "a", first, second)
    for log in logs:
        assert await appended(log, "a", None, first, FOREVER) is False
    kept = await logs[1].load("a")
    assert kept is not None
    assert [*kept.entries] == [first, second]


async def test_entries_are_appended_upon_entries_not_yet_confirmed(logs: Logs) -> None:
    ours, theirs = logs
    entries = [entry({f"part {number % 7}": b"%d" % number}) for number in range(100)]
    assert await asyncio.gather(*ahead(ours, "a", None, entries)) == [True] * 100
    kept = await theirs.load("a")
    assert kept is not None
    assert (kept.head, kept.length, [*kept.entries]) == (entries[-1].token, 100, entries)
    assert kept.parts == {f"part {number % 7}": b"%d" % number for number in range(93, 100)}


@pytest.mark.parametrize("known", ["none", "an earlier one", "an unknown one"])
async def test_entries_upon_a_refused_one_are_refused(logs: Logs, known: str) -> None:
    ours, theirs = logs
    begun = [entry(), entry()]
    head = await grow(ours, "a", *begun)
    wrong = {"none": None, "an earlier one": begun[0].token}.get(known, new_token())
    refused = [entry({"world": b"2"}) for _ in range(5)]
    assert await asyncio.gather(*ahead(theirs, "a", wrong, refused)) == [False] * 5
    kept = await ours.load("a")
    assert kept is not None
    assert (kept.head, kept.length, kept.parts) == (head, 2, {})


async def test_entries_upon_a_repeated_one_are_appended(logs: Logs) -> None:
    first, *others = [entry() for _ in range(4)]
    await grow(logs[0], "a", first)
    assert await asyncio.gather(*ahead(logs[1], "a", None, [first, *others])) == [True] * 4
    kept = await logs[0].load("a")
    assert kept is not None
    assert [*kept.entries] == [first, *others]


async def test_appends_of_many_sandboxes_go_their_own_ways(logs: Logs) -> None:
    chains = {f"s{number}": [entry({"of": b"%d" % number}) for _ in range(9)] for number in range(16)}
    heads: dict[str, bytes | None] = dict.fromkeys(chains)
    results = []
    for turn in range(9):
        for name, entries in chains.items():
            head = new_token() if (name, turn) == ("s3", 4) else heads[name]
            results.append(appended(logs[0], name, head, entries[turn], FOREVER))
            heads[name] = entries[turn].token
    refused = [not await result for result in results]
    assert [place for place, wrong in enumerate(refused) if wrong] == [16 * turn + 3 for turn in range(4, 9)]
    for name, entries in chains.items():
        kept = await logs[1].load(name)
        assert kept is not None
        assert [*kept.entries] == entries[: 4 if name == "s3" else 9]
        assert kept.parts == {"of": b"%d" % int(name[1:])}


async def test_of_two_servers_one_is_first(logs: Logs) -> None:
    begun = entry()
    await grow(logs[0], "a", begun)
    for head in (None, begun.token):
        name = "b" if head is None else "a"
        chains = [[entry() for _ in range(5)] for _ in logs]
        results = await asyncio.gather(
            *(asyncio.gather(*ahead(log, name, head, chain)) for log, chain in zip(logs, chains, strict=True))
        )
        assert sorted(results) == [[False] * 5, [True] * 5]
        kept = await logs[1].load(name)
        assert kept is not None
        assert [*kept.entries][-5:] == chains[results.index([True] * 5)]


async def test_turns_of_two_servers_stand_in_one_order(logs: Logs) -> None:
    await grow(logs[0], "a")

    async def turns(log: Log) -> list[Entry]:
        done: list[Entry] = []
        for _ in range(80):  # an append is refused only because another one was not
            kept = await log.load("a")
            assert kept is not None
            count = int(kept.parts.get("count", b"0"))
            turn = entry({"count": b"%d" % (count + 1)}, call=b"%d" % count)
            if await appended(log, "a", kept.head, turn, FOREVER):
                done.append(turn)
            if len(done) == 20:
                break
        return done

    done = await asyncio.gather(*(turns(log) for log in (*logs, *logs)))
    kept = await logs[0].load("a")
    assert kept is not None
    assert [each.call for each in kept.entries[1:]] == [b"%d" % number for number in range(80)]
    assert {each.token for each in kept.entries[1:]} == {each.token for some in done for each in some}


async def test_a_caller_may_stop_waiting(logs: Logs) -> None:
    made, other = entry(), entry()
    for future in (*ahead(logs[0], "a", None, [made]), *ahead(logs[0], "b", None, [other])):
        future.cancel()
    assert await appended(logs[0], "a", made.token, entry(), FOREVER) is True
    assert await appended(logs[1], "b", other.token, entry(), FOREVER) is True


# --- The parts

FULL = {"a": b"1", "a/1": b"2", "a/2": b"3", "A/1": b"4", "b": b"5"}


@pytest.mark.parametrize("waiting", [True, False], ids=["one by one", "ahead"])
@pytest.mark.parametrize(
    ("entries", "parts"),
    [
        ([entry({"a": b"9", "c": b""})], FULL | {"a": b"9", "c": b""}),
        ([entry({"a": None, "c": None})], {"a/1": b"2", "a/2": b"3", "A/1": b"4", "b": b"5"}),
        ([entry({"a": None}), entry({"a": b"9"})], FULL | {"a": b"9"}),
        ([entry({"c": b"9"}), entry({"c": None})], FULL),
        ([entry(cleared="a/")], {"a": b"1", "A/1": b"4", "b": b"5"}),
        ([entry(cleared="a")], {"A/1": b"4", "b": b"5"}),
        ([entry(cleared="b")], {"a": b"1", "a/1": b"2", "a/2": b"3", "A/1": b"4"}),
        ([entry(cleared="c")], FULL),
        ([entry({"a/2": b"9", "a/3": b"8"}, cleared="a/")], FULL | {"a/2": b"9", "a/3": b"8", "a/1": None}),
        ([entry({"a/3": b"9", "c": b"8"}), entry(cleared="a")], {"A/1": b"4", "b": b"5", "c": b"8"}),
        ([entry(cleared="a"), entry({"a/3": b"9"})], {"A/1": b"4", "b": b"5", "a/3": b"9"}),
        ([entry({"a/%": b"9"}), entry(cleared="a/%")], FULL),
        ([entry(cleared=prefix) for prefix in ("_", "%", "*", "?", "[a]", "\\", "\0", "'", "\uffff")], FULL),
    ],
)
async def test_parts_follow_from_the_entries(
    logs: Logs, entries: list[Entry], parts: dict[str, bytes | None], waiting: bool
) -> None:
    ours, theirs = logs
    head = await grow(ours, "a", entry(FULL))
    await grow(ours, "b", entry(FULL))
    for following in [[each] for each in entries] if waiting else [entries]:
        assert all(await asyncio.gather(*ahead(ours, "a", head, following)))
        head = following[-1].token
    kept, beside = await theirs.load("a"), await theirs.load("b")
    assert kept is not None and beside is not None
    assert kept.parts == {name: part for name, part in parts.items() if part is not None}
    assert beside.parts == FULL


@pytest.mark.parametrize("prefix", ["é", "\u20ac", "😀", "x\uffff", "x\U0010ffff"])
async def test_parts_are_cleared_by_prefixes_of_any_characters(logs: Logs, prefix: str) -> None:
    cleared = {prefix: b"1", f"{prefix}\U0010ffff": b"2", f"{prefix}a": b"3"}
    others = {f"a{prefix}": b"4", prefix[:-1] + "\0": b"5", prefix[:-1] + "a": b"6"}
    await grow(logs[0], "a", entry(cleared | others), entry(cleared=prefix))
    kept = await logs[1].load("a")
    assert kept is not None
    assert kept.parts == others


# --- The latest entries


@pytest.mark.parametrize("excess", [-1, 0, 1, 700])
async def test_the_latest_entries_are_kept(logs: Logs, excess: int) -> None:
    entries = [entry({f"p{number}": b"%d" % number}) for number in range(MAX_ENTRIES + excess)]
    await grow(logs[0], "a", *entries)
    for log in logs:
        kept = await log.load("a")
        assert kept is not None
        assert (kept.length, len(kept.parts)) == (MAX_ENTRIES + excess, MAX_ENTRIES + excess)
        assert [*kept.entries] == entries[-MAX_ENTRIES:]
        oldest = entries[max(excess, 0)]
        assert await log.news("a", oldest.token) == entries[max(excess, 0) + 1 :]
        assert excess <= 0 or await log.news("a", entries[excess - 1].token) is None


@pytest.mark.parametrize(
    ("sizes", "left"),
    [
        ([MAX_BYTES], 1),
        ([MAX_BYTES + 1], 1),
        ([1, MAX_BYTES + 1], 1),
        ([1, MAX_BYTES - 1], 2),
        ([1, 1, MAX_BYTES - 1], 2),
        ([MAX_BYTES // 2] * 5, 2),
        ([MAX_BYTES // 2 + 1] * 5, 1),
        ([MAX_BYTES, 0, 0, 0], 4),
        ([MAX_BYTES, 0, 0, 1], 3),
    ],
    ids=str,
)
async def test_the_latest_entries_are_kept_up_to_a_number_of_bytes(
    logs: Logs, sizes: list[int], left: int
) -> None:
    entries = [entry(call=bytes(size)) for size in sizes]
    await grow(logs[0], "a", *entries)
    kept = await logs[1].load("a")
    assert kept is not None
    assert ([*kept.entries], kept.length) == (entries[-left:], len(sizes))
    assert await logs[1].news("a", entries[-left].token) == entries[-left:][1:]
    assert left == len(sizes) or await logs[1].news("a", entries[-left - 1].token) is None


async def test_parts_count_as_bytes_of_an_entry(logs: Logs) -> None:
    third = bytes(MAX_BYTES // 3)
    entries = [entry({"a": third, "b": None}), entry({"a": third}), entry({"a": third[:-3]})]
    await grow(logs[0], "a", *entries)
    kept = await logs[1].load("a")
    assert kept is not None
    assert [*kept.entries] == entries
    assert await appended(logs[1], "a", kept.head, entry({"name": b"1"}), FOREVER)
    kept = await logs[0].load("a")
    assert kept is not None
    assert [*kept.entries][:-1] == entries[1:]


async def test_news_are_the_entries_after_a_head(logs: Logs) -> None:
    entries = [entry({"a": b"1"}), entry(call=b"GET /"), entry(cleared="a")]
    await grow(logs[0], "a", *entries)
    for log in logs:
        found = [await log.news("a", each.token) for each in entries]
        assert [[*news] for news in found if news is not None] == [entries[1:], entries[2:], []]


async def test_there_are_no_news_of_a_head_that_the_log_lacks(logs: Logs) -> None:
    first = entry()
    head = await grow(logs[0], "a", first, entry())
    other = await grow(logs[0], "b")
    assert [await logs[1].news("a", token) for token in (new_token(), other)] == [None, None]
    assert await logs[1].news("c", head) is None
    assert await logs[0].end("a", head)
    await grow(logs[0], "a")
    assert [await log.news("a", token) for log in logs for token in (first.token, head)] == [None] * 4


# --- All of it together


async def step(log: Log, random: Random, tokens: dict[str, list[bytes | None]]) -> object:
    """Do something by chance to one of a few sandboxes, and return what came of it."""
    name = random.choice("abc")
    known = tokens.setdefault(name, [None])
    head = known[-1] if random.random() < 0.8 else random.choice(known)
    action = random.choice(["append"] * 8 + ["news", "load", "end", "keys"])
    if action == "append":
        turns = []
        for _ in range(random.choice([1, 1, 2, 5])):
            changed = random.sample(["w", "w/1", "w/2", "x", "x/1"], 2)
            parts = {part: random.choice([b"1", random.randbytes(9), None]) for part in changed}
            cleared = random.choice(["", "", "", "w", "x/"])
            turns.append(Entry(token=random.randbytes(8), time=0, parts=parts, cleared=cleared, call=b"c"))
        keys = random.choice([(), (b"1",), (name.encode(),)])
        expires = random.choice([4 * 10**15, 5 * 10**15]) + ord(name)  # in the next centuries
        lasting = random.choice([FOREVER, Life(1), Life(expires, True, keys), Life(expires, False, keys)])
        results = await asyncio.gather(*ahead(log, name, head, turns, lasting))
        known += [turn.token for turn, kept in zip(turns, results, strict=True) if kept]
        return results
    if action == "news":
        return await log.news(name, head or b"")
    if action == "end":
        return await log.end(name, head or b"")
    if action == "keys":
        found = [await log.name_with(name.encode()), await log.oldest_implicit()]
        return [*found, await log.names(), await log.heads("abc")]
    return await log.load(name)


@pytest.mark.parametrize("store", OUTSIDE, indirect=True)
@pytest.mark.parametrize("seed", range(5))
async def test_a_log_does_what_the_log_in_memory_does(logs: Logs, seed: int) -> None:
    memory = MemoryLog()
    of_memory, of_logs = (({}, Random(seed)) for _ in "12")
    chosen = Random(seed)
    for _ in range(300):
        expected = await step(memory, of_memory[1], of_memory[0])
        assert await step(chosen.choice(logs), of_logs[1], of_logs[0]) == expected
