"""A store in Redis: its round trips, what it keeps and for how long, and who may join it."""

import asyncio
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mockserver.sandbox.log.log import (
    MAX_BYTES,
    MAX_ENTRIES,
    Life,
    StoreRefused,
    StoreUnavailable,
    appended,
    new_token,
)
from mockserver.sandbox.log.redis.chains import MAX_IN_SCRIPT
from mockserver.sandbox.log.redis.redis_log import RedisLog
from mockserver.sandbox.log.redis.scripts import SPARE_ENTRIES
from tests.conftest import needs
from tests.sandbox.log.conftest import FINGERPRINT
from tests.sandbox.log.entries import FOREVER, ahead, entry, grow, life
from tests.sandbox.log.redis_server import IN_MEMORY, RedisServer, redis_server

pytestmark = needs("redis-server")

# --- Round trips


async def test_what_is_asked_for_in_one_turn_of_the_loop_leaves_together(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    def reads() -> int:
        return int(redis.admin.info("stats")["total_reads_processed"])

    heads = [await grow(redis_log, f"s{number}") for number in range(20)]
    await asyncio.gather(*(redis_log.news(f"s{number}", head) for number, head in enumerate(heads)))
    before = reads()
    appends = [appended(redis_log, f"s{number}", head, entry(), FOREVER) for number, head in enumerate(heads)]
    news = [redis_log.news(f"s{number}", head) for number, head in enumerate(heads)]
    assert all(await asyncio.gather(*appends))
    assert [len(each) for each in await asyncio.gather(*news) if each is not None] == [1] * 20
    assert reads() - before <= 3  # the appends, the news, and this question


async def test_appends_in_turns_of_the_loop_that_follow_each_other_leave_together(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    def scripts() -> int:
        return int(redis.admin.info("commandstats")["cmdstat_evalsha"]["calls"])

    results, head = [], await grow(redis_log, "a")
    before = scripts()
    for _ in range(3):
        following = entry()
        results.append(appended(redis_log, "a", head, following, FOREVER))
        head = following.token
        await asyncio.sleep(0)
    assert await asyncio.gather(*results) == [True] * 3
    assert scripts() - before == 1


# --- What is kept, and for how long


@pytest.mark.parametrize("prefix", ["mockserver", "team-1.mock_2"])
async def test_redis_ends_sandboxes_itself(redis: RedisServer, prefix: str) -> None:
    log = RedisLog(f"{redis.url}?prefix={prefix}")
    await log.join(FINGERPRINT)
    lasting = life(1, b"key", implicit=True)
    head = await grow(log, "a", life=lasting)
    keys = f"{prefix}:{{a}}:sandbox", f"{prefix}:{{a}}:entries", f"{prefix}:key:{b'key'.hex()}"
    assert [redis.admin.pexpiretime(key) for key in keys] == [lasting.expires // 1000] * 3
    for following in (life(2, b"key"), life(3, b"key"), Life(keys=(b"key",))):
        made = entry()
        assert await appended(log, "a", head, made, following)
        end = -1 if following.expires is None else following.expires // 1000
        assert [redis.admin.pexpiretime(key) for key in keys] == [end] * 3
        head = made.token
    assert await appended(log, "a", head, entry(), life(-1, b"key"))
    assert redis.admin.exists(*keys[:2]) == 0
    assert all(key.startswith(f"{prefix}:".encode()) for key in redis.admin.scan_iter())
    await log.close()


async def test_stores_with_different_prefixes_are_apart(redis: RedisServer, redis_log: RedisLog) -> None:
    other = RedisLog(f"{redis.url}?prefix=other")
    await other.join({"seed": "8"})
    await grow(redis_log, "a", life=Life(keys=(b"key",)))
    assert (await other.load("a"), await other.name_with(b"key"), await other.names()) == (
        None,
        None,
        ([], 0),
    )
    await other.join({"seed": "9"}, fresh=True)
    assert await redis_log.load("a") is not None
    await other.close()


async def test_the_indexes_mend_themselves(redis: RedisServer, redis_log: RedisLog) -> None:
    """They forget `a`; of `b` and `c` they keep what is no longer true; `d` ends earlier than they say."""
    index = [f"mockserver:{{index}}:{name}" for name in ("names", "implicit", "explicit")]
    await grow(redis_log, "a", life=life(4, b"a", implicit=True))
    redis.admin.delete(*index, f"mockserver:key:{b'a'.hex()}")
    await grow(redis_log, "b", life=life(1, b"b", implicit=True))
    redis.admin.delete("mockserver:{b}:sandbox")
    await grow(redis_log, "c", life=life(3, implicit=True))
    redis.admin.zadd(index[1], {"c": 1})
    await grow(redis_log, "d", life=life(2))
    redis.admin.zadd(index[1], {"d": 1})
    assert (await redis_log.names())[0] == ["c", "d"]
    assert await redis_log.name_with(b"b") is None
    assert await redis_log.oldest_implicit() == "c"
    assert await redis_log.load("a") is not None
    assert await redis_log.names() == (["a", "c", "d"], 3)
    assert (await redis_log.name_with(b"a"), await redis_log.oldest_implicit()) == ("a", "c")
    assert redis.admin.exists(f"mockserver:key:{b'b'.hex()}") == 0
    assert {*redis.admin.zrange(index[1], 0, -1)} == {b"a", b"c"}
    assert {*redis.admin.zrange(index[2], 0, -1)} == {b"d"}


async def test_a_sandbox_with_one_call_takes_less_than_4_kilobytes(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    async def make(first: int, count: int) -> None:
        for number in range(first, first + count):
            made = entry({"clock": b"{}", "state/records/1": bytes(60)}, call=bytes(700))
            assert await appended(redis_log, f"sandbox-{number}", None, made, life(1, new_token() * 4))

    await make(0, 100)
    before = redis.admin.info("memory")["used_memory_dataset"]
    await asyncio.gather(*(make(1000 * number, 125) for number in range(1, 9)))
    assert (redis.admin.info("memory")["used_memory_dataset"] - before) / 1000 < 4000


async def test_what_cannot_be_kept_harms_no_other_append(redis_log: RedisLog) -> None:
    others = ahead(redis_log, "a", None, [entry(), entry()])
    for name, odd in (("b", entry({"\ud800": b""})), ("b", entry(cleared="\ud800")), ("\ud800", entry())):
        with pytest.raises(UnicodeEncodeError):
            await appended(redis_log, name, None, odd, FOREVER)
    assert await asyncio.gather(*others) == [True, True]


# --- Chains that are pushed before the script that accepts them

LARGE = bytes(2 * MAX_IN_SCRIPT)
SANDBOX, CHAINS = "mockserver:{a}:sandbox", "mockserver:{a}:entries"


async def test_a_chain_that_was_refused_does_not_stay(redis: RedisServer, redis_log: RedisLog) -> None:
    made = entry(call=LARGE)
    first = await grow(redis_log, "a")
    assert await appended(redis_log, "a", first, made, FOREVER) is True
    for head in (None, first, new_token()):
        refused = [entry(call=LARGE), entry()]
        assert await asyncio.gather(*ahead(redis_log, "a", head, refused)) == [False, False]
        assert await appended(redis_log, "b", head or first, entry(call=LARGE), FOREVER) is False
    assert await appended(redis_log, "a", first, made, FOREVER) is True
    assert (redis.admin.llen(CHAINS), redis.admin.exists(CHAINS.replace("a", "b"))) == (2, 0)


async def test_a_chain_that_was_not_accepted_is_skipped(redis: RedisServer, redis_log: RedisLog) -> None:
    """Its server was killed before it could ask for that; or it asks later, and is refused."""
    head, kept = await grow(redis_log, "a"), []
    for _ in range(3):
        kept.append(entry(call=LARGE))
        redis.admin.rpush(CHAINS, head + new_token() + b"\xdd" + bytes(4))
        assert await appended(redis_log, "a", head, kept[-1], FOREVER) is True
        redis.admin.rpush(CHAINS, head + new_token() + b"\xdd" + bytes(4))
        head = kept[-1].token
    found = await redis_log.load("a")
    assert found is not None
    assert (found.head, found.length, [*found.entries][1:]) == (head, 4, kept)
    assert await redis_log.news("a", kept[0].token) == kept[1:]


async def test_another_servers_chain_is_not_removed_with_a_refused_one(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    first = await grow(redis_log, "a")
    redis.admin.rpush(CHAINS, first + new_token() + b"\xdd" + bytes(4))
    assert await appended(redis_log, "a", new_token(), entry(call=LARGE), FOREVER) is False
    assert redis.admin.llen(CHAINS) == 2
    redis.admin.rpop(CHAINS)
    assert await appended(redis_log, "a", first, entry(call=LARGE), FOREVER) is True


async def test_a_chain_is_not_accepted_that_could_not_be_pushed(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    head = await grow(redis_log, "a")
    redis.admin.delete(CHAINS)
    assert await appended(redis_log, "a", head, entry(call=LARGE), FOREVER) is False
    with pytest.raises(StoreUnavailable, match="has lost the latest entry of a sandbox"):
        await redis_log.load("a")


DAMAGES: dict[str, Callable[[Any, bytes], object]] = {
    "another state": lambda redis, head: redis.hset(SANDBOX, "state", "x"),
    "no state": lambda redis, head: redis.hdel(SANDBOX, "state"),
    "another chain": lambda redis, head: redis.lset(CHAINS, -1, bytes(8) + head + b"x"),
    "a chain that is cut": lambda redis, head: redis.lset(CHAINS, -1, redis.lindex(CHAINS, -1)[:-1]),
    "another life": lambda redis, head: redis.hset(SANDBOX, "life", redis.hget(SANDBOX, "life") + b"x"),
    "a part whose name is no text": lambda redis, head: redis.hset(SANDBOX, b".\xff", "x"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_sandbox_is_unavailable_and_others_are_not(
    redis: RedisServer, redis_log: RedisLog, damage: Callable[[Any, bytes], object]
) -> None:
    head, other = await grow(redis_log, "a"), await grow(redis_log, "b")
    damage(redis.admin, head)
    with pytest.raises(StoreUnavailable, match=" holds a sandbox that is damaged: "):
        await redis_log.load("a")
    kept = await redis_log.load("b")
    assert kept is not None and kept.head == other


async def test_the_chains_that_are_no_longer_read_are_removed(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    head, entries = await grow(redis_log, "a"), [entry() for _ in range(3000)]
    for start in range(0, 3000, 100):
        assert all(await asyncio.gather(*ahead(redis_log, "a", head, entries[start : start + 100])))
        head = entries[start + 99].token
    assert redis.admin.llen(CHAINS) <= 1 + (MAX_ENTRIES + SPARE_ENTRIES) // 100
    kept = await redis_log.load("a")
    assert kept is not None
    assert [*kept.entries] == entries[-MAX_ENTRIES:]
    large = [entry(call=bytes(MAX_BYTES // 16)) for _ in range(50)]
    assert all(await asyncio.gather(*ahead(redis_log, "a", head, large)))
    assert redis.admin.memory_usage(CHAINS) < 1.5 * MAX_BYTES


# --- Joining


async def test_what_differs_is_named(redis: RedisServer, redis_log: RedisLog) -> None:
    other = RedisLog(redis.url)
    with pytest.raises(StoreRefused) as refused:
        await other.join({"seed": "8", "vendors": "sabi"})
    assert str(refused.value) == (
        f"{redis.url} has other data: seed 7 there and 8 here; products 100 there and not set here;"
        " vendors not set there and sabi here. Start with the same options, choose another prefix"
        " (?prefix=NAME), or empty it with --fresh"
    )
    await other.close()


async def test_a_store_that_throws_keys_away_is_refused(redis: RedisServer) -> None:
    redis.admin.config_set("maxmemory", "100mb")
    redis.admin.config_set("maxmemory-policy", "allkeys-lru")
    log = RedisLog(redis.url)
    with pytest.raises(StoreRefused, match="set its maxmemory-policy to noeviction, not allkeys-lru"):
        await log.join(FINGERPRINT)
    redis.admin.config_set("maxmemory-policy", "noeviction")
    await log.join(FINGERPRINT)
    await log.close()


RIGHTS = "on >password ~mockserver:* +@read +@write +@scripting +@connection"
SECRET = "pa:ss@wo/rd%20"


@pytest.mark.parametrize("user", ["", "mock"])
async def test_a_password_opens_and_is_never_shown(
    tmp_path: Path, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with redis_server(tmp_path, *IN_MEMORY) as server:
        server.admin.acl_setuser(user or "default", enabled=True, passwords=[f"+{SECRET}"], reset=True,
                                 categories=["+@all"], keys=["mockserver:*"])  # fmt: skip
        shown = []
        for password in (SECRET, SECRET[:-1]):
            log = RedisLog(f"unix://{user}:{quote(password, safe='')}@{server.socket}")
            shown += [log.describe(), repr(log), str(vars(log))]
            if password == SECRET:
                await log.join(FINGERPRINT)
                await grow(log, "a")
            else:
                with pytest.raises(StoreRefused, match="refuses the user, the password") as refused:
                    await log.join(FINGERPRINT)
                with pytest.raises(StoreUnavailable) as unavailable:
                    await log.load("a")
                for error in (refused.value, unavailable.value):
                    shown += [repr(error), "".join(traceback.format_exception(error))]
            await log.close()
    for text in (*shown, caplog.text):
        assert "pa:ss" not in text and "pa%3Ass" not in text
    assert log.describe() == server.url


async def test_a_user_needs_the_rights_that_the_docs_name(redis: RedisServer) -> None:
    redis.admin.execute_command("ACL", "SETUSER", "mock", *RIGHTS.split())
    log = RedisLog(f"unix://mock:password@{redis.socket}")
    await log.join(FINGERPRINT)
    heads = [await grow(log, name, life=life(1, name.encode(), implicit=True)) for name in ("a", "b")]
    assert await appended(log, "a", heads[0], entry({"p": b""}, cleared="p"), FOREVER) is True
    assert (await log.news("a", heads[0])) is not None
    assert (await log.names(), await log.oldest_implicit()) == ((["a", "b"], 2), "b")
    assert (await log.name_with(b"b"), await log.remove_expired()) == ("b", 0)
    assert await log.end("b", heads[1]) is True
    assert (await log.join(FINGERPRINT, fresh=True)).sandboxes == 0
    await log.close()
