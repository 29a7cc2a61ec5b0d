"""The memory of Redis and the start of a server, with some hundred sandboxes: 100,000 take minutes."""

from pathlib import Path

from tests.bench.store_size import documented, is_as_much, judged, sizes, store
from tests.conftest import needs

FEW, MANY, DELETED, CALLS = 20, 400, 50, 40


@needs("redis-server")
def test_start_of_a_server_asks_the_same_whatever_there_is_in_the_store(tmp_path: Path) -> None:
    with store(tmp_path) as kept:
        kept.fill(FEW)
        few = kept.start()
        found = sizes(kept, MANY, DELETED, CALLS)
        assert kept.count() > FEW + MANY / 2
        assert is_as_much(kept.start(), few)
    assert found.one < 1.5 * documented().one
    assert found.thousand > found.one  # a deleted one is lost in what Redis needs for scripts and clients
    assert len([*judged(found)]) == 3
