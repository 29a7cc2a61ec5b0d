"""The benchmark: wrong responses are found and give no figure; docs/performance.md shows the stored results.

No test here measures time; `make bench` does that.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from mockserver import app
from mockserver.server.server import serving
from tests.bench import bars, guard, report
from tests.bench.__main__ import PARTS, results_file
from tests.bench.client import Response
from tests.bench.guard import InProcess
from tests.bench.load import wrk_arguments
from tests.bench.operations import IDS, OPERATIONS, PAGE_OF_20, READ, WRITE, Operation
from tests.bench.peer_files import write_peer_files
from tests.bench.peers import PEERS
from tests.bench.process import Command, NotStarted, running
from tests.conftest import ROOT, needs

RESULTS = report.read_results()
UNSENT_REQUESTS = 10
ALL_OPERATIONS = [*OPERATIONS, IDS]


@pytest.fixture(scope="module")
def ours() -> Iterator[InProcess]:
    """Yield this server in process, with as many products as the benchmark uses."""
    with InProcess(app.build(products=1_000_000).application) as server:
        yield server


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_performance_page_has_the_table_of_the_stored_results() -> None:
    text = report.PAGE.read_text()
    assert report.insert_table(text, RESULTS) == text, "run: make bench ARGS=--report"


def test_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="<!-- bench -->"):
        report.insert_table("# mockserver\n", RESULTS)


def test_stored_results_contain_every_performance_bar() -> None:
    stored = {bar["figure"] for bar in RESULTS["bars"]}
    assert stored == {bar.figure for bar in bars.bars(RESULTS)}


def test_report_shows_the_last_run_with_every_performance_bar() -> None:
    done = bench("--report")
    assert (done.returncode, done.stderr) == (0, "")
    assert report.table(RESULTS) in done.stdout
    assert done.stdout.count("<=") + done.stdout.count(">=") == len(RESULTS["bars"])


@pytest.mark.skipif("MAKELEVEL" not in os.environ, reason="needs the environment that make creates")
def test_make_bench_passes_arguments() -> None:
    environment = {**os.environ, "MAKEFLAGS": ""}
    done = subprocess.run(
        ["make", "bench", "ARGS=--report"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and report.table(RESULTS) in done.stdout


@pytest.mark.parametrize("option", ["--peers", "--only"])
def test_unknown_name_in_an_option_exits_2(option: str) -> None:
    refused = bench(option, "nobody")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.fullmatch(r"bench: unknown name nobody; use .*\n", refused.stderr)


@pytest.mark.parametrize(
    ("bound", "measured", "met"),
    [
        (">= 4", [5.0, 4.0], True),
        (">= 4", [5.0, 3.9], False),
        ("<= 2", [1.0, 2.0], True),
        ("<= 2", [1.0, 2.1], False),
        (">= 4", [5.0, None], None),
        (">= 4", [None], None),
    ],
)
def test_performance_bar_is_met_only_if_the_worst_value_meets_it(
    bound: str, measured: list[float | None], met: bool | None
) -> None:
    assert bars.make_bar("a figure", bound, measured).met is met


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        ({}, True),
        ({"plan": {"quick": True}}, False),
        ({"peers": {"mockserver": "", "bare": ""}}, False),
    ],
)
def test_only_complete_runs_are_stored_in_the_repository(change: Any, stored: bool) -> None:
    full = {**dict.fromkeys(PARTS), "plan": {"quick": False}, "peers": dict.fromkeys(PEERS)}
    assert (results_file({**full, **change}) == report.RESULTS) is stored
    del full["load"]
    assert results_file({**full, **change}) != report.RESULTS


@pytest.mark.parametrize("name", ["mockserver", "prism"])
def test_ratio_is_unknown_if_a_response_is_wrong(name: str) -> None:
    results: Any = deepcopy(RESULTS)
    before = bars.ratios_to(results, "prism", 16)
    results["load"]["cells"][name]["read"]["16"][0]["wrong"] = "status 500"
    assert bars.ratios_to(results, "prism", 16) == [before[0], None, before[2]]
    assert "each operation / Prism " in "\n".join(
        line for line in bars.lines(results) if "not measured, or wrong" in line
    )
    assert report.UNKNOWN in report.table(results)


@pytest.mark.parametrize("operation", ALL_OPERATIONS, ids=lambda operation: operation.name)
def test_our_responses_are_correct(operation: Operation, ours: InProcess) -> None:
    for number in (1, 2, 999_999, 123_456_789):
        response = operation.send(ours, number)
        assert operation.check(response) == operation.check_values(ours, number, response) == ""


@pytest.mark.parametrize(
    ("operation", "status", "content", "wrong"),
    [
        (READ, 500, b"{}", "status 500"),
        (READ, 200, b"<html>", "not JSON"),
        (READ, 200, b'{"id": "10004"}', "id"),
        (WRITE, 200, b'{"oops": 1}', "oops"),
        (PAGE_OF_20, 200, b'{"inventory": [], "total": {"total": 0}}', "0 records, not 20"),
        (PAGE_OF_20, 200, b'{"inventory": []}', "total"),
    ],
)
def test_check_detects_a_wrong_response(
    operation: Operation, status: int, content: bytes, wrong: str
) -> None:
    assert wrong in operation.check(Response(status, "application/json", content))


@pytest.mark.parametrize("operation", ALL_OPERATIONS, ids=lambda operation: operation.name)
def test_check_detects_the_values_of_another_call(operation: Operation, ours: InProcess) -> None:
    other = operation.send(ours, 7)
    assert operation.check_values(ours, 8, other)


def test_check_detects_a_lost_write(ours: InProcess) -> None:
    response = WRITE.send(ours, 5)
    changed = ours.send("PATCH", WRITE.target(5), WRITE.headers, '{"price_net": 1.00}')
    assert changed.status == 200
    assert "not the one that was written" in WRITE.check_values(ours, 5, response)


@pytest.mark.parametrize("operation", ALL_OPERATIONS, ids=lambda operation: operation.name)
def test_every_key_is_used_before_one_repeats(operation: Operation) -> None:
    few = operation.limited_to(100)
    firsts = [few.keys_of(number)[0] for number in range(len(few.keys))]
    assert sorted(firsts) == list(few.keys)


def test_files_for_other_servers_are_valid_and_contain_our_responses(ours: InProcess, tmp_path: Path) -> None:
    contents = {}
    for operation in OPERATIONS:
        response = operation.send(ours, 1)
        contents[operation.name] = (response.content_type, response.content.decode())
    write_peer_files(tmp_path, contents)
    document = json.loads((tmp_path / "openapi.json").read_text())
    validate(document)
    operations = [
        path[method] for path in document["paths"].values() for method in ("get", "patch") if method in path
    ]
    assert len(operations) == len(OPERATIONS)
    page = document["paths"]["/products/inventory"]["get"]["responses"]["200"]["content"]["application/json"]
    assert page["example"] == json.loads(contents["page"][1])
    assert len(list((tmp_path / "wiremock" / "mappings").iterdir())) == len(OPERATIONS)


def test_error_quotes_the_log_of_a_server_that_does_not_start(tmp_path: Path) -> None:
    command = Command([sys.executable, "-c", "print('no such option'); raise SystemExit(2)"])
    with (
        pytest.raises(NotStarted, match="last line of its log: no such option"),
        running("peer", command, tmp_path),
    ):
        pass


def test_child_processes_are_measured_and_stopped(tmp_path: Path) -> None:
    """The server is the child of a shell, which is the process that the benchmark starts."""
    with InProcess(app.build().application) as in_process:
        response = READ.send(in_process, 0)
    responses = {"GET api": {"type": response.content_type, "body": response.content.decode()}}
    (tmp_path / "answers.json").write_text(json.dumps(responses))
    script = f"{sys.executable} -m tests.bench.bare {{port}} answers.json & echo $! > child; wait"
    with running("peer", Command(["sh", "-c", script], {"PYTHONPATH": str(ROOT)}), tmp_path) as server:
        child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}")
        assert child.exists()
        assert server.memory() > 5 and server.cpu() > 0
    status = child / "status"
    assert not child.exists() or "Z (zombie)" in status.read_text()


@pytest.mark.parametrize(
    ("found", "count"),
    [({"page": 1.0, "read": 1.0, "write": 1.0}, 0), ({"page": 1e9, "read": 1.0, "write": 1e9}, 2)],
)
def test_speed_guard_lists_slow_operations(found: dict[str, float], count: int) -> None:
    assert len(guard.too_slow(found)) == count


def test_speed_guard_counts_bytecodes() -> None:
    before = sys.gettrace()
    found = guard.bytecodes(calls=2)
    assert sys.gettrace() is before
    assert found.keys() == guard.MAX_BYTECODES.keys() and 1000 < found["read"] < found["write"]
    assert not guard.too_many(guard.MAX_BYTECODES)
    assert len(guard.too_many({**guard.MAX_BYTECODES, "read": 1e9})) == 1


def test_speed_guard_allows_the_margin() -> None:
    assert not guard.too_slow({name: bar * guard.MARGIN for name, bar in guard.BARS.items()})


def test_speed_guard_measures_all_operations() -> None:
    figures = guard.measure(rounds=2, calls=2)
    assert figures.keys() == guard.BARS.keys()
    assert all(len(costs["ours"]) == len(costs["bare"]) == 2 for costs in figures.values())
    assert guard.ratios(figures).keys() == guard.BARS.keys()


@needs("wrk")
@pytest.mark.parametrize("operation", ALL_OPERATIONS, ids=lambda operation: operation.name)
def test_wrk_sends_the_same_requests_as_the_checks(operation: Operation) -> None:
    """lua/load.lua uses the same keys as `Operation`, and no request is sent twice.

    wrk builds some requests that it never sends: one at the start, and those not yet sent at the end.
    """
    seen: list[tuple[str, str]] = []

    async def record(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            query = scope["query_string"].decode()
            body = (await receive())["body"].decode()
            seen.append((scope["raw_path"].decode() + (f"?{query}" if query else ""), body))
            await asyncio.sleep(0)
            await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})

    with serving(record) as url:
        arguments = ["wrk", *wrk_arguments(url, operation, 1000, connections=2)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    summary = json.loads(done.stdout.partition("SUMMARY ")[2])
    numbers = range(1000, 1000 + len(seen) + UNSENT_REQUESTS)
    prices = [operation.body % float(operation.price(n)) if operation.body else "" for n in numbers]
    assert set(seen) <= set(zip(map(operation.target, numbers), prices, strict=True))
    assert len(set(seen)) == len(seen) > 0
    assert set(summary["statuses"]) == {"201"} and summary["errors"] == 0
