"""The benchmark of throughput: which calls go where, and what the table says. No test here measures time."""

from contextlib import ExitStack
from pathlib import Path

from tests.bench.client import Client
from tests.bench.operations import READ
from tests.bench.store_throughput import CLIENTS, SANDBOXES, Result, Results, Running, load, table
from tests.conftest import needs


def results(*rps: float) -> list[Result]:
    return [Result(rps=one, servers=1.0, engine=0.25, client=0.5, foreign=0.0) for one in rps]


def test_table_has_the_medians_of_multiples_within_a_round_and_the_cores() -> None:
    found: Results = {
        "memory": {(name, True): results(1000, 2000, 4000) for name in ("page", "read", "write")},
        "redis-workers": {(name, True): results(1500, 1000, 6000) for name in ("page", "read", "write")},
    }
    cell = "1.5: 1.50 (0.50-1.50)"
    assert table(found, own=True).splitlines()[3:] == [
        f"| Redis, 2 workers | {cell} | {cell} | {cell} | 0.67 (0.67-2.00) | 1.00 | 0.25 | 0.50 |"
    ]


@needs("wrk")
@needs("redis-server")
def test_two_servers_share_the_clients_and_the_sandboxes(tmp_path: Path) -> None:
    with ExitStack() as stack:
        running = Running("redis-servers", stack, tmp_path)
        result = load(running, READ, own=True, seconds=1)
        arguments = [running.arguments(client, READ, own=True, seconds=1) for client in range(CLIENTS)]
        for number, server in enumerate(running.servers):
            assert {one[one.index("--") - 1] for one in arguments[number::2]} == {server.url}
            with Client(server.url) as client:
                names = [one["name"] for one in client.send("GET", "/_mock/sandboxes").body["sandboxes"]]
            assert sorted(names) == sorted(["demo", *(f"bench-{number}" for number in range(SANDBOXES))])
    assert result.rps > 0
