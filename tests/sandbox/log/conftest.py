"""Stores for the tests of logs, one of each kind, and an event loop for tests that are coroutines."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pytest

from mockserver.sandbox.log.log import Log
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.sandbox.log.redis import chains
from mockserver.sandbox.log.sqlite import writer
from mockserver.sandbox.log.stores import open_log
from tests.conftest import needs
from tests.sandbox.log.redis_server import RedisServer, redis_cluster, redis_server

FINGERPRINT = {"seed": "7", "products": "100"}
Store = Callable[[], Log]  # each call opens the store, as one more server would


def memory(folder: Path) -> AbstractContextManager[Store]:
    log = MemoryLog()
    return nullcontext(lambda: log)


def sqlite(folder: Path) -> AbstractContextManager[Store]:
    return nullcontext(lambda: open_log(f"sqlite:///{folder / 'store.db'}"))


@contextmanager
def sqlite_in_lists(folder: Path) -> Iterator[Store]:
    """Let two chains be the most that a file has before it lists them."""
    with patch.object(writer, "MAX_NEW", 2), sqlite(folder) as store:
        yield store


STORES: dict[str, Callable[[Path], AbstractContextManager[Store]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "sqlite-in-lists": sqlite_in_lists,
}
REDIS = ["redis", "redis+cluster", "redis-pushed"]
OUTSIDE = [  # several servers open them, each for itself
    *(name for name in STORES if name != "memory"),
    *(pytest.param(name, marks=needs("redis-server")) for name in REDIS),
]
_prefixes = count(1)


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Yield a server of Redis. Its users have a prefix each."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(autouse=True)
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RedisServer]]:
    """Yield the nodes of a cluster. Its users have a prefix each."""
    with redis_cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


def redis_url(request: pytest.FixtureRequest) -> str:
    """Return a URL of an empty store in Redis."""
    if request.param == "redis+cluster":
        url = f"redis+cluster://127.0.0.1:{request.getfixturevalue('shared_cluster')[0].ports[0]}"
    else:
        url = request.getfixturevalue("shared_redis").url
    return f"{url}?prefix=test{next(_prefixes)}"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Yield a server of Redis of the test's own."""
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a store in SQLite."""
    return tmp_path / "store.db"


@pytest.fixture
def sqlite_log(path: Path, runner: asyncio.Runner) -> Iterator[Log]:
    """Yield a log in a new file, which it has joined."""
    log = open_log(f"sqlite:///{path}")
    runner.run(log.join(FINGERPRINT))
    yield log
    runner.run(log.close())


@pytest.fixture
def redis_log(redis: RedisServer, runner: asyncio.Runner) -> Iterator[Log]:
    """Yield a log on that server, which it has joined."""
    log = open_log(redis.url)
    runner.run(log.join(FINGERPRINT))
    yield log
    runner.run(log.close())


@pytest.fixture(params=["memory", *OUTSIDE])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Yield what opens an empty store, of every kind in turn."""
    if request.param in REDIS:
        url = redis_url(request)
        at_most = 0 if request.param == "redis-pushed" else chains.MAX_IN_SCRIPT  # 0: as if all were large
        with patch.object(chains, "MAX_IN_SCRIPT", at_most):
            yield lambda: open_log(url)
        return
    with STORES[request.param](tmp_path) as opener:
        yield opener


@pytest.fixture
def logs(store: Store, runner: asyncio.Runner) -> Iterator[tuple[Log, Log]]:
    """Yield the logs of two servers that share a store."""
    both = store(), store()
    for log in both:
        runner.run(log.join(FINGERPRINT))
    yield both
    for log in both:
        runner.run(log.close())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine on the event loop of its fixtures."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    pyfuncitem.funcargs["runner"].run(pyfuncitem.obj(**arguments))
    return True
