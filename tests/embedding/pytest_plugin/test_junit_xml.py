"""The journal of a failed test in the JUnit XML file, which CI systems show."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import Suite
from tests.e2e.test_pytest_plugin import section

pytest_plugins = ["pytester"]
TESTS = """
    def test_failure(mock_sandbox):
        ask(mock_sandbox, path="/api/v2/inventory/id/7")
        assert False

    def test_failure_without_traceback(mock_sandbox):
        ask(mock_sandbox)
        pytest.fail("no", pytrace=False)

    @pytest.mark.mockserver(strict=True)
    def test_strict(mock_sandbox):
        ask(mock_sandbox, path=WASHER + "?x=1")

    @pytest.fixture
    def broken(mock_sandbox):
        ask(mock_sandbox)
        assert False

    def test_error(broken):
        pass

    def test_passed(mock_sandbox):
        ask(mock_sandbox)
"""


@pytest.mark.finding("B14")
@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-o", "junit_family=xunit1")])
def test_failures_and_errors_have_their_journal(
    suite: Suite, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = tmp_path / "junit.xml"
    done = suite(TESTS, f"--junitxml={path}", *options)
    done.assert_outcomes(failed=3, errors=1, passed=1)
    texts = {
        case.get("name"): "".join(part.text or "" for part in case if part.tag in ("failure", "error"))
        for case in ElementTree.parse(path).iter("testcase")
    }
    for name, call in {
        "test_failure": "merchantpro 404 GET    /api/v2/inventory/id/7",
        "test_failure_without_traceback": "merchantpro 200 GET    /api/v2/inventory/id/10001",
        "test_strict": "merchantpro 200 GET    /api/v2/inventory/id/10001?x=1",
        "test_error": "merchantpro 200 GET    /api/v2/inventory/id/10001",
    }.items():
        assert "mockserver journal" in texts[name], name
        assert f"in sandbox {name}-" in texts[name]
        assert call in texts[name]
    assert texts["test_passed"] == ""
    assert section(done), "the console shows it too"
