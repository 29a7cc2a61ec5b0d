"""The code behind the fixtures: start servers and interceptions, create sandboxes, report calls."""

import os
import re
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn

import pytest

from mockserver.client import Client, Refused, Request, Sandbox, Unreachable
from mockserver.client.transport import address_of
from mockserver.embedding.pytest_plugin import messages
from mockserver.embedding.running_server import RunningServer
from mockserver.embedding.running_server import serve as serve_in_thread

__tracebackhide__ = True  # pytest shows the test's line, not these
INTERCEPT_OPTIONS = ("hosts", "others")
MARK_OPTIONS = ("seed", "products", "frozen", "faults", "limits", "dialect", *INTERCEPT_OPTIONS)
TTL = timedelta(hours=1)  # of a sandbox on a server that outlives the run: the run may be killed


@dataclass(frozen=True)
class AttachedServer(RunningServer):
    """A server that was running before. `options` are those of each new sandbox."""

    options: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def serve(settings: Mapping[str, Any]) -> Iterator[RunningServer]:
    """Run a server in a thread of this process while the block runs."""
    from mockserver import app
    from mockserver.data.resources import InvalidFile

    with ExitStack() as stack:
        try:
            running = stack.enter_context(serve_in_thread(**settings))
        except (app.UnknownVendor, InvalidFile, ValueError) as error:
            _fail(f"mockserver: {error}")
        except RuntimeError as error:
            if not type(error).__module__.startswith("pytest_socket"):
                raise
            _fail(
                "mockserver: pytest-socket forbids the server's socket: allow it by "
                "--allow-hosts=127.0.0.1, or use the fixture mock_intercept, which needs no socket"
            )
        stack.enter_context(without_proxy(running.url))
        yield running


@contextmanager
def attach(url: str, options: Mapping[str, Any]) -> Iterator[RunningServer]:
    """Connect to a server that was running before, and leave it as it is."""
    try:
        client = Client(url)
        client.health()
    except (Refused, Unreachable, ValueError) as error:
        _fail(f"mockserver: {error}")
    with client, without_proxy(url):
        yield AttachedServer(url, client, None, {"ttl": TTL, **options})


@contextmanager
def without_proxy(url: str) -> Iterator[None]:
    """Let clients call the server directly, even if the environment names a proxy for all other hosts."""
    address, proxies = address_of(url), ("http_proxy", "https_proxy", "all_proxy")
    with pytest.MonkeyPatch.context() as patch:
        if address and any(os.environ[name] for name in os.environ if name.lower() in proxies):
            for name in ("NO_PROXY", "no_proxy"):
                patch.setenv(name, ",".join(filter(None, [os.environ.get(name), address[0]])))
        yield


@contextmanager
def connect(url: str, strict: bool) -> Iterator[RunningServer]:
    """Connect to the server that all workers share.

    All tests of all workers share the default sandbox, so its calls cannot be assigned to a test. If
    `strict` is true, these calls are checked when a worker ends.
    """
    with Client(url) as client:
        try:
            client.health()
        except Refused as error:
            _fail(f"mockserver: {error}")
        with without_proxy(url):
            yield RunningServer(url, client)
        if strict:
            calls: list[Request] = []
            for requests in (client.sandbox().requests, client.strays):
                calls += requests
                requests.clear()  # so that the other workers do not report them again
            fail_on_remarks(calls, "in the default sandbox or in none (by an unknown test): ")


@contextmanager
def sandbox_for(test: pytest.Item, running: RunningServer) -> Iterator[Sandbox]:
    """Create a sandbox with the options of the test's marks, and delete it at the end of the block."""
    try:
        sandbox = _create(test, running)
    except (Refused, Unreachable, TypeError, ValueError) as error:
        _fail(f"cannot create the sandbox: {error}")
    yield sandbox
    try:
        sandbox.delete()
    except Refused as error:
        if error.code != "missing":  # the test may have deleted it itself
            raise


