"""The pytest plugin: a running server, a sandbox for each test, and its journal where a test fails.

Suites that do not use it pay for this file alone, so it is small, and imports the rest when a
test first asks for the server. PYTEST_DONT_REWRITE: nothing is asserted here.
"""

import re
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockserver.client import Sandbox
    from mockserver.pytest_plugin.fixtures import RunningServer

MARK = (
    "mockserver(seed, products, frozen, faults, limits, strict): what the test's sandbox begins with, "
    "and whether a call that breaks the contract fails the test"
)
URL = "mockserver_url"

running_key = pytest.StashKey["RunningServer"]()
shared_server_key = pytest.StashKey[Any]()
sandbox_key = pytest.StashKey["Sandbox"]()
since_key = pytest.StashKey[int]()
intercepted_key = pytest.StashKey[tuple["RunningServer", "Sandbox"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mockserver", "stand-ins for vendors' APIs")
    for name, words in (
        ("seed", "seed of the catalogue"),
        ("products", "sellable items in the catalogue"),
        ("vendors", "names of the vendors to serve, with commas between; all if not given"),
    ):
        group.addoption(f"--mockserver-{name}", metavar=name.upper(), help=words)
        parser.addini(f"mockserver_{name}", words)
    words = "fail tests whose calls break the contract, or are of no vendor"
    group.addoption("--mockserver-strict", action="store_true", default=None, help=words)
    parser.addini("mockserver_strict", words, type="bool", default=False)
    words = "under pytest-xdist: one server for the run, or one for each worker (default)"
    group.addoption("--mockserver-per", choices=("run", "worker"), help=words)
    parser.addini("mockserver_per", words)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)
    settings(config)
    if (per := option(config, "per")) not in ("", "run", "worker"):
        raise pytest.UsageError(f"mockserver_per is run or worker, not {per}")


def option(config: pytest.Config, name: str) -> Any:
    """An option of the command line, or else of the ini file; empty if it is in neither."""
    given = config.getoption(f"mockserver_{name}")
    return config.getini(f"mockserver_{name}") or "" if given is None else given


def settings(config: pytest.Config) -> dict[str, Any]:
    """What `app.build` takes. UsageError: a number is none."""
    numbers = {name: str(given) for name in ("seed", "products") if (given := option(config, name))}
    for name, text in numbers.items():
        least = 1 if name == "products" else 0
        if not re.fullmatch("[0-9]{1,18}", text) or int(text) < least:
            raise pytest.UsageError(f"mockserver {name}: a whole number from {least} on, not {text}")
    names = [name.strip() for name in option(config, "vendors").split(",") if name.strip()]
    return {**{name: int(text) for name, text in numbers.items()}, "names": names}


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the server of the run is; the first worker begins it."""
    config: pytest.Config = node.config
    if option(config, "per") == "run":
        if shared_server_key not in config.stash:
            from mockserver.pytest_plugin.shared_server import SharedServer

            config.stash[shared_server_key] = SharedServer(settings(config))
            config.add_cleanup(config.stash[shared_server_key].stop)
        node.workerinput[URL] = config.stash[shared_server_key].url


@pytest.fixture(scope="session")
def mockserver(pytestconfig: pytest.Config) -> Iterator["RunningServer"]:
    """The running server: `url`, and `client` for its control API. Its default sandbox is `demo`."""
    from mockserver.pytest_plugin import fixtures

    url = getattr(pytestconfig, "workerinput", {}).get(URL)
    strict = bool(option(pytestconfig, "strict"))
    with fixtures.shared(url, strict) if url else fixtures.own(settings(pytestconfig)) as running:
        pytestconfig.stash[running_key] = running
        yield running
        del pytestconfig.stash[running_key]


@pytest.fixture
def mock_sandbox(request: pytest.FixtureRequest, mockserver: "RunningServer") -> Iterator["Sandbox"]:
    """A sandbox of this test's own, made as its marks say."""
    from mockserver.pytest_plugin import fixtures

    with fixtures.sandbox_for(request.node, mockserver) as sandbox:
        request.node.stash[sandbox_key] = sandbox
        yield sandbox


@pytest.fixture
def mock_intercept(request: pytest.FixtureRequest) -> Iterator["Sandbox"]:
    """A mock of this test's own in this process, behind the vendors' real hosts, as its marks say.

    Calls to any other host are refused.
    """
    from mockserver.pytest_plugin import fixtures

    node = request.node
    with fixtures.intercepted(node, settings(node.config)) as (running, sandbox):
        node.stash[intercepted_key] = running, sandbox
        yield sandbox
        del node.stash[intercepted_key]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    running = item.config.stash.get(running_key, None)
    if running and running.published:
        item.stash[since_key] = running.published()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that passes has to be strict too, where that is asked for."""
    result = yield
    said = (mark.kwargs["strict"] for mark in item.iter_markers("mockserver") if "strict" in mark.kwargs)
    if next(said, option(item.config, "strict")):
        for running, since, sandbox in _answering(item):
            from mockserver.pytest_plugin import fixtures

            fixtures.refuse_broken(running.calls(since, sandbox))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and report.when != "teardown":
        for running, since, sandbox in _answering(item):
            from mockserver.pytest_plugin import fixtures

            text = fixtures.journal(running, since, sandbox)
            report.sections += [("mockserver journal", text)] if text else []
    return report


def _answering(item: pytest.Item) -> Iterator[tuple["RunningServer", int, "Sandbox | None"]]:
    """Who answers a test: the server, and the interception; since which call, and its own sandbox there."""
    if running := item.config.stash.get(running_key, None):
        yield running, item.stash.get(since_key, 0), item.stash.get(sandbox_key, None)
    if intercepted_key in item.stash:
        running, sandbox = item.stash[intercepted_key]
        yield running, 0, sandbox
