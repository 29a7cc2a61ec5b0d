"""The code behind the fixtures: start servers and interceptions, create sandboxes, report calls."""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from mockserver.client import Client, Refused, Request, Sandbox, Unreachable
from mockserver.pytest_plugin import messages

MARK_OPTIONS = ("seed", "products", "frozen", "faults", "limits")


@dataclass(frozen=True)
class RunningServer:
    """A running server: its base URL, and a client of its control API.

    `count_calls` returns how many calls the server has answered. `count_calls` is None if other
    processes call the server too.
    """

    url: str
    client: Client
    count_calls: Callable[[], int] | None = None

    def calls(self, since: int, sandbox: Sandbox | None) -> list[Request]:
        """Return the calls of a test.

        `since` is the number of calls before the test. If only this process calls the server, skip
        that many calls, and return all later ones. Otherwise, return the calls in the test's own
        sandbox.
        """
        if self.count_calls is not None:
            return list(self.client.requests.after(since)) if self.count_calls() > since else []
        return list(sandbox.requests) if sandbox else []


@contextmanager
def serve(settings: Mapping[str, Any]) -> Iterator[RunningServer]:
    """Run a server in a thread of this process while the block runs."""
    from mockserver import app
    from mockserver.resources import InvalidFile
    from mockserver.server import server

    try:
        mock = app.build(**settings)
    except (app.UnknownVendor, InvalidFile, ValueError) as error:
        _fail(f"mockserver: {error}")
    with server.serving(mock.application) as url, Client(url) as client:
        yield RunningServer(url, client, lambda: mock.sandboxes.feed.published)


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
        yield RunningServer(url, client)
        if strict:
            requests = client.sandbox().requests
            calls = list(requests)
            requests.clear()  # so that the other workers do not report them again
            fail_on_remarks(calls, "in the default sandbox (by an unknown test): ")


@contextmanager
def sandbox_for(test: pytest.Item, running: RunningServer) -> Iterator[Sandbox]:
    """Create a sandbox with the options of the test's marks, and delete it at the end of the block."""
    try:
        sandbox = running.client.create(_sandbox_name(test), **_mark_options(test))
    except (Refused, TypeError, ValueError) as error:
        _fail(f"cannot create the sandbox: {error}")
    yield sandbox
    try:
        sandbox.delete()
    except Refused as error:
        if error.code != "missing":  # the test may have deleted it itself
            raise


@contextmanager
def interception_for(
    test: pytest.Item, settings: Mapping[str, Any]
) -> Iterator[tuple[RunningServer, Sandbox]]:
    """Intercept calls while the block runs. The test's marks set the default sandbox's initial state."""
    from mockserver import app, intercept
    from mockserver.resources import InvalidFile

    with ExitStack() as stack:
        try:
            options, arguments = _mark_options(test), dict(settings)
            arguments |= {name: options.pop(name) for name in ("seed", "products") if name in options}
            interception = intercept(vendors=arguments.pop("names"), **arguments)
            sandbox = stack.enter_context(interception)
            if options:
                _initialize(interception.client, sandbox, **options)
        except (Refused, app.UnknownVendor, InvalidFile, TypeError, ValueError) as error:
            _fail(f"cannot start the interception: {error}")
        yield RunningServer("", interception.client, lambda: interception.calls), sandbox


def _initialize(
    client: Client, sandbox: Sandbox, frozen: Any = None, faults: Any = (), limits: Any = False
) -> None:
    """Set the clock, the faults and the limits. A reset returns the sandbox to this state."""
    if frozen is not None:
        sandbox.clock.freeze(frozen)
    sandbox.faults.set(*faults)
    if limits:
        sandbox.limits.set(limits)
    client.load(sandbox.name, sandbox.export())  # a reset returns to the loaded state


def fail_on_remarks(calls: list[Request], where: str = "") -> None:
    """Fail the test if one of the calls broke the contract."""
    if broken := [call for call in calls if call.remarks]:
        _fail(where + messages.broken(broken))


def journal(running: RunningServer, since: int, sandbox: Sandbox | None) -> str:
    """Return the calls of a test as text, or an empty string if the test did not use the server."""
    try:
        if calls := running.calls(since, sandbox):
            return messages.journal(calls, running.client.requests.explain)
        return f"there were no calls in sandbox {sandbox.name}" if sandbox else ""
    except (Refused, Unreachable) as error:
        return str(error)


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
