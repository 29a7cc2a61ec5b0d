"""The pipeline runs every step at most once, and handles every exception in one place."""

import gc
import logging
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.contract.openapi.operation import Operation
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.router import Router
from mockserver.server.server import serving
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import Limits
from mockserver.vendor_api.vendor import Vendor

MERCHANTPRO = "Authorization: Basic ZGVtbzpkZW1v\r\n"
HIGHLEVEL = "Authorization: Bearer demo\r\nVersion: 2021-07-28\r\n"
READ = "/api/v2/inventory/id/10001"
JSON = "Content-Type: application/json\r\nContent-Length: 11\r\n"
REQUESTS = {
    "read": (200, f"GET {READ}", MERCHANTPRO, ""),
    "page": (200, "GET /products/inventory?altId=x&altType=location&limit=20", HIGHLEVEL, ""),
    "write": (200, f"PATCH {READ}", MERCHANTPRO + JSON, '{"stock":3}'),
    "not found": (404, "GET /api/v2/inventory/id/77", MERCHANTPRO, ""),
    "no such path": (404, "GET /merchantpro/nowhere", MERCHANTPRO, ""),
    "method not allowed": (405, f"DELETE {READ}", MERCHANTPRO, ""),
    "unauthenticated": (401, f"GET {READ}", "", ""),
    "invalid": (422, "GET /products/inventory?altId=x&altType=location&limit=-1", HIGHLEVEL, ""),
    "invalid body": (400, f"PATCH {READ}", MERCHANTPRO + JSON, '{"stocks":3'),
    "rate limited": (429, f"GET {READ}", MERCHANTPRO.replace("ZGVtbzpkZW1v", "c2J4X2xpbWl0ZWQ6eA=="), ""),
}
REFUSED = ("not found", "no such path", "method not allowed", "unauthenticated", "invalid", "invalid body")


