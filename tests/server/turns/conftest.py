"""Stores for the tests of turns, one of each kind: in memory, at once or late, in a file, and in Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.sandbox.log.stores import open_log
from tests.conftest import needs
from tests.sandbox.log.conftest import Store, memory, redis_url, shared_redis, sqlite
from tests.server.turns.late_log import LateLog

__all__ = ["shared_redis"]


LASTING = ["sqlite", pytest.param("redis", marks=needs("redis-server"))]


@pytest.fixture(params=["memory", "late", *LASTING])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Yield what opens an empty store, of every kind in turn."""
    if request.param == "redis":
        url = redis_url(request)
        yield lambda: open_log(url)
    elif request.param == "late":
        log = LateLog()
        yield lambda: log
    else:
        with (memory if request.param == "memory" else sqlite)(tmp_path) as opener:
            yield opener
