"""The benchmark is to be trusted: wrong answers count for nothing, and the README says what was measured.

Nothing here looks at a clock; figures are taken by `make bench`.
"""

import asyncio
import json
import os
import re
import shutil
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
from tests.bench import bars, document, guard, report
from tests.bench.__main__ import PARTS, place_for
from tests.bench.client import Answer
from tests.bench.guard import Direct
from tests.bench.load import asking
from tests.bench.operations import IDS, OPERATIONS, PAGE_OF_20, READ, WRITE, Operation
from tests.bench.peers import PEERS
from tests.bench.process import Command, NotStarted, running
from tests.conftest import ROOT

RESULTS = report.read()
STRAY = 10
EVERY = [*OPERATIONS, IDS]


@pytest.fixture(scope="module")
def ours() -> Iterator[Direct]:
    """This server in process, with as many products as are measured."""
    with Direct(app.build(products=1_000_000).application) as one:
        yield one


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_readme_has_the_table_that_the_results_make() -> None:
    text = report.README.read_text()
    assert report.in_readme(text, RESULTS) == text, "run: make bench ARGS=--report"


def test_a_readme_without_marks_is_not_written_to() -> None:
    with pytest.raises(ValueError, match="<!-- bench -->"):
        report.in_readme("# mockserver\n", RESULTS)


def test_the_results_hold_the_bars_as_they_are_judged() -> None:
    judged = {one["figure"] for one in RESULTS["bars"]}
    assert judged == {one.figure for one in bars.bars(RESULTS)}


def test_the_last_run_can_be_shown_with_all_its_bars() -> None:
    shown = bench("--report")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert report.table(RESULTS) in shown.stdout
    assert shown.stdout.count("<=") + shown.stdout.count(">=") == len(RESULTS["bars"])


@pytest.mark.skipif("MAKELEVEL" not in os.environ, reason="make made the environment that it needs")
def test_make_bench_passes_its_arguments_on() -> None:
    environment = {**os.environ, "MAKEFLAGS": ""}
    done = subprocess.run(
        ["make", "bench", "ARGS=--report"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and report.table(RESULTS) in done.stdout


@pytest.mark.parametrize("option", ["--peers", "--only"])
def test_an_unknown_name_is_one_line_and_exit_code_2(option: str) -> None:
    refused = bench(option, "nobody")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.fullmatch(r"bench: nobody is none of .*\n", refused.stderr)


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
def test_a_bar_is_met_by_the_worst_figure_and_by_none_that_is_missing(
    bound: str, measured: list[float | None], met: bool | None
) -> None:
    assert bars.bar("a figure", bound, measured).met is met


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"plan": {"quick": True}}, False),
        ({"peers": {"mockserver": "", "bare": ""}}, False),
    ],
)
def test_only_a_full_run_with_every_peer_is_kept_in_the_repository(change: Any, kept: bool) -> None:
    full = {**dict.fromkeys(PARTS), "plan": {"quick": False}, "peers": dict.fromkeys(PEERS)}
    assert (place_for({**full, **change}) == report.RESULTS) is kept
    del full["load"]
    assert place_for({**full, **change}) != report.RESULTS


@pytest.mark.parametrize("name", ["mockserver", "prism"])
def test_no_ratio_is_made_of_answers_that_were_wrong(name: str) -> None:
    results: Any = deepcopy(RESULTS)
    before = bars.against(results, "prism", 16)
    results["load"]["cells"][name]["read"]["16"][0]["wrong"] = "status 500"
    assert bars.against(results, "prism", 16) == [before[0], None, before[2]]
    assert "each operation / Prism " in "\n".join(
        line for line in bars.lines(results) if "not measured, or not right" in line
    )
    assert report.NOTHING in report.table(results)


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_an_answer_of_ours_is_right_by_spec_and_by_what_is_kept(operation: Operation, ours: Direct) -> None:
    for number in (1, 2, 999_999, 123_456_789):
        answer = operation.ask(ours, number)
        assert operation.wrong(answer) == operation.wrong_values(ours, number, answer) == ""


@pytest.mark.parametrize(
    ("operation", "status", "content", "said"),
    [
        (READ, 500, b"{}", "status 500"),
        (READ, 200, b"<html>", "no JSON"),
        (READ, 200, b'{"id": "10004"}', "id"),
        (WRITE, 200, b'{"oops": 1}', "oops"),
        (PAGE_OF_20, 200, b'{"inventory": [], "total": {"total": 0}}', "0 records, not 20"),
        (PAGE_OF_20, 200, b'{"inventory": []}', "total"),
    ],
)
def test_a_wrong_answer_is_seen(operation: Operation, status: int, content: bytes, said: str) -> None:
    assert said in operation.wrong(Answer(status, "application/json", content))


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_an_answer_with_the_values_of_another_is_seen(operation: Operation, ours: Direct) -> None:
    another = operation.ask(ours, 7)
    assert operation.wrong_values(ours, 8, another)