def exchange(connection: socket.socket, line: str, headers: str, body: str, pieces: bool) -> int:
    """Send a request in one piece, or in two if `pieces` is set, and return the status."""
    head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()
    if pieces:
        connection.sendall(head[:20])
        connection.sendall(head[20:] + body.encode())
    else:
        connection.sendall(head + body.encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head_part, _, rest = received.partition(b"\r\n\r\n")
    length = int(head_part.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(rest) < length:
        rest += connection.recv(65536)
    return int(received.split(b" ")[1])


@pytest.fixture
def traced_mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[app.Mock, Counter[str]]]:
    """Yield a mock, and a counter of how often each of its steps has run."""
    counts: Counter[str] = Counter()
    mock = app.build()
    mock.sandboxes.create("limited").set_limits(Limits(True, {"merchantpro": {"second": 0}}))

    def count(owner: Any, name: str, step: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            counts[step] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)

    count(Router, "route", "router")
    count(Sandboxes, "get_or_create", "sandbox")
    count(Operation, "read", "parameters")
    count(Operation, "read_body", "body")
    for contract in mock.contracts:
        vendor = contract.vendor
        parts: dict[str, Any] = {}
        for field in ("credential", "authenticate"):
            parts[field] = _counting(getattr(vendor, field), counts, field)
        handlers = {name: _counting(one, counts, "handler") for name, one in vendor.operations.items()}
        contract.vendor = Vendor(**{**vars(vendor), **parts, "operations": handlers})
    yield mock, counts


def _counting(function: Callable[..., Any], counts: Counter[str], step: str) -> Callable[..., Any]:
    def counted(*args: Any) -> Any:
        counts[step] += 1
        return function(*args)

    return counted


@pytest.mark.parametrize("pieces", [False, True], ids=["fast path", "parser"])
def test_every_step_runs_at_most_once(traced_mock: tuple[app.Mock, Counter[str]], pieces: bool) -> None:
    mock, counts = traced_mock
    with serving(mock.application) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            for name, (status, line, headers, body) in REQUESTS.items():
                counts.clear()
                body = body.ljust(11) if body else ""
                assert exchange(connection, line, headers, body, pieces) == status, name
                assert max(counts.values()) == 1, (name, counts)
                assert counts["router"] == counts["credential"] == counts["sandbox"] == 1, (name, counts)


@pytest.mark.finding("A11")
@pytest.mark.parametrize("engine", ["compiled", "connexion"])
@pytest.mark.parametrize("pieces", [False, True], ids=["fast path", "parser"])
def test_handler_with_a_bug_runs_once_and_changes_nothing(
    pieces: bool, engine: app.EngineName, caplog: pytest.LogCaptureFixture
) -> None:
    mock, runs = app.build(names=["merchantpro"], engine=engine), []
    operations: Any = mock.contracts[0].vendor.operations
    handle = operations["update-inventory"]

    def with_a_bug(call: Any) -> None:
        runs.append(handle(call))
        raise ZeroDivisionError("a bug")

    operations["update-inventory"] = with_a_bug
    try:
        with serving(mock.application) as url, caplog.at_level(logging.ERROR, "mockserver"):
            address = urlsplit(url)
            with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
                _, line, headers, body = REQUESTS["write"]
                assert exchange(connection, line, headers, body, pieces) == 500
                assert exchange(connection, *REQUESTS["not found"][1:], pieces) == 404  # it is kept open
    finally:
        operations["update-inventory"] = handle
    assert len(runs) == 1
    [record] = [one for one in caplog.records if one.name == "mockserver"]
    assert record.exc_info and record.exc_info[0] is ZeroDivisionError
    sandbox = mock.sandboxes.get_or_create("demo")
    assert sandbox.state.changes == 0
    entry, _ = [kept.entry() for kept in sandbox.journal.entries()]
    assert (entry.status, entry.changes, entry.operation) == (500, (), "update-inventory")
    assert '"the mock failed at test_pipeline.py:' in entry.response_body
    assert "ZeroDivisionError: a bug" in entry.response_body


@pytest.mark.finding("B1")
def test_rate_limited_call_is_journaled_without_remarks(
    traced_mock: tuple[app.Mock, Counter[str]],
) -> None:
    mock, _ = traced_mock
    with serving(mock.application) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            _, line, headers, body = REQUESTS["rate limited"]
            exchange(connection, line + "?stray=1", headers, body, False)
    [entry] = [kept.entry() for kept in mock.sandboxes.get("limited").journal.entries()]
    assert (entry.operation, entry.status, entry.remarks) == ("get-inventory", 429, ())
    _, text = mock.application.metrics.text()
    assert 'operation="get-inventory",status="429",vendor="merchantpro"' in text.decode()


@pytest.mark.finding("A12")
@pytest.mark.parametrize("engine", ["compiled", "connexion"])
def test_first_refusal_imports_no_more_than_later_ones(engine: str) -> None:
    """After the warm-up of `serve`, no refusal imports anything, not even for its explanation."""
    requests = []
    for name in ("read", *REFUSED):
        status, line, headers, body = REQUESTS[name]
        head = f"{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"
        requests.append((status, f"{head}{body.ljust(11) if body else ''}".encode()))
    code = f"""
import sys
from mockserver import app
from mockserver.server.server import serving
from tests.e2e.test_hostile import exchange

mock = app.build(engine={engine!r})
mock.warm_up()
with serving(mock.application) as url:
    for number, (status, request) in enumerate({requests!r}):
        before = set(sys.modules)
        assert int(exchange(url, request).split()[1]) == status, request
        journals = (mock.sandboxes.journals.strays, mock.sandboxes.get("demo").journal)
        assert [kept.entry().id for journal in journals for kept in journal.entries()]
        if number:
            print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout == "\n" * len(REFUSED), done.stderr


@pytest.mark.finding("A3")
def test_refused_call_leaves_nothing_to_the_garbage_collector() -> None:
    """A traceback would keep all of a large body until a full collection, of which there are few."""
    gc.collect()
    gc.disable()
    try:
        before = problems()
        with serving(app.build(names=["merchantpro"]).application) as url:
            response = httpx.post(f"{url}/_mock/sandboxes", json={"unknown": [1]})
        left = [problem for problem in problems() if not any(problem is one for one in before)]
    finally:
        gc.enable()
    assert (response.status_code, left) == (400, [])


def problems() -> list[Problem]:
    return [one for one in gc.get_objects() if isinstance(one, Problem)]
