"""The pytest plugin in a user's suite: each test here runs a small suite."""

import re

import pytest

from tests.conftest import Suite

pytest_plugins = ["pytester"]

KNOWN = (
    "pytest.mark.mockserver takes seed, products, frozen, faults, limits, dialect, hosts, others and strict"
)


def section(result: pytest.RunResult) -> list[str]:
    """Return the lines of the first journal section."""
    lines = result.stdout.str().splitlines()
    start = next((n for n, line in enumerate(lines) if "- mockserver journal -" in line), len(lines))
    after = lines[start + 1 :]
    return after[: next((n for n, line in enumerate(after) if line.startswith(("_", "=", "-"))), len(after))]


def test_each_test_has_its_own_sandbox(suite: Suite) -> None:
    done = suite("""
        names = set()

        def check(mockserver, mock_sandbox):
            assert [s.name for s in mockserver.client.sandboxes()] == ["demo", mock_sandbox.name]
            assert mock_sandbox.vendors["merchantpro"].base_url.startswith(mockserver.url)
            assert ask(mock_sandbox, "PATCH", json={"stock": {"adjust_by": 1}}).json()["stock"] == 11
            mock_sandbox.assert_called(method="PATCH", times=1)
            names.add(mock_sandbox.name)

        def test_one(mockserver, mock_sandbox):
            check(mockserver, mock_sandbox)

        def test_two(mockserver, mock_sandbox):
            check(mockserver, mock_sandbox)

        @pytest.mark.parametrize("odd", ["a/b", "-.", "é", "x" * 300])
        def test_odd(mockserver, mock_sandbox, odd):
            check(mockserver, mock_sandbox)

        def test_deleted(mock_sandbox):
            mock_sandbox.delete()

        def test_all_are_deleted(mockserver):
            assert [sandbox.name for sandbox in mockserver.client.sandboxes()] == ["demo"]
            assert len(names) == 6
    """)
    done.assert_outcomes(passed=8)


def test_marks_set_the_initial_state_and_the_closest_mark_wins(suite: Suite) -> None:
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


INVALID_MARKS = {
    "colour=1": f"{KNOWN}, not colour",
    "42": f"{KNOWN}, not 42",
    "products=0": "body.products: must be at least 1, not 0",
    "seed='x'": "body.seed: must be a whole number",
    "frozen='soon'": "soon is not an ISO 8601 timestamp, such as 2026-01-02T03:04:05Z",
    "faults=[{'vendor': 'nobody'}]": "there is no vendor nobody: use one of ",
    "limits=object()": "object cannot be sent as JSON",
}


def test_invalid_mark_is_a_one_line_error(suite: Suite) -> None:
    tests = (
        f"@pytest.mark.mockserver({mark})\ndef test_{number}(mock_sandbox): pass"
        for number, mark in enumerate(INVALID_MARKS)
    )
    done = suite("\n".join(tests))
    done.assert_outcomes(errors=len(INVALID_MARKS))
    lines = done.stdout.str().splitlines()
    for number, message in enumerate(INVALID_MARKS.values()):
        start = next(n for n, line in enumerate(lines) if f"ERROR at setup of test_{number} " in line)
        assert lines[start + 1].startswith(f"cannot create the sandbox: {message}")
        assert lines[start + 2].startswith(("==", "__"))


@pytest.mark.finding("A18")
def test_failed_test_shows_its_calls(suite: Suite) -> None:
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
        "      record: the sandbox has no record with this key",
        f"      use a key that the sandbox has: GET /_mock/sandboxes/{name}/records/merchantpro/inventory",
        "  merchantpro 503 PATCH  /api/v2/inventory/id/10001  fault: status",
        "in no sandbox:",
        "  merchantpro 401 GET    /api/v2/inventory/id/10001",
        "      credential: the credential is not accepted",
    ]
    assert "s3cret" not in "\n".join(section(done))


