"""A store in Redis that forgets, fails, is full, slow or not there."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mockserver.sandbox.log.log import (
    Joined,
    Life,
    Log,
    StoreLost,
    StoreUnavailable,
    appended,
)
from mockserver.sandbox.log.redis.chains import MAX_IN_SCRIPT
from mockserver.sandbox.log.redis.redis_log import RedisLog
from tests.conftest import needs
from tests.sandbox.log.conftest import FINGERPRINT
from tests.sandbox.log.entries import FOREVER, ahead, entry, grow, life
from tests.sandbox.log.redis_server import RedisServer, redis_server

pytestmark = needs("redis-server")
ON_DISK = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
SNAPSHOTS = ("--save", "", "--appendonly", "no")


async def eventually(use: Callable[[], Awaitable[Any]]) -> Any:
    """Return what a use of the store gives as soon as it is available again."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await use()
            except StoreUnavailable:
                await asyncio.sleep(0.01)


USES: dict[str, Callable[[Log, bytes], Awaitable[Any]]] = {
    "append": lambda log, head: appended(log, "a", head, entry(), FOREVER),
    "creation": lambda log, head: appended(log, "a", None, entry(), FOREVER),
    "creation of another": lambda log, head: appended(log, "z", None, entry(), FOREVER),
    "load": lambda log, head: log.load("a"),
    "load of another": lambda log, head: log.load("z"),
    "news": lambda log, head: log.news("a", head),
    "heads": lambda log, head: log.heads(["a", "b"]),
    "end": lambda log, head: log.end("a", head),
    "name": lambda log, head: log.name_with(b"key"),
}

# --- A store that forgets


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("meanwhile", ["nobody joins", "another joins", "another makes it again"])
async def test_a_flushed_store_is_lost(
    redis: RedisServer, redis_log: RedisLog, use: str, meanwhile: str
) -> None:
    head = await grow(redis_log, "a", life=Life(keys=(b"key",)))
    redis.admin.flushall()
    other, made = RedisLog(redis.url), meanwhile == "another makes it again"
    if meanwhile != "nobody joins":
        await other.join(FINGERPRINT)
    if made:
        await grow(other, "a", life=Life(keys=(b"key",)))
    for _ in range(2):
        with pytest.raises(StoreLost):
            await USES[use](redis_log, head)
    joined = await redis_log.join(FINGERPRINT)
    assert (joined, joined.sandboxes) == (await other.join(FINGERPRINT), made)
    for log in (redis_log, other):
        assert ((await log.load("a")) is not None, await log.load("z")) == (made, None)
    assert await appended(redis_log, "z", None, entry(), FOREVER) is True
    await other.close()


