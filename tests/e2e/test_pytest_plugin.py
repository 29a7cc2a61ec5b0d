"""The pytest plugin, as suites of others see it: each test here runs a small suite."""

import re

import pytest

from tests.conftest import Suite

pytest_plugins = ["pytester"]

KNOWN = "pytest.mark.mockserver has seed, products, frozen, faults, limits and strict"


def section(result: pytest.RunResult) -> list[str]:
    """The lines of the first section with a journal."""
    lines = result.stdout.str().splitlines()
    start = next((n for n, line in enumerate(lines) if "- mockserver journal -" in line), len(lines))
    rest = lines[start + 1 :]
    return rest[: next((n for n, line in enumerate(rest) if line.startswith(("_", "=", "-"))), len(rest))]


def test_each_test_has_a_server_and_a_sandbox_of_its_own(suite: Suite) -> None:
    done = suite("""
        names = set()

        def look(mockserver, mock_sandbox):
            assert [s.name for s in mockserver.client.sandboxes()] == ["demo", mock_sandbox.name]
            assert mock_sandbox.vendors["merchantpro"].base_url.startswith(mockserver.url)
            assert ask(mock_sandbox, "PATCH", json={"stock": {"adjust_by": 1}}).json()["stock"] == 11
            mock_sandbox.assert_called(method="PATCH", times=1)
            names.add(mock_sandbox.name)

        def test_one(mockserver, mock_sandbox):
            look(mockserver, mock_sandbox)

        def test_two(mockserver, mock_sandbox):
            look(mockserver, mock_sandbox)

        @pytest.mark.parametrize("odd", ["a/b", "-.", "é", "x" * 300])
        def test_odd(mockserver, mock_sandbox, odd):
            look(mockserver, mock_sandbox)

        def test_deleted(mock_sandbox):
            mock_sandbox.delete()

        def test_all_are_gone(mockserver):
            assert [sandbox.name for sandbox in mockserver.client.sandboxes()] == ["demo"]
            assert len(names) == 6
    """)
    done.assert_outcomes(passed=8)


def test_marks_say_what_a_sandbox_begins_with_and_the_closest_counts(suite: Suite) -> None:
    done = suite(
        """
        pytestmark = pytest.mark.mockserver(products=7, seed=1)

        @pytest.mark.mockserver(products=5)
        class TestMarks:
            @pytest.mark.mockserver(frozen="2026-01-02T03:04:05Z")
            def test_clock(self, mock_sandbox):
                assert (mock_sandbox.seed, mock_sandbox.products) == (1, 5)
                assert mock_sandbox.clock.now.isoformat() == "2026-01-02T03:04:05+00:00"

            @pytest.mark.mockserver(faults=[{"fault": 503, "times": 1}, 429], products=2)
            def test_faults(self, mock_sandbox):
                assert mock_sandbox.products == 2
                assert [ask(mock_sandbox).status_code for _ in range(2)] == [503, 429]

            @pytest.mark.mockserver(limits={"merchantpro": {"day": 1}})
            def test_limits(self, mock_sandbox):
                assert [ask(mock_sandbox).status_code for _ in range(2)] == [200, 429]

        @pytest.mark.parametrize("on", [
            pytest.param(on, marks=pytest.mark.mockserver(limits=on)) for on in (True, False)
        ])
        def test_switch(mock_sandbox, on):
            assert mock_sandbox.limits.enabled is on
        """,
        "--strict-markers",
    )
    done.assert_outcomes(passed=5)


WRONG_MARKS = {
    "colour=1": f"{KNOWN}, not colour",
    "42": f"{KNOWN}, not 42",
    "products=0": "body.products: minimum 1",
    "seed='x'": "body.seed: type integer",
    "frozen='soon'": "soon is not an ISO 8601 timestamp, such as 2026-01-02T03:04:05Z",
    "faults=[{'vendor': 'nobody'}]": "there is no vendor nobody; use one of ",
    "limits=object()": "object cannot be sent as JSON",
}


def test_a_mark_that_cannot_be_is_one_clear_line(suite: Suite) -> None:
    tests = (
        f"@pytest.mark.mockserver({mark})\ndef test_{number}(mock_sandbox): pass"
        for number, mark in enumerate(WRONG_MARKS)
    )
    done = suite("\n".join(tests))
    done.assert_outcomes(errors=len(WRONG_MARKS))
    lines = done.stdout.str().splitlines()
    for number, words in enumerate(WRONG_MARKS.values()):
        start = next(n for n, line in enumerate(lines) if f"ERROR at setup of test_{number} " in line)
        assert lines[start + 1].startswith(f"the sandbox cannot be made: {words}")
        assert lines[start + 2].startswith(("==", "__"))