@pytest.mark.parametrize(
    ("test", "shown"),
    [
        ("def test_it(mock_sandbox): assert False", ["there were no calls in sandbox {name}"]),
        ("def test_it(mock_sandbox): ask(mock_sandbox)", []),
        ("def test_it(mockserver): assert False", []),
        ("def test_it(): assert False", []),
        ("def test_it(mockserver):\n    httpx.get(mockserver.url + WASHER, auth=('demo', ''))\n    assert 0",
         ["in sandbox demo:", "  merchantpro 200 GET    /api/v2/inventory/id/10001"]),
        ("@pytest.fixture\ndef broken(mock_sandbox):\n    ask(mock_sandbox)\n    assert False\n"
         "def test_it(broken): pass",
         ["in sandbox {name}:", "  merchantpro 200 GET    /api/v2/inventory/id/10001"]),
        ("def test_it(mock_sandbox):\n    ask(mock_sandbox)\n    mock_sandbox.delete()\n    assert False",
         ["there were no calls in sandbox {name}"]),
    ],
)  # fmt: skip
def test_journal_is_shown_only_if_it_helps(suite: Suite, test: str, shown: list[str]) -> None:
    done = suite("def test_before(mockserver): httpx.get(mockserver.url)\n" + test)
    name = re.search(r"test_it-\w{8}|$", done.stdout.str())[0]
    assert section(done) == [line.format(name=name) for line in shown]


CALLS_IN_CONTRACT = [
    "ask(mock_sandbox)",
    "ask(mock_sandbox, path='/api/v2/inventory/id/7')",
    "httpx.get(mockserver.url + '/_mock/nothing')",
]
CALLS_WITH_REMARKS = {
    "ask(mock_sandbox, path=WASHER + '?x=1')": "remark: query parameter x is not in the spec",
    "ask(mock_sandbox, 'DELETE')": "remark: DELETE /api/v2/inventory/id/10001 is not in the spec",
    "httpx.get(mockserver.url + '/nobody')": "no vendor   404 GET    /nobody  remark: no vendor has",
    "httpx.get(mockserver.url + WASHER + '?x=2')": "merchantpro 401 GET    /api/v2/inventory/id/10001?x=2",
}


