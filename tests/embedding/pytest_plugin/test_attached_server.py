"""The plugin's fixtures on a server that was running before: --mockserver-url."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver import app
from mockserver.client import Client
from mockserver.server.server import serving
from tests.conftest import Suite
from tests.e2e.test_pytest_plugin import section

pytestmark = pytest.mark.finding("C3")
pytest_plugins = ["pytester"]
TOKEN = "a-secret-token-of-this-test"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Yield a client of a server with an admin token, which is in the environment."""
    mock = app.build(products=20, admin_token=TOKEN)
    with serving(mock.application) as url, Client(url, token=TOKEN) as client:
        monkeypatch.setenv("MOCKSERVER_ADMIN_TOKEN", TOKEN)
        yield client


@pytest.mark.parametrize("options", [(), ("-n", "2")])
@pytest.mark.parametrize("given", ["option", "ini file"])
def test_sandboxes_marks_strict_and_journal_work(
    suite: Suite, pytester: pytest.Pytester, server: Client, given: str, options: tuple[str, ...]
) -> None:
    if given == "ini file":
        pytester.makeini(f"[pytest]\nmockserver_url = {server.url}")
    done = suite(
        """
        def test_sandbox(mock_sandbox, mockserver):
            assert mock_sandbox.vendors["merchantpro"].base_url.startswith(mockserver.url)
            assert (mock_sandbox.products, mock_sandbox.seed) == (20, 7)
            assert ask(mock_sandbox).status_code == 200
            mock_sandbox.assert_called(times=1)

        @pytest.mark.mockserver(products=5, faults=[503], frozen="2026-01-02T03:04:05Z")
        def test_marked(mock_sandbox):
            assert (mock_sandbox.products, ask(mock_sandbox).status_code) == (5, 503)

        def test_remark(mock_sandbox):
            ask(mock_sandbox, path=WASHER + "?x=1")

        @pytest.mark.mockserver(strict=False)
        def test_fails(mock_sandbox):
            ask(mock_sandbox, path="/api/v2/inventory/id/7")
            assert False
        """,
        "--mockserver-strict", "--mockserver-seed=7", *options,
        *([f"--mockserver-url={server.url}"] if given == "option" else []),
    )  # fmt: skip
    done.assert_outcomes(passed=2, failed=2)
    done.stdout.fnmatch_lines(["1 call breaks the contract"])
    assert "merchantpro 404 GET    /api/v2/inventory/id/7" in done.stdout.str()
    assert [sandbox.name for sandbox in server.sandboxes()] == ["demo"], "the others are deleted"


def test_calls_of_others_are_left_alone(suite: Suite, server: Client) -> None:
    before = [call.id for call in server.requests]
    with server.create("theirs") as theirs:
        done = suite(
            """
            def test_it(mock_sandbox):
                ask(mock_sandbox)
                httpx.get(os.environ["SERVER"] + "/nobody")
            """.replace('os.environ["SERVER"]', repr(server.url)),
            "--mockserver-strict", f"--mockserver-url={server.url}",
        )  # fmt: skip
        done.assert_outcomes(passed=1)
        assert theirs.requests.count() == 0
        assert [call.vendor for call in server.requests if call.id not in before] == ["-"]


def test_name_that_another_run_uses_is_not_taken_from_it(suite: Suite, server: Client) -> None:
    tests = "def test_it(mock_sandbox): print('name:', mock_sandbox.name)"
    url = f"--mockserver-url={server.url}"
    name = suite(tests, url, "-s").stdout.str().partition("name: ")[2].split()[0]
    with server.create(name):
        done = suite(tests, url, "-s")
        done.assert_outcomes(passed=1)
        other = done.stdout.str().partition("name: ")[2].split()[0]
        assert other.startswith(f"{name}-")
        assert [sandbox.name for sandbox in server.sandboxes()] == ["demo", name]


@pytest.mark.parametrize(("token", "status"), [("", "401"), ("wrong", "401")])
def test_wrong_token_is_a_one_line_error(
    suite: Suite, server: Client, token: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOCKSERVER_ADMIN_TOKEN", token)
    done = suite("def test_it(mock_sandbox): pass", f"--mockserver-url={server.url}")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["cannot create the sandbox: *token*"])
    assert section(done) == []
    assert "Traceback" not in done.stdout.str()


def test_server_that_does_not_answer_is_a_one_line_error(
    suite: Suite, free_port: int, tmp_path: Path
) -> None:
    done = suite("def test_it(mock_sandbox): pass", f"--mockserver-url=http://127.0.0.1:{free_port}")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"mockserver: no mockserver answers at http://127.0.0.1:{free_port}: *"])
    assert "Traceback" not in done.stdout.str()
