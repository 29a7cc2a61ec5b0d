"""The fixture `mock_intercept` in a user's test suite. Each test here runs a small suite."""

import os

import pytest

from tests.conftest import ROOT, Suite
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
            from mockserver.embedding.interception import HostRefused
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


def test_mark_names_hosts_limits_and_others(intercepting: Suite) -> None:
    done = intercepting("""
        @pytest.mark.mockserver(hosts={"inventory.test": "merchantpro"}, limits={"merchantpro": {"day": 1}})
        def test_marked(mock_intercept):
            url = WASHER.replace("shop.demo.ro", "inventory.test")
            for _ in range(2):
                assert [httpx.get(url, auth=AUTH).status_code for _ in range(2)] == [200, 429]
                mock_intercept.reset()

        @pytest.mark.mockserver(others="pass")
        def test_others(mock_intercept):
            with pytest.raises(httpx.ConnectError):
                httpx.get("http://127.0.0.1:1")

        @pytest.mark.mockserver(hosts={"inventory.test": "merchantpro"})
        def test_wrong_fixture(mock_sandbox):
            pass
    """)
    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(
        ["cannot create the sandbox: hosts in pytest.mark.mockserver needs the fixture mock_intercept"]
    )


@pytest.mark.parametrize("given", ["option", "ini file", "environment"])
def test_vendors_of_your_own_are_found(
    intercepting: Suite, pytester: pytest.Pytester, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in ("mockserver/vendors/narvar.py", "specs/narvar.yaml", "fixtures/narvar.yaml"):
        target = pytester.path / "mine" / source.removeprefix("mockserver/").replace("narvar", "acme")
        target.parent.mkdir(parents=True)
        text = (ROOT / source).read_text().replace("narvar", "acme").replace("Narvar", "Acme")
        target.write_text(
            text.replace("/exchanges/", "/acme-exchanges/").replace("~1exchanges~1", "~1acme-exchanges~1")
        )
    if given == "ini file":
        pytester.makeini("[pytest]\nmockserver_vendors_from = mine")
    if given == "environment":
        monkeypatch.setenv("MOCKSERVER_VENDORS_FROM", str(pytester.path / "mine"))
    done = intercepting("""
        def test_both(mock_intercept, mock_sandbox):
            assert "acme" in mock_intercept.vendors
            assert "acme" in mock_sandbox.vendors
    """, *(["--mockserver-vendors-from=mine"] if given == "option" else []))  # fmt: skip
    done.assert_outcomes(passed=1)


def test_sandbox_of_the_server_can_be_called_beside_an_interception(intercepting: Suite) -> None:
    done = intercepting("""
        @pytest.mark.parametrize("library", [httpx, requests])
        def test_both(mock_intercept, mock_sandbox, library):
            shop = mock_sandbox.vendors["merchantpro"]
            url = shop.base_url + "/api/v2/inventory/id/10001"
            assert library.patch(url, headers=shop.headers, json={"stock": 3}).json()["stock"] == 3
            assert library.get(WASHER, auth=AUTH).json()["stock"] == 10
            mock_sandbox.assert_called(times=1)
            mock_intercept.assert_called(times=1)
    """)
    done.assert_outcomes(passed=2)


def test_proxy_in_the_environment_is_not_used_for_the_server(
    intercepting: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "example.com")
    done = intercepting("""
        @pytest.mark.parametrize("library", [httpx, requests])
        def test_it(mock_sandbox, library):
            shop = mock_sandbox.vendors["merchantpro"]
            url = shop.base_url + "/api/v2/inventory/id/10001"
            assert library.get(url, headers=shop.headers).status_code == 200
            assert os.environ["NO_PROXY"] == "example.com,127.0.0.1"
    """)
    done.assert_outcomes(passed=2)
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "example.com"


def test_traceback_shows_the_test_and_not_our_own_code(intercepting: Suite) -> None:
    done = intercepting("""
        import aiohttp, asyncio, mockserver, urllib.request

        def test_refused(mock_intercept):
            mock_intercept.faults.add("explode")

        def test_record(mock_intercept):
            mock_intercept.records("merchantpro", "inventory").get("nobody")

        def test_httpx(mock_intercept):
            httpx.get("https://example.com")

        def test_requests(mock_intercept):
            requests.get("https://example.com")

        def test_lookup(mock_intercept):
            urllib.request.urlopen(WASHER)

        def test_aiohttp(mock_intercept):
            async def call():
                async with aiohttp.ClientSession() as session:
                    await session.get("https://example.com")
            asyncio.run(call())

        @mockserver.intercept()
        def test_decorated():
            httpx.get("https://example.com")
    """)
    done.assert_outcomes(failed=7)
    shown = done.stdout.str()
    for name in ("Refused: ", "HostRefused: "):
        assert name in shown
    places = [line for line in shown.splitlines() if "mockserver/" in line and ".py:" in line]
    assert places == []