def test_strict_fails_a_test_whose_call_breaks_the_contract(suite: Suite) -> None:
    strict = "@pytest.mark.mockserver(strict=True)\ndef test_{}_{}(mockserver, mock_sandbox): {}"
    tests = [strict.format("clean", n, call) for n, call in enumerate(CALLS_IN_CONTRACT)]
    tests += [strict.format("remark", n, call) for n, call in enumerate(CALLS_WITH_REMARKS)]
    before = "def test_before(mockserver): httpx.get(mockserver.url + '/nobody/before')"
    done = suite("\n".join([before, *tests]))
    done.assert_outcomes(passed=1 + len(CALLS_IN_CONTRACT), failed=len(CALLS_WITH_REMARKS))
    lines = done.stdout.str().splitlines()
    for number, remark in enumerate(CALLS_WITH_REMARKS.values()):
        start = next(n for n, line in enumerate(lines) if f"_ test_remark_{number} _" in line)
        assert lines[start + 1] == "1 call breaks the contract"
        assert remark in lines[start + 2]
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
def test_strict_is_set_by_option_ini_file_or_mark(
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


def test_strict_does_not_hide_a_failed_assertion(suite: Suite) -> None:
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
def test_server_is_configured_by_options_or_ini_file(
    suite: Suite, pytester: pytest.Pytester, options: list[str], ini: str
) -> None:
    pytester.makeini(f"[pytest]\n{ini}")
    test = """
        def test_it(mock_sandbox):
            assert (mock_sandbox.seed, mock_sandbox.products) == (7, 3)
            assert sorted(mock_sandbox.vendors) == ["narvar", "sabi"]
    """
    suite(test, *options).assert_outcomes(passed=1)


DIALECTS = """
    LIST = "/products/inventory?altId=x&altType=location&search=zzz"

    def total(sandbox):
        access = sandbox.vendors["highlevel"]
        return httpx.get(access.base_url + LIST, headers=access.headers).json()["total"]

    def test_of_the_run(mock_sandbox):
        assert total(mock_sandbox) == {of_the_run}

    @pytest.mark.mockserver(dialect="highlevel=observed")
    def test_of_the_mark(mock_sandbox):
        assert total(mock_sandbox) == []
        assert mock_sandbox.dialect == "highlevel=observed"

    @pytest.mark.mockserver(dialect="documented")
    def test_documented_again(mock_sandbox):
        assert total(mock_sandbox) == {{"total": 0}}

    @pytest.mark.mockserver(dialect="observed")
    def test_intercepted(mock_intercept):
        url = "https://services.leadconnectorhq.com"
        headers = {{"Authorization": "Bearer demo", "Version": "v3"}}
        assert httpx.get(url + LIST, headers=headers).json()["total"] == []
        mock_intercept.set_dialect("documented")
        mock_intercept.reset()
        assert mock_intercept.dialect == "observed"
"""


@pytest.mark.parametrize(
    ("options", "of_the_run"), [([], '{"total": 0}'), (["--mockserver-dialect=observed"], "[]")]
)
def test_dialect_is_chosen_for_the_run_and_by_a_mark(
    suite: Suite, options: list[str], of_the_run: str
) -> None:
    done = suite(DIALECTS.format(of_the_run=of_the_run), *options)
    done.assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--mockserver-seed=x", "ERROR: mockserver seed must be an integer >= 0, not x"),
        ("--mockserver-products=0", "ERROR: mockserver products must be an integer >= 1, not 0"),
        ("--mockserver-dialect=live", "ERROR: mockserver dialect: there is no dialect 'live': use "
         "documented or observed, or name vendors: VENDOR=observed,…"),
        ("--override-ini=mockserver_per=test", "ERROR: mockserver_per must be run or worker, not test"),
        ("--override-ini=mockserver_strict=maybe",
         "ERROR: mockserver_strict must be true or false: invalid truth value 'maybe'"),
        ("--mockserver-vendors=nobody",
         "ERROR: mockserver: unknown vendor nobody; there are "
         "highlevel, merchantpro, narvar, sabi, shoplazza"),
        ("--mockserver-vendors-from=/nowhere",
         "ERROR: mockserver: /nowhere: the folder of vendors does not exist: choose another"),
        ("--mockserver-url=localhost:8080",
         "ERROR: mockserver url must be one such as http://localhost:8080, not localhost:8080"),
        ("--mockserver-url=http://localhost:8080 --mockserver-vendors=sabi",
         "ERROR: the server at the mockserver url has its own vendors: leave out the options vendors, "
         "vendors-from and per"),
    ],
)  # fmt: skip
def test_invalid_option_is_a_one_line_usage_error(suite: Suite, option: str, message: str) -> None:
    done = suite("def test_it(): pass\ndef test_other(mock_sandbox): pass", *option.split())
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in done.stderr.lines if line] == [message]


@pytest.mark.parametrize("options", [(), ("-n", "1")])
@pytest.mark.parametrize("value", ["'no'", "0", "None"])
def test_strict_of_a_mark_must_be_a_bool(suite: Suite, value: str, options: tuple[str, ...]) -> None:
    done = suite(f"@pytest.mark.mockserver(strict={value})\ndef test_it(): pass", *options)
    done.assert_outcomes(errors=1)
    message = f"test_it: strict of pytest.mark.mockserver must be True or False, not {value}"
    assert message in done.stdout.str()
    assert "Traceback" not in done.stdout.str()


def test_pytest_lists_mark_and_fixtures(suite: Suite) -> None:
    suite("", "--markers").stdout.fnmatch_lines(["@pytest.mark.mockserver(seed, products, frozen, *"])
    suite("", "--fixtures").stdout.fnmatch_lines(["mockserver [[]session*", "mock_sandbox -- *"])


def test_each_test_makes_two_calls_to_the_control_api(suite: Suite) -> None:
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


def test_option_per_run_works_without_workers(suite: Suite) -> None:
    suite("def test_it(mock_sandbox): ask(mock_sandbox)", "--mockserver-per=run").assert_outcomes(passed=1)


def test_plugin_can_be_disabled(suite: Suite, pytester: pytest.Pytester) -> None:
    suite("def test_it(): pass", "-p", "no:mockserver").assert_outcomes(passed=1)
    suite("def test_it(mock_sandbox): pass", "-p", "no:mockserver").assert_outcomes(errors=1)