def test_a_write_that_is_not_kept_is_seen(ours: Direct) -> None:
    answer = WRITE.ask(ours, 5)
    changed = ours.ask("PATCH", WRITE.target(5), WRITE.headers, '{"price_net": 1.00}')
    assert changed.status == 200
    assert "not what is kept" in WRITE.wrong_values(ours, 5, answer)


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_no_key_comes_twice_before_all_have_come(operation: Operation) -> None:
    few = operation.over(100)
    firsts = [few.keys_of(number)[0] for number in range(len(few.keys))]
    assert sorted(firsts) == list(few.keys)


def test_what_peers_are_given_is_a_valid_document_with_our_answers(ours: Direct, tmp_path: Path) -> None:
    contents = {}
    for operation in OPERATIONS:
        answer = operation.ask(ours, 1)
        contents[operation.name] = (answer.content_type, answer.content.decode())
    document.write(tmp_path, contents)
    written = json.loads((tmp_path / "openapi.json").read_text())
    validate(written)
    operations = [
        one for path in written["paths"].values() for one in (path.get("get"), path.get("patch")) if one
    ]
    assert len(operations) == len(OPERATIONS)
    page = written["paths"]["/products/inventory"]["get"]["responses"]["200"]["content"]["application/json"]
    assert page["example"] == json.loads(contents["page"][1])
    assert len(list((tmp_path / "wiremock" / "mappings").iterdir())) == len(OPERATIONS)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = Command([sys.executable, "-c", "print('no such option'); raise SystemExit(2)"])
    with (
        pytest.raises(NotStarted, match="its last words: no such option"),
        running("peer", command, tmp_path),
    ):
        pass


def test_a_server_is_watched_with_all_processes_that_it_makes_and_ends_with_them(tmp_path: Path) -> None:
    """The child of a shell serves; a right answer of it is all that counts as ready."""
    with Direct(app.build().application) as one:
        answer = READ.ask(one, 0)
    answers = {"GET api": {"type": answer.content_type, "body": answer.content.decode()}}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    line = f"{sys.executable} -m tests.bench.bare {{port}} answers.json & echo $! > child; wait"
    with running("peer", Command(["sh", "-c", line], {"PYTHONPATH": str(ROOT)}), tmp_path) as server:
        child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}")
        assert child.exists()
        assert server.memory() > 5 and server.cpu() > 0
    status = child / "status"
    assert not child.exists() or "Z (zombie)" in status.read_text()


@pytest.mark.parametrize(
    ("found", "count"),
    [({"page": 1.0, "read": 1.0, "write": 1.0}, 0), ({"page": 1e9, "read": 1.0, "write": 1e9}, 2)],
)
def test_the_guard_names_what_costs_too_much(found: dict[str, float], count: int) -> None:
    assert len(guard.too_slow(found)) == count


def test_the_guard_forgives_what_is_within_its_margin() -> None:
    assert not guard.too_slow({name: bar * guard.MARGIN for name, bar in guard.BARS.items()})


def test_the_guard_measures_all_operations_and_checks_answers() -> None:
    figures = guard.measure(rounds=2, calls=2)
    assert figures.keys() == guard.BARS.keys()
    assert all(len(one["ours"]) == len(one["bare"]) == 2 for one in figures.values())
    assert guard.ratios(figures).keys() == guard.BARS.keys()


@pytest.mark.skipif(not shutil.which("wrk"), reason="there is no wrk")
@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_wrk_asks_what_the_checks_ask(operation: Operation) -> None:
    """The keys of lua/load.lua are those of `Operation`, and no request comes twice.

    wrk makes some requests that it never sends: one to look at, and those on the way when time is up.
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
        arguments = ["wrk", "--connections", "2", "--duration", "1s", *asking(url, operation, 1000)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    said = json.loads(done.stdout.partition("SUMMARY ")[2])
    numbers = range(1000, 1000 + len(seen) + STRAY)
    prices = [operation.body % float(operation.price(n)) if operation.body else "" for n in numbers]
    assert set(seen) <= set(zip(map(operation.target, numbers), prices, strict=True))
    assert len(set(seen)) == len(seen) > 0
    assert set(said["statuses"]) == {"201"} and said["errors"] == 0
