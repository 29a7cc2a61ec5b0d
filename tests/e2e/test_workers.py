"""The pytest plugin under pytest-xdist: one server for the run, or one for each worker."""

from pathlib import Path

import pytest

from mockserver.client import Client, Unreachable
from tests.conftest import Suite

pytest_plugins = ["pytester"]

TWO_HUNDRED_TESTS = """
    @pytest.mark.parametrize("number", range(200))
    def test_many(mockserver, mock_sandbox, number):
        body = {"stock": {"adjust_by": number}}
        assert ask(mock_sandbox, "PATCH", json=body).json()["stock"] == 10 + number
        mock_sandbox.assert_called(times=1)
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        pathlib.Path(f"url-{worker}").write_text(mockserver.url)
"""


def server_urls(folder: Path) -> set[str]:
    return {file.read_text() for file in folder.glob("url-*")}


@pytest.mark.parametrize(
    ("options", "servers"),
    [(["-n", "4", "--mockserver-per=run"], 1), (["-n", "2", "-p", "no:randomly"], 2)],
    ids=["one server for the run, random order", "one server for each worker"],
)
def test_two_hundred_tests_pass_in_parallel(
    suite: Suite, pytester: pytest.Pytester, options: list[str], servers: int
) -> None:
    suite(TWO_HUNDRED_TESTS, *options).assert_outcomes(passed=200)
    used = server_urls(pytester.path)
    assert len(used) == servers
    for url in used:
        with pytest.raises(Unreachable):
            Client(url).health()


def test_sandbox_name_is_the_same_on_every_worker(suite: Suite, pytester: pytest.Pytester) -> None:
    test = """
        @pytest.mark.parametrize("number", range(4))
        def test_it(mock_sandbox, number):
            path = pathlib.Path(f"seen-{number}")
            if path.exists():
                assert path.read_text() == mock_sandbox.name
            path.write_text(mock_sandbox.name)
    """
    suite(test).assert_outcomes(passed=4)
    suite(test, "-n", "2", "--mockserver-per=run").assert_outcomes(passed=4)


def test_server_ends_after_a_worker_crashes(suite: Suite, pytester: pytest.Pytester) -> None:
    done = suite(
        """
        def record_url(mockserver):
            pathlib.Path("url-").write_text(mockserver.url)

        def test_crashes(mockserver, mock_sandbox):
            record_url(mockserver)
            os._exit(1)

        @pytest.mark.parametrize("number", range(6))
        def test_others(mockserver, mock_sandbox, number):
            record_url(mockserver)
            assert ask(mock_sandbox).status_code == 200
        """,
        *("-n", "2", "--mockserver-per=run"),
    )
    done.assert_outcomes(passed=6, failed=1)
    (url,) = server_urls(pytester.path)
    with pytest.raises(Unreachable):
        Client(url).health()


def test_strict_also_checks_the_default_sandbox_at_the_end(suite: Suite) -> None:
    done = suite(
        """
        def test_unmatched(mockserver):
            httpx.get(mockserver.url + "/nobody")

        def test_own(mock_sandbox):
            ask(mock_sandbox, path=WASHER + "?x=1")

        def test_clean(mock_sandbox):
            ask(mock_sandbox)
        """,
        *("-n", "1", "--mockserver-per=run", "--mockserver-strict", "-p", "no:randomly"),
    )
    done.assert_outcomes(passed=2, failed=1, errors=1)
    done.stdout.fnmatch_lines(
        [
            "in the default sandbox or in none (by an unknown test): 1 call breaks the contract",
            "*/nobody*no vendor has*",
        ]
    )