def test_where_a_test_fails_its_journal_is_shown(suite: Suite) -> None:
    done = suite("""
        @pytest.mark.mockserver(faults=[{"operation": "update-inventory", "fault": 503}])
        def test_fails(mock_sandbox, mockserver):
            ask(mock_sandbox)
            ask(mock_sandbox, path="/api/v2/inventory/id/7?x=1")
            ask(mock_sandbox, "PATCH", json={})
            httpx.get(mockserver.url + WASHER, auth=("nobody", "s3cret"))
            assert False
    """)
    done.assert_outcomes(failed=1)
    name = re.search(r"in sandbox (test_fails-\w{8}):", done.stdout.str())[1]
    assert [line for line in section(done) if "send Authorization" not in line] == [
        f"in sandbox {name}:",
        "  merchantpro 200 GET    /api/v2/inventory/id/10001",
        "  merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec",
        "      record: there is no record of this key in the sandbox",
        "      use a key that the sandbox has: GET /_mock/sandboxes/{sandbox}/records/{vendor}/{collection}",
        "  merchantpro 503 PATCH  /api/v2/inventory/id/10001  fault: status",
        "in sandbox demo:",
        "  merchantpro 401 GET    /api/v2/inventory/id/10001",
        "      credential: the credential is missing or not accepted",
    ]
    assert "s3cret" not in "\n".join(section(done))


@pytest.mark.parametrize(
    ("test", "shown"),
    [
        ("def test_it(mock_sandbox): assert False", ["nothing was called in sandbox {name}"]),
        ("def test_it(mock_sandbox): ask(mock_sandbox)", []),
        ("def test_it(mockserver): assert False", []),
        ("def test_it(): assert False", []),
        ("def test_it(mockserver):\n    httpx.get(mockserver.url + WASHER, auth=('demo', ''))\n    assert 0",
         ["in sandbox demo:", "  merchantpro 200 GET    /api/v2/inventory/id/10001"]),
        ("@pytest.fixture\ndef broken(mock_sandbox):\n    ask(mock_sandbox)\n    assert False\n"
         "def test_it(broken): pass",
         ["in sandbox {name}:", "  merchantpro 200 GET    /api/v2/inventory/id/10001"]),
        ("def test_it(mock_sandbox):\n    ask(mock_sandbox)\n    mock_sandbox.delete()\n    assert False",
         ["nothing was called in sandbox {name}"]),
    ],
)  # fmt: skip
def test_a_journal_is_shown_only_where_it_helps(suite: Suite, test: str, shown: list[str]) -> None:
    done = suite("def test_before(mockserver): httpx.get(mockserver.url)\n" + test)
    name = re.search(r"test_it-\w{8}|$", done.stdout.str())[0]
    assert section(done) == [line.format(name=name) for line in shown]


CLEAN = [
    "ask(mock_sandbox)",
    "ask(mock_sandbox, path='/api/v2/inventory/id/7')",
    "httpx.get(mockserver.url + '/_mock/nothing')",
]
BREACHES = {
    "ask(mock_sandbox, path=WASHER + '?x=1')": "remark: query parameter x is not in the spec",
    "ask(mock_sandbox, 'DELETE')": "remark: DELETE /api/v2/inventory/id/10001 is not in the spec",
    "httpx.get(mockserver.url + '/nobody')": "no vendor   404 GET    /nobody  remark: no vendor has",
    "httpx.get(mockserver.url + WASHER + '?x=2')": "merchantpro 401 GET    /api/v2/inventory/id/10001?x=2",
}


def test_strict_fails_a_test_whose_own_call_breaks_the_contract(suite: Suite) -> None:
    strict = "@pytest.mark.mockserver(strict=True)\ndef test_{}_{}(mockserver, mock_sandbox): {}"
    tests = [strict.format("clean", n, call) for n, call in enumerate(CLEAN)]
    tests += [strict.format("breach", n, call) for n, call in enumerate(BREACHES)]
    before = "def test_before(mockserver): httpx.get(mockserver.url + '/nobody/before')"
    done = suite("\n".join([before, *tests]))
    done.assert_outcomes(passed=1 + len(CLEAN), failed=len(BREACHES))
    lines = done.stdout.str().splitlines()
    for number, words in enumerate(BREACHES.values()):
        start = next(n for n, line in enumerate(lines) if f"_ test_breach_{number} _" in line)
        assert lines[start + 1] == "1 call breaks the contract"
        assert words in lines[start + 2]
    assert "/nobody/before" not in done.stdout.str()