async def test_a_store_that_was_restarted_without_persistence_is_lost(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    head = await grow(redis_log, "a")
    before = await redis_log.join(FINGERPRINT)
    redis.signal(signal.SIGKILL)
    redis.start()
    with pytest.raises(StoreLost):
        await eventually(lambda: appended(redis_log, "a", head, entry(), FOREVER))
    with pytest.raises(StoreLost):
        await redis_log.load("a")
    after = await redis_log.join(FINGERPRINT)
    assert (after.generation != before.generation, after.sandboxes) == (True, 0)
    assert await redis_log.load("a") is None


async def test_nothing_of_an_earlier_generation_is_found(redis: RedisServer, redis_log: RedisLog) -> None:
    keys = b"old", b"new"
    head = await grow(redis_log, "a", entry({"old": b"1"}), life=life(1, *keys, implicit=True))
    await grow(redis_log, "b")
    before = redis.admin.dump("mockserver:{a}:sandbox"), redis.admin.dump("mockserver:{a}:entries")
    await redis_log.join(FINGERPRINT, fresh=True)
    assert redis.admin.keys("*:sandbox") == redis.admin.keys("*:key:*") == []
    for key, dump in zip(("sandbox", "entries"), before, strict=True):
        redis.admin.restore(f"mockserver:{{a}}:{key}", 0, dump)
    assert (await redis_log.load("a"), await redis_log.news("a", head)) == (None, None)
    assert await appended(redis_log, "a", head, entry(), FOREVER) is False
    made = entry({"new": b"1"})
    assert await appended(redis_log, "a", None, made, FOREVER) is True
    kept = await redis_log.load("a")
    assert kept is not None
    assert (kept.length, kept.parts, kept.entries) == (1, {"new": b"1"}, (made,))


async def test_a_store_that_lost_its_latest_entries_is_noticed(tmp_path: Path) -> None:
    with redis_server(tmp_path, *SNAPSHOTS) as server:
        log = RedisLog(server.url)
        await log.join(FINGERPRINT)
        kept, lost = [entry({"a": b"1"}), entry()], [entry({"a": b"2"}), entry({"b": b"3"})]
        head = await grow(log, "a", *kept)
        server.admin.save()
        assert all(await asyncio.gather(*ahead(log, "a", head, lost)))
        server.signal(signal.SIGKILL)
        server.start()
        assert await eventually(lambda: appended(log, "a", lost[-1].token, entry(), FOREVER)) is False
        assert [await log.news("a", each.token) for each in lost] == [None, None]
        found = await log.load("a")
        assert found is not None
        assert (found.head, found.length, found.parts, [*found.entries]) == (head, 2, {"a": b"1"}, kept)
        assert await appended(log, "a", found.head, entry(), FOREVER) is True
        await log.close()


async def test_a_lost_sandbox_is_told_from_an_ended_one(redis: RedisServer, redis_log: RedisLog) -> None:
    def lose(name: str) -> None:
        assert redis.admin.delete(f"mockserver:{{{name}}}:sandbox", f"mockserver:{{{name}}}:entries") == 2

    ended, lost, again = entry(), entry(), entry()
    lasting = life(1)
    head = await grow(redis_log, "a", ended, life=lasting)
    assert await redis_log.end("a", head)
    assert redis.admin.pexpiretime("mockserver:{a}:end") == pytest.approx(lasting.expires // 1000, abs=1)
    await grow(redis_log, "b", lost)
    lose("b")
    await grow(redis_log, "a", again)
    lose("a")
    times = ("a", ended.time), ("a", again.time), ("b", lost.time)
    assert [await redis_log.has_ended(*each) for each in times] == [True, False, False]


async def test_a_kill_loses_no_append_that_was_confirmed(tmp_path: Path) -> None:
    """Redis writes each append to its disk before it confirms it (`appendfsync always`)."""
    confirmed: dict[str, list[bytes]] = {f"s{number}": [] for number in range(16)}
    asked: dict[str, list[bytes]] = {name: [] for name in confirmed}

    async def calls(log: RedisLog, name: str) -> None:
        head = None
        while True:
            made = entry({"count": b"%d" % len(asked[name])})
            asked[name].append(made.token)
            assert await appended(log, name, head, made, FOREVER) is True
            confirmed[name].append(made.token)
            head = made.token
            if sum(map(len, confirmed.values())) == 800:
                server.signal(signal.SIGKILL)

    with redis_server(tmp_path, *ON_DISK) as server:
        log = RedisLog(server.url)
        before = await log.join(FINGERPRINT)
        results = await asyncio.gather(*(calls(log, name) for name in confirmed), return_exceptions=True)
        assert {type(result) for result in results} == {StoreUnavailable}
        server.start()
        assert await eventually(lambda: log.join(FINGERPRINT)) == Joined(before.generation, 16)
        for name, tokens in confirmed.items():
            kept = await log.load(name)
            assert kept is not None
            found = [each.token for each in kept.entries]
            assert found in (tokens, asked[name])
            assert kept.parts == {"count": b"%d" % (len(found) - 1)}
        await log.close()


async def test_scripts_that_redis_has_forgotten_are_sent_again(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    head = await grow(redis_log, "a")
    for use in USES.values():
        redis.admin.script_flush()
        await use(redis_log, head)
    redis.admin.script_flush()
    entries = [entry() for _ in range(30)]
    assert all(await asyncio.gather(*ahead(redis_log, "b", None, entries)))
    kept = await redis_log.load("b")
    assert kept is not None
    assert [*kept.entries] == entries


# --- A store that fails


async def test_a_store_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, *ON_DISK)
    log = RedisLog(server.url)
    with pytest.raises(StoreUnavailable, match=r"redis\.sock cannot be reached$"):
        await log.join(FINGERPRINT)
    server.start()
    try:
        await log.join(FINGERPRINT)
        head = await grow(log, "a")
        server.signal(signal.SIGTERM)
        results = await asyncio.gather(
            *ahead(log, "a", head, [entry() for _ in range(9)]), return_exceptions=True
        )
        assert {(type(result), str(result)) for result in results} == {
            (StoreUnavailable, f"{server.url} cannot be reached")
        }
        server.start()
        assert await appended(log, "a", head, entry(), FOREVER) is True
    finally:
        await log.close()
        server.stop()


async def test_a_connection_that_was_closed_while_idle_is_made_anew(
    redis: RedisServer, redis_log: RedisLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mockserver.sandbox.log.redis.client.IDLE", 0)
    for number in range(3):
        assert await appended(redis_log, f"s{number}", None, entry(), FOREVER) is True
        assert redis.admin.client_kill_filter(_type="normal", skipme=True) == 1
        for _ in range(9):  # turns of the loop, in which the end of the connection is seen
            await asyncio.sleep(0)


async def test_no_answer_is_waited_for_longer_than_the_timeouts(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    """The answer of a connected server for 5 seconds, and that of one that never greets for 2."""
    loop = asyncio.get_running_loop()
    head = await grow(redis_log, "a")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        greeting = RedisLog(f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}")
        redis.signal(signal.SIGSTOP)
        began = loop.time()

        async def waited(result: Awaitable[Any]) -> float:
            with pytest.raises(StoreUnavailable, match="does not answer in time"):
                await result
            return loop.time() - began

        uses = (
            appended(redis_log, "a", head, entry(), FOREVER),
            redis_log.load("a"),
            greeting.join(FINGERPRINT),
        )
        times = await asyncio.gather(*map(waited, uses))
        redis.signal(signal.SIGCONT)
        await greeting.close()
    assert [5 <= times[0] < 30, 5 <= times[1] < 30, 2 <= times[2] < 30] == [True] * 3
    assert times[1] - times[0] < 1  # what waits fails too, without a timeout of its own
    assert await eventually(lambda: redis_log.load("a"))


@pytest.mark.parametrize(
    ("breaking", "mending", "message"),
    [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "has no memory left"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "is read-only"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", "error NOREPLICAS"),
        ("ACL SETUSER default -eval -evalsha", "ACL SETUSER default +@all", "refuses the user, the password"),
    ],
)
async def test_a_store_that_cannot_write_is_unavailable_until_it_can(
    redis: RedisServer, redis_log: RedisLog, breaking: str, mending: str, message: str
) -> None:
    head = await grow(redis_log, "a")
    redis.admin.execute_command(*breaking.split())
    for size in (1, 2 * MAX_IN_SCRIPT):
        with pytest.raises(StoreUnavailable, match=message):
            await appended(redis_log, "a", head, entry(call=bytes(size)), FOREVER)
    redis.admin.execute_command(*mending.split())
    assert await appended(redis_log, "a", head, entry(), FOREVER) is True


@pytest.mark.parametrize(
    ("scheme", "path", "message"),
    [
        ("redis", "/99", "has no database of this number"),
        ("redis+sentinel", "/name", "is not a Sentinel: its URL must begin with redis: or rediss:"),
        ("redis+cluster", "", "is not a cluster: its URL must begin with redis: or rediss:"),
    ],
)
async def test_url_of_another_kind_of_server_is_refused_with_the_reason(
    scheme: str, path: str, message: str, tmp_path: Path
) -> None:
    with redis_server(tmp_path, *SNAPSHOTS, ports=("--port",)) as server:
        log = RedisLog(f"{scheme}://127.0.0.1:{server.ports[0]}{path}")
        with pytest.raises(StoreUnavailable, match=message):
            await log.join(FINGERPRINT)
        await log.close()


async def test_a_store_that_is_loading_is_unavailable(tmp_path: Path) -> None:
    slow = "--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024"
    with redis_server(tmp_path, *SNAPSHOTS, *slow) as server:
        log = RedisLog(server.url)
        await log.join(FINGERPRINT)
        for number in range(20):
            await grow(log, f"s{number}", entry(call=bytes(1024)))
        server.admin.save()
        server.signal(signal.SIGKILL)
        server.start(wait=False)
        messages = set()

        async def load() -> object:
            try:
                return await log.load("s1")
            except StoreUnavailable as error:
                messages.add(str(error))
                raise

        assert await eventually(load) is not None
        assert f"{server.url} is still loading its data" in messages
        await log.close()


async def test_an_append_after_an_uncertain_one_tells_whether_it_was_kept(
    redis: RedisServer, redis_log: RedisLog
) -> None:
    """The confirmation of `made` is lost, though it may have been kept: to repeat it changes nothing."""
    made = entry({"a": b"1"})
    head = await grow(redis_log, "a")
    uncertain = appended(redis_log, "a", head, made, FOREVER)
    redis.admin.client_kill_filter(_type="normal", skipme=True)
    with suppress(StoreUnavailable):
        await uncertain
    assert await eventually(lambda: appended(redis_log, "a", head, made, FOREVER)) is True
    kept = await redis_log.load("a")
    assert kept is not None
    assert (kept.length, kept.head) == (2, made.token)
