"""The hooks and fixtures: a server for the run, a sandbox for each test, reports for failed tests.

pytest imports this module in every run, even in suites that do not use the plugin. So this module is
small. It imports the rest of the plugin when a test first needs the server.

PYTEST_DONT_REWRITE tells pytest to leave this module as it is, because it has no assertions.
"""

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockserver.client import Sandbox
    from mockserver.embedding.running_server import RunningServer

MARK = (
    "mockserver(seed, products, frozen, faults, limits, dialect, hosts, others, strict): the initial state "
    "of the test's sandbox; with strict=True, a call that breaks the contract fails the test"
)
URL = "mockserver_url"
BEGINNING = "p0"  # the position before the first call of a server

running_key = pytest.StashKey["RunningServer"]()
shared_server_key = pytest.StashKey[Any]()
sandbox_key = pytest.StashKey["Sandbox"]()
begin_key = pytest.StashKey[str]()
interception_key = pytest.StashKey[tuple["RunningServer", "Sandbox"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mockserver", "mock server for vendors' inventory APIs")
    for name, help_text in (
        ("seed", "seed of the catalog"),
        ("products", "number of sellable items in the catalog"),
        ("vendors", "names of the vendors to serve, separated by commas (default: all)"),
        ("vendors-from", "folder with vendors of your own (default: MOCKSERVER_VENDORS_FROM)"),
        ("dialect", "dialect of the vendors, such as observed (default: documented)"),
        ("url", "use the server that runs at this URL, with the admin token in MOCKSERVER_ADMIN_TOKEN"),
    ):
        group.addoption(f"--mockserver-{name}", metavar=name.upper(), help=help_text)
        parser.addini(f"mockserver_{name.replace('-', '_')}", help_text)
    help_text = "fail a test if one of its calls breaks the contract, or belongs to no vendor"
    group.addoption("--mockserver-strict", action="store_true", default=None, help=help_text)
    parser.addini("mockserver_strict", help_text, type="bool", default=False)
    help_text = "with pytest-xdist: start one server for the run, or one for each worker (default)"
    group.addoption("--mockserver-per", choices=("run", "worker"), help=help_text)
    parser.addini("mockserver_per", help_text)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)
    if hasattr(config, "workerinput"):  # the controller of pytest-xdist has checked the options
        return
    try:
        option(config, "strict")
    except (ValueError, pytest.UsageError) as error:  # which of them depends on the version of pytest
        raise pytest.UsageError(f"mockserver_strict must be true or false: {error}") from None
    if (per := option(config, "per")) not in ("", "run", "worker"):
        raise pytest.UsageError(f"mockserver_per must be run or worker, not {per}")
    arguments = settings(config)
    if url := option(config, "url"):
        from mockserver.client.transport import address_of

        if not address_of(url):
            raise pytest.UsageError(f"mockserver url must be one such as http://localhost:8080, not {url}")
        if arguments["vendors"] or "vendors_from" in arguments or per:
            raise pytest.UsageError(
                "the server at the mockserver url has its own vendors: leave out the options vendors, "
                "vendors-from and per"
            )
    if arguments["vendors"] or "vendors_from" in arguments:
        _check_vendors(arguments)
    if "dialect" in arguments:
        _check_dialect(arguments["dialect"])


def _check_vendors(arguments: dict[str, Any]) -> None:
    """Raise UsageError if the folder of vendors or a vendor does not exist."""
    from mockserver.contract.vendor_files import UnknownVendor, VendorFiles
    from mockserver.data.resources import InvalidFile

    try:
        folder = arguments.get("vendors_from")
        VendorFiles(Path(folder) if folder else None).choose(arguments["vendors"])
    except (InvalidFile, UnknownVendor) as error:
        raise pytest.UsageError(f"mockserver: {error}") from None


def _check_dialect(text: str) -> None:
    """Raise UsageError if there is no such dialect. Whether its vendors exist is known later."""
    from mockserver.sandbox.dialects import AnyVendor, InvalidDialects, parse_dialects

    try:
        parse_dialects(text, AnyVendor())
    except InvalidDialects as error:
        raise pytest.UsageError(f"mockserver dialect: {error}") from None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse a mark whose `strict` is neither True nor False: any text would count as True."""
    report = yield
    for item in report.result or ():
        for mark in item.iter_markers("mockserver") if isinstance(item, pytest.Item) else ():
            if not isinstance(strict := mark.kwargs.get("strict", False), bool):
                report.outcome, report.result = "failed", []
                report.longrepr = (
                    f"{item.nodeid}: strict of pytest.mark.mockserver must be True or False, not {strict!r}"
                )
    return report


def option(config: pytest.Config, name: str) -> Any:
    """Return an option from the command line, else from the ini file, else an empty string."""
    value = config.getoption(f"mockserver_{name}")
    return config.getini(f"mockserver_{name}") or "" if value is None else value


def settings(config: pytest.Config) -> dict[str, Any]:
    """Return the arguments for `mockserver.serve`. Raise UsageError if a number is not valid."""
    numbers = {name: str(value) for name in ("seed", "products") if (value := option(config, name))}
    for name, text in numbers.items():
        minimum = 1 if name == "products" else 0
        if not re.fullmatch("[0-9]{1,18}", text) or int(text) < minimum:
            raise pytest.UsageError(f"mockserver {name} must be an integer >= {minimum}, not {text}")
    names = [name.strip() for name in option(config, "vendors").split(",") if name.strip()]
    arguments = {**{name: int(text) for name, text in numbers.items()}, "vendors": names}
    if folder := option(config, "vendors_from"):
        given = config.getoption("mockserver_vendors_from") is not None
        start = config.invocation_params.dir if given or not config.inipath else config.inipath.parent
        arguments["vendors_from"] = str(start / folder)
    if dialect := option(config, "dialect"):
        arguments["dialect"] = dialect
    return arguments


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of pytest-xdist the URL of the shared server. The first worker starts the server."""
    config: pytest.Config = node.config
    if option(config, "per") == "run":
        if shared_server_key not in config.stash:
            from mockserver.embedding.pytest_plugin.shared_server import SharedServer

            config.stash[shared_server_key] = SharedServer(settings(config))
            config.add_cleanup(config.stash[shared_server_key].stop)
        node.workerinput[URL] = config.stash[shared_server_key].url


@pytest.fixture(scope="session")
def mockserver(pytestconfig: pytest.Config) -> Iterator["RunningServer"]:
    """The running server: its `url`, and a `client` of its control API. Its default sandbox is `demo`."""
    from mockserver.embedding.pytest_plugin import fixtures

    arguments, shared = settings(pytestconfig), getattr(pytestconfig, "workerinput", {}).get(URL)
    if url := option(pytestconfig, "url"):
        numbers: dict[str, Any] = {
            name: arguments[name] for name in ("seed", "products", "dialect") if name in arguments
        }
        server = fixtures.attach(url, numbers)
    elif shared:
        server = fixtures.connect(shared, bool(option(pytestconfig, "strict")))
    else:
        server = fixtures.serve(arguments)
    with server as running:
        pytestconfig.stash[running_key] = running
        yield running
        del pytestconfig.stash[running_key]


@pytest.fixture
def mock_sandbox(request: pytest.FixtureRequest, mockserver: "RunningServer") -> Iterator["Sandbox"]:
    """A new sandbox of the running server, for this test only. The test's marks set its initial state."""
    from mockserver.embedding.pytest_plugin import fixtures

    with fixtures.sandbox_for(request.node, mockserver) as sandbox:
        request.node.stash[sandbox_key] = sandbox
        yield sandbox


@pytest.fixture
def mock_intercept(request: pytest.FixtureRequest) -> Iterator["Sandbox"]:
    """A mock in this process that answers calls to the vendors' real hosts, for this test only.

    The test's marks set the initial state of its sandbox. Calls to any other host are refused.
    """
    from mockserver.embedding.pytest_plugin import fixtures

    node = request.node
    with fixtures.interception_for(node, settings(node.config)) as (running, sandbox):
        node.stash[interception_key] = running, sandbox
        yield sandbox
        del node.stash[interception_key]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    running = item.config.stash.get(running_key, None)
    if running and running.position:
        item.stash[begin_key] = running.position()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a strict test if it has passed, but one of its calls broke the contract."""
    result = yield
    marks = (mark.kwargs["strict"] for mark in item.iter_markers("mockserver") if "strict" in mark.kwargs)
    if next(marks, option(item.config, "strict")):
        for running, since, sandbox in _servers_of(item):
            from mockserver.embedding.pytest_plugin import fixtures

            fixtures.fail_on_remarks(running.calls(since, sandbox))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the calls of a failed test to its report."""
    report = yield
    if report.failed and report.when != "teardown":
        for running, since, sandbox in _servers_of(item):
            from mockserver.embedding.pytest_plugin import fixtures

            if text := fixtures.journal(running, since, sandbox):
                fixtures.add_section(report, "mockserver journal", text)
    return report


def _servers_of(item: pytest.Item) -> Iterator[tuple["RunningServer", str, "Sandbox | None"]]:
    """Yield the servers that a test may have called: the running server, and the test's interception.

    Each item is a tuple of three: the server; the end of its journal before the test; the test's own sandbox,
    or None.
    """
    if running := item.config.stash.get(running_key, None):
        yield running, item.stash.get(begin_key, BEGINNING), item.stash.get(sandbox_key, None)
    if interception_key in item.stash:
        running, sandbox = item.stash[interception_key]
        yield running, BEGINNING, sandbox
