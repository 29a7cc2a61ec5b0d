"""The two programs about hostile load run to their end, on a small scale, and say what they found."""

import subprocess
import sys
from collections import Counter

import pytest

from tests.bench import soak
from tests.bench.attacks import ATTACKS
from tests.bench.mixed_load import Call, Outcomes
from tests.bench.watched_server import Sample
from tests.conftest import ROOT


def run(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"tests.bench.{program}", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_hostile_measures_a_client_beside_each_attack() -> None:
    done = run("hostile", "--rounds", "1", "--calls", "3", "--scale", "0.003")
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert [row[0].removeprefix("| ") for row in rows] == list(ATTACKS)
    assert {row[3] for row in rows} == {"3"}


def test_soak_makes_all_its_checks() -> None:
    done = run("soak", "--minutes", "0.1")
    checks = [line for line in done.stdout.splitlines() if line.startswith(("ok  ", "FAIL"))]
    assert len(checks) == 6, done.stdout + done.stderr
    assert done.returncode == any(line.startswith("FAIL") for line in checks)


@pytest.mark.parametrize(
    ("end", "passed"), [(100.0, True), (109.0, True), (111.0, False), (20.0, True), (0.0, False)]
)
def test_memory_may_grow_by_a_tenth_after_three_minutes(end: float, passed: bool) -> None:
    samples = [Sample(rss, 1, 1) for rss in [50.0] * 18 + [100.0] * 3 + [end] * 3]
    assert soak.memory_check(samples, 30)[0] is passed


@pytest.mark.parametrize(("more", "passed"), [(0, True), (-5, True), (2, True), (3, False)])
def test_descriptors_must_be_flat(more: int, passed: bool) -> None:
    assert soak.rest_checks(Sample(1, 20, 10), Sample(1, 20 + more, 10))[0][0] is passed


@pytest.mark.parametrize(("more", "passed"), [(0, True), (1, False)])
def test_threads_are_at_most_those_of_full_pools(more: int, passed: bool) -> None:
    after = Sample(1, 20, soak.MAX_SERVER_THREADS + more)
    assert soak.rest_checks(Sample(1, 20, 10), after)[1][0] is passed


SHOPLAZZA = Call("GET", "/openapi/2022-01/products/x/inventory?a=1", vendor="shoplazza")


@pytest.mark.parametrize(
    ("call", "own_error", "documented"),
    [
        (SHOPLAZZA, "", True),
        (SHOPLAZZA, "mock_failed", False),
        (SHOPLAZZA, "too_many_sandboxes", True),
        (Call("GET", "/api/v2/inventory/id/1", vendor="merchantpro"), "", False),
        (Call("GET", "/api/v2/inventory/id/1", vendor="merchantpro", faulty=True), "", True),
        (Call("GET", "/nobody"), "", False),
    ],
)
def test_status_500_must_be_documented(call: Call, own_error: str, documented: bool) -> None:
    outcomes = Outcomes()
    outcomes.add(call, 500, own_error)
    assert (outcomes.documented.total(), outcomes.undocumented.total()) == (documented, not documented)
    assert outcomes.calls == Counter({"500": 1})