def _create(test: pytest.Item, running: RunningServer) -> Sandbox:
    options, name = _mark_options(test), _sandbox_name(test)
    for one in INTERCEPT_OPTIONS:
        if one in options and "mock_intercept" not in getattr(test, "fixturenames", ()):
            raise ValueError(f"{one} in pytest.mark.mockserver needs the fixture mock_intercept")
        options.pop(one, None)
    if not isinstance(running, AttachedServer):
        return running.client.create(name, **options)
    options = {**running.options, **options}
    with suppress(Refused):
        return running.client.create(name, **options)
    # Another run may be using the same name at the same time. If there is another reason, it is told now.
    return running.client.create(f"{name}-{secrets.token_hex(4)}", **options)


@contextmanager
def interception_for(
    test: pytest.Item, settings: Mapping[str, Any]
) -> Iterator[tuple[RunningServer, Sandbox]]:
    """Intercept calls while the block runs. The test's marks set the default sandbox's initial state."""
    from mockserver import app, intercept
    from mockserver.data.resources import InvalidFile

    with ExitStack() as stack:
        try:
            options = _mark_options(test)
            names = ("seed", "products", "limits", "dialect", *INTERCEPT_OPTIONS)
            arguments = {name: options.pop(name) for name in names if name in options}
            interception = intercept(**{**settings, **arguments})
            sandbox = stack.enter_context(interception)
            if options:
                _initialize(interception.client, sandbox, **options)
        except (Refused, app.UnknownVendor, InvalidFile, TypeError, ValueError) as error:
            _fail(f"cannot start the interception: {error}")
        yield RunningServer("", interception.client, lambda: interception.position), sandbox


def _initialize(client: Client, sandbox: Sandbox, frozen: Any = None, faults: Any = ()) -> None:
    """Set the clock and the faults. A reset returns the sandbox to this state."""
    if frozen is not None:
        sandbox.clock.freeze(frozen)
    sandbox.faults.set(*faults)
    client.load(sandbox.name, sandbox.export())  # a reset returns to the loaded state


def fail_on_remarks(calls: list[Request], where: str = "") -> None:
    """Fail the test if one of the calls broke the contract."""
    if broken := [call for call in calls if call.remarks]:
        _fail(where + messages.broken(broken))


def journal(running: RunningServer, since: str, sandbox: Sandbox | None) -> str:
    """Return the calls of a test as text, or an empty string if the test did not use the server."""
    try:
        if calls := running.calls(since, sandbox):
            return messages.journal(calls, running.client.requests.explain)
        return f"there were no calls in sandbox {sandbox.name}" if sandbox else ""
    except (Refused, Unreachable) as error:
        return str(error)


def add_section(report: pytest.TestReport, title: str, text: str) -> None:
    """Add a section to the report of a failure, so that the console and the JUnit XML file show it.

    The XML file has the text of the failure, but no sections of the report.
    """
    if add := getattr(report.longrepr, "addsection", None):
        add(title, text)
    else:  # a failure that is not an exception, such as that of a doctest
        report.sections.append((title, text))


def _sandbox_name(test: pytest.Item) -> str:
    """Return a name made from the test's id.

    A test gets the same name, and so the same responses, in any test order and on any worker.
    """
    words = re.sub("[^A-Za-z0-9_.-]+", "-", test.name).strip("_.-")
    return f"{words[:50] or 'test'}-{zlib.crc32(test.nodeid.encode()):08x}"


def _mark_options(test: pytest.Item) -> Any:
    """Return the options of the test's marks, except `strict`. The closest mark wins.

    Raise ValueError if an option is unknown.
    """
    options: dict[str, Any] = {}
    for mark in reversed([*test.iter_markers("mockserver")]):
        if unknown := [*map(repr, mark.args), *(mark.kwargs.keys() - {*MARK_OPTIONS, "strict"})]:
            known = ", ".join(MARK_OPTIONS)
            raise ValueError(f"pytest.mark.mockserver takes {known} and strict, not {unknown[0]}")
        options |= mark.kwargs
    options.pop("strict", None)
    return options


def _fail(message: str) -> NoReturn:
    """Fail the test with the message alone, without a traceback."""
    raise pytest.fail.Exception(message, pytrace=False) from None
