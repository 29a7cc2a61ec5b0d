"""kill -9 in the middle of load: nothing answered is lost, or what is lost is noticed and counted."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import NO_CERTIFICATES, needs
from tests.e2e.store_load import PRODUCTS, Load, numbers_in_log, problems, set_up
from tests.e2e.test_serve_workers import client_of_worker
from tests.metrics import get, metrics
from tests.sandbox.log.redis_server import REPLICATED, RedisServer, redis_server, sentinel_of, until
from tests.sandbox.log.test_redis_failures import ON_DISK
from tests.server.turns.test_turns import SET_UP
from tests.server.turns.witness import Sent
from tests.server_process import ServerProcess, serving_command

SOME = 100  # calls
PATIENCE = 60_000  # milliseconds; after ten times as long, a Sentinel promotes no replica that has lagged
WASHER = "/merchantpro/api/v2/inventory/id/10001"
EACH_SECOND = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
DAMAGED, GENERATIONS = "mockserver_store_sandboxes_damaged_total", "mockserver_store_generations_lost_total"
UP, LOST_HERE = "mockserver_store_up", 'mockserver_store_turns_lost_total{answered="here"}'
# The URL of a store, what marks a moment, and what lets it forget everything since then.
Losing = Callable[[Path], AbstractContextManager[tuple[str, Callable[[], None], Callable[[], None]]]]


@contextmanager
def servers(folder: Path, store: str, count: int = 2) -> Iterator[list[ServerProcess]]:
    """Yield servers over one store."""
    with ExitStack() as stack:
        folders = [folder / f"server{number}" for number in range(count)]
        for one in folders:
            one.mkdir()
        options = "--store", store, "--products", str(PRODUCTS)
        yield [stack.enter_context(serving_command(one, *options)) for one in folders]


@needs("redis-server")
def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis, servers(tmp_path, redis.url) as (one, other):
        set_up(one.url)
        load = Load(one.url, other.url)
        with load.running():
            load.wait_for(SOME)
            os.kill(one.pid, signal.SIGKILL)
            load.urls = [other.url]
            load.wait_for(SOME)
        assert problems(load, redis.url, other.url) == []
        counted = metrics(other.url)
        assert counted["mockserver_store_conflicts_total"] > 0
        assert counted[DAMAGED] == 0


def test_a_killed_server_over_sqlite_loses_nothing(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/mock.db"
    options = "--store", store, "--products", str(PRODUCTS)
    with ExitStack() as stack:
        first = stack.enter_context(serving_command(tmp_path, *options))
        set_up(first.url)
        load = Load(first.url)
        with load.running():
            load.wait_for(SOME)
            os.kill(first.pid, signal.SIGKILL)
            second = stack.enter_context(serving_command(tmp_path, *options))
            load.urls = [second.url]
            load.wait_for(SOME)
        assert problems(load, store, second.url) == []


@needs("redis-server")
def test_a_killed_redis_that_writes_always_loses_nothing(tmp_path: Path) -> None:
    with redis_server(tmp_path, *ON_DISK) as redis, servers(tmp_path, redis.url) as (one, other):
        urls = one.url, other.url
        set_up(one.url)
        load = Load(*urls)
        with load.running():
            load.wait_for(SOME)
            redis.signal(signal.SIGKILL)
            redis.start()
            load.wait_for(SOME)
        assert problems(load, redis.url, *urls) == []
        assert metrics(*urls)[DAMAGED] == 0


def lost_calls(load: Load, store: str) -> list[Sent]:
    """Return the answered calls that are not in the log. Fail if one that came later is in it."""
    kept = {*numbers_in_log(store)}
    lost = [sent for sent in load.answered if sent.number not in kept]
    first, last = min(sent.ended for sent in lost), max(sent.began for sent in lost)
    between = [sent.number for sent in load.answered if first < sent.began and sent.ended < last]
    assert not kept.intersection(between)
    return lost


@contextmanager
def redis_that_loses_its_tail(folder: Path) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """Yield the URL of a Redis, what marks a moment, and what kills it and brings it back as of then.

    It writes to its disk each second (`appendfsync everysec`). What a loss of power would leave of its
    file is the part up to that moment.
    """
    with redis_server(folder, *EACH_SECOND) as redis:
        sizes = dict[Path, int]()

        def mark() -> None:
            sizes.update((file, file.stat().st_size) for file in folder.glob("appendonlydir/*.incr.aof"))

        def crash() -> None:
            redis.signal(signal.SIGKILL)
            for file, size in sizes.items():
                os.truncate(file, size)
            redis.start()

        yield redis.url, mark, crash


def two_of_redis(stack: ExitStack, folder: Path) -> tuple[RedisServer, RedisServer]:
    """Return two running servers of Redis, which a stack stops."""
    (first := folder / "first").mkdir()
    (second := folder / "second").mkdir()
    one, other = (redis_server(place, *REPLICATED, ports=("--port",)) for place in (first, second))
    return stack.enter_context(one), stack.enter_context(other)


@contextmanager
def replica_that_lags(folder: Path) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """Yield the URL of a Redis, what ends its replication, and what kills it and promotes the replica.

    The URL is that of a link to the socket of the one that is in charge.
    """
    with ExitStack() as stack:
        first, second = two_of_redis(stack, folder)
        link = folder / "current.sock"
        link.symlink_to(first.socket)
        second.admin.replicaof("127.0.0.1", first.ports[0])
        until(lambda: second.admin.info("replication")["master_link_status"] == "up")

        def end_replication() -> None:
            second.admin.replicaof("NO", "ONE")

        def fail_over() -> None:
            first.signal(signal.SIGKILL)
            link.unlink()
            link.symlink_to(second.socket)

        yield f"unix://{link}", end_replication, fail_over


@contextmanager
def sentinel_with_a_replica_that_lags(
    folder: Path,
) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """Yield the URL of a Redis that a Sentinel knows, what ends its replication, and what fails over.

    The replica may no longer log in, so it stays one, but gets no more.
    """
    with ExitStack() as stack:
        first, second = two_of_redis(stack, folder)
        rights = "+psync", "+replconf", "+ping"
        first.admin.execute_command("ACL", "SETUSER", "copier", "on", ">secret", *rights)
        for name, value in {"masteruser": "copier", "masterauth": "secret"}.items():
            second.admin.config_set(name, value)
        second.admin.replicaof("127.0.0.1", first.ports[0])
        until(lambda: second.admin.info("replication")["master_link_status"] == "up")
        sentinel = stack.enter_context(sentinel_of(first, folder, down_after=PATIENCE))
        until(lambda: sentinel.admin.sentinel_slaves("main"))

        def end_replication() -> None:
            first.admin.execute_command("ACL", "SETUSER", "copier", "off")
            first.admin.execute_command("CLIENT", "KILL", "TYPE", "replica")
            until(lambda: second.admin.info("replication")["master_link_status"] == "down")

        def fail_over() -> None:
            first.signal(signal.SIGKILL)
            sentinel.admin.execute_command("SENTINEL", "FAILOVER", "main")

        yield f"redis+sentinel://127.0.0.1:{sentinel.ports[0]}/main", end_replication, fail_over
        assert second.admin.role()[0] == b"master"


@needs("redis-server")
@pytest.mark.parametrize(
    "losing", [redis_that_loses_its_tail, replica_that_lags, sentinel_with_a_replica_that_lags]
)
def test_a_lost_tail_is_noticed_and_counted(tmp_path: Path, losing: Losing) -> None:
    with losing(tmp_path) as (store, mark, crash), servers(tmp_path, store) as (one, other):
        urls = one.url, other.url
        set_up(one.url)
        load = Load(*urls)
        with load.running():
            load.wait_for(SOME)
            mark()
            load.wait_for(SOME)
            crash()
            load.wait_for(SOME)
        lost = lost_calls(load, store)
        assert problems(load, store, *urls, lost=lost) == []
        counted = metrics(*urls)
        assert counted[LOST_HERE] == len(lost)
        assert counted[DAMAGED] == 2  # one at each server


@needs("redis-server")
def test_a_redis_without_persistence_is_never_a_wrong_answer(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis, servers(tmp_path, redis.url) as (one, other):
        urls = one.url, other.url
        set_up(one.url)
        load = Load(*urls)
        with load.running():
            load.wait_for(SOME)
            redis.signal(signal.SIGKILL)
            killed = len(load.sent)
            assert metrics(*urls)[UP] == 0
            redis.start()
            until(lambda: len(load.refused("sandbox_lost")) >= SOME)
        assert not [sent for sent in load.answered if sent.number > killed]
        assert numbers_in_log(redis.url) == []
        counted = metrics(*urls)
        assert counted[UP] == counted[GENERATIONS] == counted[DAMAGED] == 2  # one at each server
        assert counted[LOST_HERE] == len(load.answered) + len(SET_UP)
        assert get(one.url, "/_mock/ready").status_code == 200


@needs("redis-server")
def test_each_worker_refuses_what_only_one_of_them_knew(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path) as redis,
        serving_command(tmp_path, "--store", redis.url, "--workers", "2") as server,
        client_of_worker(server, 0) as here,
        client_of_worker(server, 1) as there,
    ):
        here.patch(WASHER, json={"stock": 3}).raise_for_status()
        redis.signal(signal.SIGKILL)
        redis.start()
        answers = set[str]()

        def all_refuse() -> bool:
            found = {call(server, "shop") for _ in range(SOME)} | {
                http.get(WASHER).headers.get("X-Mock-Error", "") for http in (there, here)
            }
            answers.update(found)
            return found == {"sandbox_lost"}

        until(all_refuse)
        assert answers <= {"sandbox_lost", "store_unavailable"}
        counted = metrics(server.url)
        assert (counted[GENERATIONS], counted[DAMAGED], counted[LOST_HERE]) == (2, 1, 1)
        there.post("/_mock/sandboxes/shop/reset").raise_for_status()
        assert {call(server, "shop") for _ in range(SOME)} == {"200"}
        assert [http.get(WASHER).json()["stock"] for http in (here, there)] == [10, 10]


@needs("redis-server")
def test_a_tail_is_missed_although_nobody_calls_its_sandbox(tmp_path: Path) -> None:
    with replica_that_lags(tmp_path) as (store, mark, crash), servers(tmp_path, store, 1) as (server,):
        shop = httpx.Client(base_url=server.url, auth=("sbx_shop", "x"), verify=NO_CERTIFICATES)
        shop.patch(WASHER, json={"stock": 1}).raise_for_status()
        mark()
        for stock in range(3):
            shop.patch(WASHER, json={"stock": stock}).raise_for_status()
        crash()
        until(lambda: get(server.url, "/_mock/ready").status_code == 200)
        until(lambda: metrics(server.url)[DAMAGED] == 1)
        assert metrics(server.url)[LOST_HERE] == 3
        assert shop.get(WASHER).json()["stock"] == 1


@needs("redis-server")
def test_a_sandbox_that_was_lost_with_all_of_it_is_refused(tmp_path: Path) -> None:
    """Another one, which was deleted, begins anew at the server that does not know of that."""
    with replica_that_lags(tmp_path) as (store, mark, crash), servers(tmp_path, store) as (one, other):
        calls = [(server, name) for server in (one, other) for name in ("old", "gone")]
        assert [call(*each) for each in calls] == ["200"] * 4
        httpx.delete(f"{other.url}/_mock/sandboxes/gone", verify=NO_CERTIFICATES).raise_for_status()
        mark()
        assert [call(one, name) for name in ("new", "old")] == ["200"] * 2
        crash()
        until(lambda: [call(server, "old") for server in (one, other)] == ["200"] * 2)
        assert [call(one, name) for name in ("new", "gone")] == ["sandbox_lost", "200"]
        assert call(other, "new") == "sandbox_lost"  # it knows that from the first one
        counted = metrics(one.url)
        assert (counted[DAMAGED], counted[LOST_HERE], counted[GENERATIONS]) == (2, 2, 0)
        httpx.post(f"{one.url}/_mock/sandboxes/new/reset", verify=NO_CERTIFICATES).raise_for_status()
        assert call(one, "new") == call(other, "new") == "200"


def call(server: ServerProcess, sandbox: str) -> str:
    """Call a server, and return the status of the answer, or why the mock refuses it."""
    answer = get(server.url, WASHER, auth=(f"sbx_{sandbox}", "x"))
    return answer.headers.get("X-Mock-Error") or str(answer.status_code)
