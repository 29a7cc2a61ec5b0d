"""The benchmark of stores: costs are compared round by round. No test here measures time."""

from tests.bench.store import BEFORE, Cost, Costs, as_json, bars, table

READ, PAGE = ("read", 1), ("page", 20)


def costs(*values: float) -> list[Cost]:
    return [Cost(cpu=value, engine=value / 10, client=1.0, rps=1000.0, p50=1.0) for value in values]


FOUND: Costs = {
    BEFORE: {READ: costs(50.0, 100.0, 200.0), PAGE: costs(100.0, 100.0, 100.0)},
    "memory": {READ: costs(50.0, 101.0, 400.0), PAGE: costs(102.0, 102.0, 102.0)},
    "redis": {READ: costs(90.0, 180.0, 360.0), PAGE: costs(190.0, 190.0, 190.0)},
}


def test_bars_judge_the_worst_median_of_ratios_within_a_round() -> None:
    assert [*bars(FOUND)] == [
        "ok: memory costs at most 1.02, bar 1.03",
        "FAILED: redis costs at most 1.90, bar 1.8",
    ]


def test_table_has_the_medians_and_what_redis_and_the_client_used() -> None:
    assert table(FOUND).splitlines()[2:] == [
        "| read, 1 | 100.0 | 1.0 | 1.01 (1.00-2.00) | 1.80 (1.80-1.80) | 0.18 |",
        "| page, 20 | 100.0 | 1.0 | 1.02 (1.02-1.02) | 1.90 (1.90-1.90) | 0.19 |",
    ]


def test_figures_have_every_cell_of_every_server() -> None:
    cells = as_json(FOUND)["cells"]
    assert [*cells] == [*FOUND]
    assert all([*found] == ["read, 1", "page, 20"] for found in cells.values())
