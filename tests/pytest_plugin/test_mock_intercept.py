"""The fixture `mock_intercept` in a user's test suite. Each test here runs a small suite."""

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
    """Return `suite`, for tests that call the vendor's real URL."""
    monkeypatch.setattr("tests.conftest.SUITE_HEADER", SUITE_HEADER)
    return suite


def test_each_test_begins_with_new_state(intercepting: Suite) -> None:
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

        def test_without_the_fixture_nothing_is_intercepted():
            assert httpx.HTTPTransport.handle_request.__module__.startswith("httpx")
    """)
    done.assert_outcomes(passed=5)


def test_marks_set_the_initial_state(intercepting: Suite) -> None:
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


def test_failed_test_shows_its_calls(intercepting: Suite) -> None:
    done = intercepting("""
        def test_it(mock_intercept):
            httpx.get(WASHER, auth=("nobody", ""))
            assert False
    """)
    done.assert_outcomes(failed=1)
    assert any(
        line.split() == ["merchantpro", "401", "GET", "/api/v2/inventory/id/10001"] for line in section(done)
    )


def test_strict_fails_a_test_whose_call_breaks_the_contract(intercepting: Suite) -> None:
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
    ("mark", "message"),
    [
        ("products=0", "products must be from 1 to 10,000,000, not 0"),
        ("seeds=1", "not seeds"),
        ("frozen='later'", "later"),
        ("faults=['explode']", "must be one of committed_reply_lost"),
    ],
)
def test_invalid_mark_is_a_one_line_error(intercepting: Suite, mark: str, message: str) -> None:
    done = intercepting(f"""
        @pytest.mark.mockserver({mark})
        def test_it(mock_intercept):
            pass
    """)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"*cannot start the interception: *{message.replace('[', '[[]')}*"])
    assert "Traceback" not in done.stdout.str()