@pytest.mark.parametrize(
    ("options", "ini", "failed"),
    [
        ([], "", ["marked"]),
        ([], "mockserver_strict = false", ["marked"]),
        (["--mockserver-strict"], "", ["marked", "plain"]),
        ([], "mockserver_strict = true", ["marked", "plain"]),
    ],
)
def test_strict_is_asked_for_on_the_line_in_the_ini_file_or_by_mark(
    suite: Suite, pytester: pytest.Pytester, options: list[str], ini: str, failed: list[str]
) -> None:
    pytester.makeini(f"[pytest]\n{ini}")
    done = suite(
        """
        def test_plain(mock_sandbox):
            ask(mock_sandbox, path=WASHER + "?x=1")

        @pytest.mark.mockserver(strict=True)
        def test_marked(mock_sandbox):
            ask(mock_sandbox, path=WASHER + "?x=1")

        @pytest.mark.mockserver(strict=False)
        def test_free(mock_sandbox):
            ask(mock_sandbox, path=WASHER + "?x=1")
        """,
        *options,
    )
    assert sorted(re.findall("^FAILED .*::test_([a-z]+)", done.stdout.str(), re.MULTILINE)) == failed


def test_a_test_that_fails_anyhow_says_why_itself(suite: Suite) -> None:
    done = suite("""
        @pytest.mark.mockserver(strict=True)
        def test_it(mock_sandbox):
            ask(mock_sandbox, path=WASHER + "?x=1")
            assert "mine" == "yours"
    """)
    done.stdout.fnmatch_lines(["E*assert 'mine' == 'yours'"])
    assert "breaks the contract" not in done.stdout.str()


@pytest.mark.parametrize(
    ("options", "ini"),
    [
        (
            ["--mockserver-seed", "7", "--mockserver-products", "3", "--mockserver-vendors", "sabi, narvar"],
            "",
        ),
        ([], "mockserver_seed = 7\nmockserver_products = 3\nmockserver_vendors = sabi,narvar"),
        (["--mockserver-seed=7"], "mockserver_seed=8\nmockserver_products=3\nmockserver_vendors=sabi,narvar"),
    ],
)
def test_the_server_is_what_options_say(
    suite: Suite, pytester: pytest.Pytester, options: list[str], ini: str
) -> None:
    pytester.makeini(f"[pytest]\n{ini}")
    test = """
        def test_it(mock_sandbox):
            assert (mock_sandbox.seed, mock_sandbox.products) == (7, 3)
            assert sorted(mock_sandbox.vendors) == ["narvar", "sabi"]
    """
    suite(test, *options).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--mockserver-seed=x", "ERROR: mockserver seed: a whole number from 0 on, not x"),
        ("--mockserver-products=0", "ERROR: mockserver products: a whole number from 1 on, not 0"),
        ("--override-ini=mockserver_per=test", "ERROR: mockserver_per is run or worker, not test"),
    ],
)
def test_an_option_that_cannot_be_is_one_clear_line(suite: Suite, option: str, words: str) -> None:
    done = suite("def test_it(): pass", option)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in done.stderr.lines if line] == [words]


def test_a_server_that_cannot_be_is_one_clear_line_for_each_test(suite: Suite) -> None:
    done = suite("def test_it(mock_sandbox): pass", "--mockserver-vendors=nobody")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["mockserver: unknown vendor nobody; there are *"])
    assert "Traceback" not in done.stdout.str()


def test_marks_and_fixtures_are_listed(suite: Suite) -> None:
    suite("", "--markers").stdout.fnmatch_lines(["@pytest.mark.mockserver(seed, products, frozen, *"])
    suite("", "--fixtures").stdout.fnmatch_lines(["mockserver [[]session*", "mock_sandbox -- *"])


def test_a_test_costs_two_calls_of_control(suite: Suite) -> None:
    done = suite("""
        def control_calls(mockserver):
            text = httpx.get(mockserver.url + "/_mock/metrics").text
            lines = [line for line in text.splitlines() if 'requests_total{' in line and '"control"' in line]
            return sum(float(line.split()[-1]) for line in lines)

        before = []

        def test_before(mockserver):
            before.append(control_calls(mockserver))

        @pytest.mark.mockserver(frozen="2026-01-02T03:04:05Z", faults=[{"delay": 0}], limits=True, seed=7)
        @pytest.mark.parametrize("number", range(10))
        def test_some(mock_sandbox, number):
            ask(mock_sandbox)

        def test_after(mockserver):
            assert control_calls(mockserver) - before[0] == 2 * 10 + 1
    """)
    done.assert_outcomes(passed=12)


def test_without_workers_one_server_for_the_run_is_the_same(suite: Suite) -> None:
    suite("def test_it(mock_sandbox): ask(mock_sandbox)", "--mockserver-per=run").assert_outcomes(passed=1)


def test_a_suite_may_do_without_it(suite: Suite, pytester: pytest.Pytester) -> None:
    suite("def test_it(): pass", "-p", "no:mockserver").assert_outcomes(passed=1)
    suite("def test_it(mock_sandbox): pass", "-p", "no:mockserver").assert_outcomes(errors=1)
