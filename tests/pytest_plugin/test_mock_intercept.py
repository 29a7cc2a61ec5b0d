"""The fixture `mock_intercept`, as suites of others see it: each test here runs a small suite."""

import pytest

from tests.conftest import Suite
from tests.e2e.test_pytest_plugin import section

pytest_plugins = ["pytester"]
SUITE_HEADER = """
import os, pathlib
import httpx, pytest, requests

WASHER = "https://shop.demo.ro/api/v2/inventory/id/10001"
AUTH = ("demo", "any password")
"""


@pytest.fixture
def intercepting(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite whose tests know the vendor's real URL, and nothing of a server."""
    monkeypatch.setattr("tests.conftest.SUITE_HEADER", SUITE_HEADER)
    return suite


def test_each_test_has_a_world_of_its_own_behind_the_real_hosts(intercepting: Suite) -> None:
    done = intercepting("""
        @pytest.mark.parametrize("number", range(3))
        def test_write(mock_intercept, number):
            assert requests.get(WASHER, auth=AUTH).json()["stock"] == 10
            assert httpx.patch(WASHER, auth=AUTH, json={"stock": number}).json()["stock"] == number
            mock_intercept.assert_called(method="PATCH", times=1)

        def test_other_hosts_are_refused(mock_intercept):
            from mockserver.interception import HostRefused
            with pytest.raises(HostRefused):
                httpx.get("https://example.com")

        def test_without_it_nothing_is_intercepted():
            assert httpx.HTTPTransport.handle_request.__module__.startswith("httpx")
    """)
    done.assert_outcomes(passed=5)


def test_marks_say_what_the_world_begins_with(intercepting: Suite) -> None:
    done = intercepting("""
        MARK = pytest.mark.mockserver(
            seed=7, products=5, frozen="2026-01-02T12:00:00Z", faults=[503], limits=True
        )

        @MARK
        def test_marked(mock_intercept):
            assert (mock_intercept.seed, mock_intercept.products) == (7, 5)
            for _ in range(2):
                assert mock_intercept.clock.now.isoformat() == "2026-01-02T12:00:00+00:00"
                assert mock_intercept.limits.enabled
                assert httpx.get(WASHER, auth=AUTH).status_code == 503
                mock_intercept.clock.resume()
                mock_intercept.reset()

        def test_unmarked(mock_intercept):
            assert (mock_intercept.seed, mock_intercept.products) == (42, 20)
            assert httpx.get(WASHER, auth=AUTH).status_code == 200
            assert not mock_intercept.limits.enabled and not mock_intercept.clock.frozen
    """, "--mockserver-products", "20", "--mockserver-vendors", "merchantpro")  # fmt: skip
    done.assert_outcomes(passed=2)


def test_a_test_that_fails_shows_its_journal(intercepting: Suite) -> None:
    done = intercepting("""
        def test_it(mock_intercept):
            httpx.get(WASHER, auth=("nobody", ""))
            assert False
    """)
    done.assert_outcomes(failed=1)
    assert any(
        line.split() == ["merchantpro", "401", "GET", "/api/v2/inventory/id/10001"] for line in section(done)
    )


def test_strict_fails_a_test_that_breaks_the_contract(intercepting: Suite) -> None:
    done = intercepting("""
        def test_broken(mock_intercept):
            httpx.get(WASHER + "?what=1", auth=AUTH)

        @pytest.mark.mockserver(strict=False)
        def test_lenient(mock_intercept):
            httpx.get(WASHER + "?what=1", auth=AUTH)
    """, "--mockserver-strict")  # fmt: skip
    done.assert_outcomes(failed=1, passed=1)
    done.stdout.fnmatch_lines(["*what*"])


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("products=0", "a catalogue has"),
        ("seeds=1", "not seeds"),
        ("frozen='later'", "later"),
        ("faults=['explode']", "none of the allowed forms"),
    ],
)
def test_a_wish_that_makes_no_sense_is_one_line(intercepting: Suite, mark: str, words: str) -> None:
    done = intercepting(f"""
        @pytest.mark.mockserver({mark})
        def test_it(mock_intercept):
            pass
    """)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"*the interception cannot be made: *{words.replace('[', '[[]')}*"])
    assert "Traceback" not in done.stdout.str()
