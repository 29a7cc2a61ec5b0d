"""What the tests of a suite share and have: its server, their sandboxes, and what they called."""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from mockserver.client import Client, Refused, Request, Sandbox, Unreachable
from mockserver.pytest_plugin import messages

WISHES = ("seed", "products", "frozen", "faults", "limits")


@dataclass(frozen=True)
class RunningServer:
    """A server, and its control API. `published`: how many calls it has had, if only this process calls."""

    url: str
    client: Client
    published: Callable[[], int] | None = None

    def calls(self, since: int, sandbox: Sandbox | None) -> list[Request]:
        """Every call after so many, if only this process calls; otherwise those in the sandbox."""
        if self.published is not None:
            return list(self.client.requests.after(since)) if self.published() > since else []
        return list(sandbox.requests) if sandbox else []


@contextmanager
def own(settings: Mapping[str, Any]) -> Iterator[RunningServer]:
    """A server in a thread of this process."""
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
def shared(url: str, strict: bool) -> Iterator[RunningServer]:
    """The server of the whole run. What no test can be told to have called is judged at the end."""
    with Client(url) as client:
        try:
            client.health()
        except Refused as error:
            _fail(f"mockserver: {error}")
        yield RunningServer(url, client)
        if strict:
            requests = client.sandbox().requests
            calls = list(requests)
            requests.clear()  # the other workers need not say it again
            refuse_broken(calls, "in the default sandbox, by whichever test, ")


@contextmanager
def sandbox_for(test: pytest.Item, running: RunningServer) -> Iterator[Sandbox]:
    """A new sandbox, made as the marks of a test say."""
    try:
        sandbox = running.client.create(_name(test), **_wishes(test))
    except (Refused, TypeError, ValueError) as error:
        _fail(f"the sandbox cannot be made: {error}")
    yield sandbox
    try:
        sandbox.delete()
    except Refused as error:
        if error.code != "missing":  # a test may delete it itself
            raise


@contextmanager
def intercepted(test: pytest.Item, settings: Mapping[str, Any]) -> Iterator[tuple[RunningServer, Sandbox]]:
    """An interception, and its sandbox, made as the marks of a test say."""
    from mockserver import app, intercept
    from mockserver.resources import InvalidFile

    with ExitStack() as stack:
        try:
            wishes, asked = _wishes(test), dict(settings)
            asked |= {name: wishes.pop(name) for name in ("seed", "products") if name in wishes}
            interception = intercept(vendors=asked.pop("names"), **asked)
            sandbox = stack.enter_context(interception)
            if wishes:
                _begin(interception.client, sandbox, **wishes)
        except (Refused, app.UnknownVendor, InvalidFile, TypeError, ValueError) as error:
            _fail(f"the interception cannot be made: {error}")
        yield RunningServer("", interception.client, lambda: interception.calls), sandbox


def _begin(
    client: Client, sandbox: Sandbox, frozen: Any = None, faults: Any = (), limits: Any = False
) -> None:
    """What was wished for becomes the world that the sandbox begins with."""
    if frozen is not None:
        sandbox.clock.freeze(frozen)
    sandbox.faults.set(*faults)
    if limits:
        sandbox.limits.on(None if limits is True else limits)
    client.load(sandbox.name, sandbox.export())


def refuse_broken(calls: list[Request], where: str = "") -> None:
    """Fail if a call broke the contract."""
    if broken := [call for call in calls if call.remarks]:
        _fail(where + messages.broken(broken))


def journal(running: RunningServer, since: int, sandbox: Sandbox | None) -> str:
    """What a test called; empty if it had nothing to do with the server."""
    try:
        if found := running.calls(since, sandbox):
            return messages.journal(found, running.client.requests.explain)
        return f"nothing was called in sandbox {sandbox.name}" if sandbox else ""
    except (Refused, Unreachable) as error:
        return str(error)


def _name(test: pytest.Item) -> str:
    """The same for the same test, so that it gets the same bytes in any order and on any worker."""
    words = re.sub("[^A-Za-z0-9_.-]+", "-", test.name).strip("_.-")
    return f"{words[:50] or 'test'}-{zlib.crc32(test.nodeid.encode()):08x}"


def _wishes(test: pytest.Item) -> Any:
    """What the marks ask for; of the same wish the closest counts. ValueError: there is no such wish."""
    wishes: dict[str, Any] = {}
    for mark in reversed([*test.iter_markers("mockserver")]):
        if unknown := [*map(repr, mark.args), *(mark.kwargs.keys() - {*WISHES, "strict"})]:
            raise ValueError(f"pytest.mark.mockserver has {', '.join(WISHES)} and strict, not {unknown[0]}")
        wishes |= mark.kwargs
    wishes.pop("strict", None)
    return wishes


def _fail(words: str) -> NoReturn:
    """Fail without the traces of how it came to that."""
    raise pytest.fail.Exception(words, pytrace=False) from None
