"""Logs in Redis behind TLS, Sentinels and in clusters."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mockserver.sandbox.log.log import Life, Log, StoreLost, StoreUnavailable, appended
from mockserver.sandbox.log.stores import open_log
from tests.certificates import FUTURE, pem_pair, write_pair
from tests.conftest import needs
from tests.sandbox.log.conftest import FINGERPRINT
from tests.sandbox.log.entries import FOREVER, ahead, entry, grow, life
from tests.sandbox.log.redis_server import (
    IN_MEMORY,
    REPLICATED,
    RedisServer,
    cluster_node,
    free_port,
    redis_cluster,
    redis_server,
    sentinel_of,
    until,
)
from tests.sandbox.log.test_redis_failures import ON_DISK, eventually

pytestmark = needs("redis-server")


async def test_tls_is_checked_with_the_authority_of_the_url(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_pair(certificate, key, pem_pair(FUTURE))
    files = (
        "--tls-cert-file",
        str(certificate),
        "--tls-key-file",
        str(key),
        "--tls-ca-cert-file",
        str(certificate),
    )
    with redis_server(tmp_path, *IN_MEMORY, *files, ports=("--tls-port",)) as server:
        url = f"rediss://localhost:{server.ports[0]}"
        both = f"ssl_ca_certs={certificate}&ssl_certfile={certificate}&ssl_keyfile={key}"
        log = open_log(f"{url}?{both}")
        await log.join(FINGERPRINT)
        head = await grow(log, "a")
        assert await appended(log, "a", head, entry(), FOREVER) is True
        for wrong in (url, f"{url}?ssl_ca_certs={certificate}", url.replace("rediss", "redis")):
            other = open_log(wrong)
            with pytest.raises(StoreUnavailable, match=f"{server.ports[0]} cannot be reached"):
                await other.join(FINGERPRINT)
            await other.close()
        await log.close()


async def test_sentinels_tell_where_the_server_is_now(tmp_path: Path) -> None:
    with ExitStack() as stack:
        folders = [tmp_path / name for name in ("first", "second", "sentinel")]
        for folder in folders:
            folder.mkdir()
        first = stack.enter_context(redis_server(folders[0], *REPLICATED, ports=("--port",)))
        second = stack.enter_context(redis_server(folders[1], *REPLICATED, ports=("--port",)))
        second.admin.replicaof("127.0.0.1", first.ports[0])
        until(lambda: second.admin.info("replication")["master_link_status"] == "up")
        sentinel = stack.enter_context(sentinel_of(first, folders[2], down_after=500))
        log = open_log(f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.ports[0]}/main")
        before = await eventually(lambda: log.join(FINGERPRINT))
        head = await grow(log, "a")
        until(lambda: sentinel.admin.sentinel_slaves("main"))
        written = first.admin.info("replication")["master_repl_offset"]
        until(lambda: second.admin.info("replication")["slave_repl_offset"] >= written)
        first.signal(signal.SIGKILL)
        following = entry()
        assert await eventually(lambda: appended(log, "a", head, following, FOREVER)) is True
        assert second.admin.role()[0] == b"master"
        kept = await log.load("a")
        assert kept is not None
        assert (kept.head, kept.length) == (following.token, 2)
        assert (await log.join(FINGERPRINT)).generation == before.generation
        unknown = open_log(f"redis+sentinel://127.0.0.1:{sentinel.ports[0]}/other")
        with pytest.raises(StoreUnavailable, match="/other has no server for the service now"):
            await unknown.join(FINGERPRINT)
        await unknown.close()
        await log.close()


# --- Clusters


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[RedisServer]]:
    with redis_cluster(tmp_path) as running:
        yield running


@pytest.fixture
def log(nodes: list[RedisServer], runner: asyncio.Runner) -> Iterator[Log]:
    opened = open_log(f"redis+cluster://127.0.0.1:{nodes[0].ports[0]}")
    runner.run(opened.join(FINGERPRINT))
    yield opened
    runner.run(opened.close())


async def test_a_cluster_shards_by_sandbox(nodes: list[RedisServer], log: Log) -> None:
    names = [f"s{number}" for number in range(40)]
    entries = {name: [entry({"count": b"%d" % number}) for number in range(5)] for name in names}
    appends = [ahead(log, name, None, entries[name], life(1, name.encode())) for name in names]
    assert all([await each for some in appends for each in some])
    shares = [
        {bytes(key).decode().split("{")[1].split("}")[0] for key in node.admin.scan_iter("*:entries")}
        for node in nodes
    ]
    assert min(map(len, shares)) > 0
    assert shares[0] | shares[1] == {*names} and not shares[0] & shares[1]
    for name in names:
        kept = await log.load(name)
        assert kept is not None
        assert [*kept.entries] == entries[name]
        assert await log.name_with(name.encode()) == name
    assert await log.names() == (sorted(names), 40)


async def test_a_node_of_a_cluster_is_not_taken_for_a_server(nodes: list[RedisServer]) -> None:
    log = open_log(nodes[0].url)
    names = [f"s{number}" for number in range(9)]
    with pytest.raises(
        StoreUnavailable, match=r"is a node of a cluster: its URL must begin with redis\+cluster"
    ):
        await log.join(FINGERPRINT)
        await asyncio.gather(*(log.load(name) for name in names))
    await log.close()


async def test_slots_may_move_to_another_node(nodes: list[RedisServer], log: Log) -> None:
    entries = [entry() for _ in range(9)]
    assert all(await asyncio.gather(*ahead(log, "a", None, entries[:3])))
    slot = nodes[0].admin.execute_command("CLUSTER", "KEYSLOT", "{a}")
    source, target = nodes if slot < 8192 else nodes[::-1]
    ids = [bytes(node.admin.execute_command("CLUSTER", "MYID")).decode() for node in (source, target)]
    target.admin.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    source.admin.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    keys = source.admin.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10)
    assert len(keys) == 2
    source.admin.migrate("127.0.0.1", target.ports[0], keys, 0, 5000)
    for number in (3, 4, 5):  # each is asked for at the target, while both nodes are asked for others too
        others = [log.load(f"s{other}") for other in range(9)]
        result, *_ = await asyncio.gather(
            appended(log, "a", entries[number - 1].token, entries[number], FOREVER), *others
        )
        assert result is True
    for node in (target, source):
        node.admin.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
    assert all(await asyncio.gather(*ahead(log, "a", entries[5].token, entries[6:])))
    kept = await log.load("a")
    assert kept is not None
    assert [*kept.entries] == entries


@pytest.mark.parametrize("down", [0, 1])
async def test_a_node_that_is_down_may_come_back(tmp_path: Path, down: int) -> None:
    """Sandboxes of other nodes can be used meanwhile, unless the node that is down keeps the generation."""
    with redis_cluster(tmp_path, *ON_DISK) as nodes:
        log = open_log("redis+cluster://" + ",".join(f"127.0.0.1:{node.ports[0]}" for node in nodes))
        await log.join(FINGERPRINT)
        heads = {name: await grow(log, name) for name in "abcdef"}
        there = [{name for name in heads if node.admin.keys(f"*{{{name}}}*")} for node in nodes]
        keeps_generation = bool(nodes[down].admin.keys("*{index}:generation"))
        nodes[down].signal(signal.SIGKILL)
        made = {name: entry() for name in heads}
        appends = [appended(log, name, head, made[name], FOREVER) for name, head in heads.items()]
        results = await asyncio.gather(*appends, return_exceptions=True)
        for name, result in zip(heads, results, strict=True):
            if name in there[down] or keeps_generation:
                assert isinstance(result, StoreUnavailable) and str(result).endswith("cannot be reached")
            else:
                assert result is True
        nodes[down].start()
        for name in heads:
            kept = await eventually(lambda name=name: log.load(name))
            assert (kept.head == made[name].token) is (name not in there[down])
            assert await appended(log, name, kept.head, entry(), FOREVER) is True
        await log.close()


async def test_a_replica_takes_over_from_a_node_that_is_down(
    nodes: list[RedisServer], log: Log, tmp_path: Path
) -> None:
    head = await grow(log, "a")
    master = next(node for node in nodes if node.admin.keys("*{a}*"))
    (folder := tmp_path / "replica").mkdir()
    with cluster_node(folder) as replica:
        replica.admin.execute_command("CLUSTER", "MEET", "127.0.0.1", *nodes[0].ports)
        number = master.admin.execute_command("CLUSTER", "MYID")
        until(lambda: number in replica.admin.execute_command("CLUSTER", "NODES"))
        replica.admin.execute_command("CLUSTER", "REPLICATE", number)
        written = master.admin.info("replication")["master_repl_offset"]
        until(lambda: replica.admin.info("replication").get("slave_repl_offset", 0) >= written)
        until(lambda: replica.admin.info("replication").get("master_link_status") == "up")
        master.signal(signal.SIGKILL)
        replica.admin.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
        following = entry()
        assert await eventually(lambda: appended(log, "a", head, following, FOREVER)) is True
        assert replica.admin.keys("*{a}:entries")
        kept = await log.load("a")
        assert kept is not None
        assert (kept.head, kept.length) == (following.token, 2)


async def test_a_flushed_cluster_is_lost(nodes: list[RedisServer], log: Log) -> None:
    heads = {name: await grow(log, name, life=Life(keys=(name.encode(),))) for name in "abcdef"}
    for node in nodes:
        node.admin.flushall()
    for name, head in heads.items():
        for use in (
            log.load(name),
            appended(log, name, head, entry(), FOREVER),
            log.name_with(name.encode()),
        ):
            with pytest.raises(StoreLost):
                await use
    assert (await log.join(FINGERPRINT)).sandboxes == 0
    assert [await log.load(name) for name in heads] == [None] * 6
