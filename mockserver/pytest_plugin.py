"""The pytest plugin: a running server, a sandbox for each test, and its journal where a test fails.

Everything heavy is imported when a test first asks for the server.
"""

import re
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from mockserver.client import Client, Request, Sandbox

MARK = (
    "mockserver(seed, products, frozen, faults, limits, strict): what the test's sandbox begins with, "
    "and whether a call that breaks the contract fails the test"
)
WISHES = ("seed", "products", "frozen", "faults", "limits")
URL = "mockserver_url"
TITLE = "mockserver journal"


@dataclass(frozen=True)
class Running:
    """A server, and its control API. `rung` is how many calls it has had, where only this process calls."""

    url: str
    client: "Client"
    rung: Callable[[], int] | None = None


running_key = pytest.StashKey[Running]()
companion_key = pytest.StashKey[Any]()
sandbox_key = pytest.StashKey["Sandbox"]()
since_key = pytest.StashKey[int]()
intercepted_key = pytest.StashKey["Client"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mockserver", "stand-ins for vendors' APIs")
    for name, words in {
        "seed": "seed of the catalogue",
        "products": "sellable items in the catalogue",
        "vendors": "names of the vendors to serve, with commas between; all if not given",
    }.items():
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


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the server of the run is; the first worker begins it."""
    config: pytest.Config = node.config
    if option(config, "per") == "run":
        if companion_key not in config.stash:
            from mockserver.companion import Companion

            config.stash[companion_key] = Companion(settings(config))
            config.add_cleanup(config.stash[companion_key].stop)
        node.workerinput[URL] = config.stash[companion_key].url


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


@pytest.fixture(scope="session")
def mockserver(pytestconfig: pytest.Config) -> Iterator[Running]:
    """The running server: `url`, and `client` for its control API. Its default sandbox is `demo`."""
    url = getattr(pytestconfig, "workerinput", {}).get(URL)
    server = _shared(url, option(pytestconfig, "strict")) if url else _own(settings(pytestconfig))
    with server as running:
        pytestconfig.stash[running_key] = running
        yield running
        del pytestconfig.stash[running_key]


@contextmanager
def _own(asked: Mapping[str, Any]) -> Iterator[Running]:
    """A server in a thread of this process."""
    from mockserver import app, server
    from mockserver.client import Client
    from mockserver.files import FileBroken

    try:
        mock = app.build(**asked)
    except (app.UnknownVendor, FileBroken, ValueError) as error:
        _fail(f"mockserver: {error}")
    with server.serving(mock.gateway) as url, Client(url) as client:
        yield Running(url, client, lambda: mock.sandboxes.bell.rung)


@contextmanager
def _shared(url: str, strict: bool) -> Iterator[Running]:
    """The server of the whole run. What no test can be told to have called is judged at the end."""
    from mockserver.client import Client, Refused

    with Client(url) as client:
        try:
            client.health()
        except Refused as error:
            _fail(f"mockserver: {error}")
        yield Running(url, client)
        if strict:
            requests = client.sandbox().requests
            calls = list(requests)
            requests.clear()  # the other workers need not say it again
            _refuse_broken(calls, "in the default sandbox, by whichever test, ")


@pytest.fixture
def mock_sandbox(request: pytest.FixtureRequest, mockserver: Running) -> Iterator["Sandbox"]:
    """A sandbox of this test's own, made as its marks say."""
    from mockserver.client import Refused

    node = request.node
    try:
        sandbox = mockserver.client.create(_name(node), **_wishes(node))
    except (Refused, TypeError, ValueError) as error:
        _fail(f"the sandbox cannot be made: {error}")
    node.stash[sandbox_key] = sandbox
    yield sandbox
    try:
        sandbox.delete()
    except Refused as error:
        if error.code != "missing":  # a test may delete it itself
            raise


@pytest.fixture
def mock_intercept(request: pytest.FixtureRequest) -> Iterator["Sandbox"]:
    """A mock of this test's own in this process, behind the vendors' real hosts, as its marks say.

    Calls to any other host are refused.
    """
    from mockserver import intercept
    from mockserver.app import UnknownVendor
    from mockserver.client import Refused
    from mockserver.files import FileBroken

    node = request.node
    with ExitStack() as stack:
        try:
            wishes, asked = _wishes(node), settings(node.config)
            asked |= {name: wishes.pop(name) for name in ("seed", "products") if name in wishes}
            interception = intercept(vendors=asked.pop("names"), **asked)
            sandbox = stack.enter_context(interception)
            if wishes:
                _begin(interception.client, sandbox, **wishes)
        except (Refused, UnknownVendor, FileBroken, TypeError, ValueError) as error:
            _fail(f"the interception cannot be made: {error}")
        node.stash[intercepted_key] = interception.client
        yield sandbox
        del node.stash[intercepted_key]


def _begin(
    client: "Client", sandbox: "Sandbox", frozen: Any = None, faults: Any = (), limits: Any = False
) -> None:
    """What was wished for becomes the world that the sandbox begins with."""
    if frozen is not None:
        sandbox.clock.freeze(frozen)
    sandbox.faults.set(*faults)
    if limits:
        sandbox.limits.on(None if limits is True else limits)
    client.load(sandbox.name, sandbox.export())


def _name(node: pytest.Item) -> str:
    """The same for the same test, so that it gets the same bytes in any order and on any worker."""
    words = re.sub("[^A-Za-z0-9_.-]+", "-", node.name).strip("_.-")
    return f"{words[:50] or 'test'}-{zlib.crc32(node.nodeid.encode()):08x}"


def _wishes(node: pytest.Item) -> Any:
    """What the marks ask for, the closest last. ValueError: there is no such wish."""
    wishes: dict[str, Any] = {}
    for mark in reversed([*node.iter_markers("mockserver")]):
        if unknown := [*map(repr, mark.args), *(mark.kwargs.keys() - {*WISHES, "strict"})]:
            raise ValueError(f"pytest.mark.mockserver has {', '.join(WISHES)} and strict, not {unknown[0]}")
        wishes |= mark.kwargs
    wishes.pop("strict", None)
    return wishes


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    running = item.config.stash.get(running_key, None)
    if running and running.rung:
        item.stash[since_key] = running.rung()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that passes has to be strict too, where that is asked for."""
    result = yield
    if running_key in item.config.stash and _strict(item):
        _refuse_broken(_calls(item) or [])
    if intercepted_key in item.stash and _strict(item):
        _refuse_broken(list(item.stash[intercepted_key].requests))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and report.when != "teardown" and running_key in item.config.stash:
        report.sections += [(TITLE, text) for text in _journal(item)]
    if report.failed and report.when == "call" and intercepted_key in item.stash:
        report.sections.append((TITLE, _intercepted(item.stash[intercepted_key])))
    return report


def _intercepted(client: "Client") -> str:
    """What a test called while its calls were intercepted."""
    from mockserver.client import verdict

    calls = list(client.requests)
    return verdict.journal(calls, client.requests.explain) if calls else "nothing was called"


def _strict(item: pytest.Item) -> bool:
    said = (mark.kwargs["strict"] for mark in item.iter_markers("mockserver") if "strict" in mark.kwargs)
    return bool(next(said, option(item.config, "strict")))


def _journal(item: pytest.Item) -> Iterator[str]:
    """What a test called; nothing if it had nothing to do with the server."""
    from mockserver.client import Refused, Unreachable, verdict

    try:
        if calls := _calls(item):
            yield verdict.journal(calls, item.config.stash[running_key].client.requests.explain)
        elif sandbox_key in item.stash:
            yield f"nothing was called in sandbox {item.stash[sandbox_key].name}"
    except (Refused, Unreachable) as error:
        yield str(error)


def _calls(item: pytest.Item) -> "list[Request]":
    """Every call since the test began, if only this process calls; otherwise those in its sandbox."""
    running, sandbox = item.config.stash[running_key], item.stash.get(sandbox_key, None)
    if running.rung is None:
        return list(sandbox.requests) if sandbox else []
    since = item.stash.get(since_key, 0)
    return list(running.client.requests.after(since)) if running.rung() > since else []


def _refuse_broken(calls: "list[Request]", where: str = "") -> None:
    from mockserver.client import verdict

    if broken := [call for call in calls if call.remarks]:
        _fail(where + verdict.broken(broken))


def _fail(words: str) -> NoReturn:
    """Fail without the traces of how it came to that."""
    raise pytest.fail.Exception(words, pytrace=False) from None
