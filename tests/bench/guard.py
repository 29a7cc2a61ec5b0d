"""The guard: fails if an in-process call executes too many bytecodes, or takes too long.

Run as `python -m tests.bench.guard`. The server makes all its checks, each call has its own keys, and
responses are checked.

Bytecodes are counted, so the limits for them are tight: they are the same on every machine, however busy it
is. What a call does in C, such as checking a schema, is in its CPU time alone. The guard compares that with a
call to bare ASGI, and measures a bad figure again. Machines differ, so these limits are loose.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from mockserver import app
from mockserver.app import DEFAULT_PRODUCTS
from mockserver.sandbox.journal.journal import MAX_ENTRIES
from tests.bench import bare, interpreter
from tests.bench.client import Response
from tests.bench.operations import OPERATIONS, PRODUCTS, READ, Operation

# The limits for the bytecodes of a call. Python 3.11 has counted them; later versions need fewer.
MAX_BYTECODES = {"page": 3600, "read": 2950, "write": 4560}
# The limits for the CPU time of a call, as a multiple of bare ASGI, and the tolerance as a factor. They hold
# for Debian's interpreter, where bare ASGI is cheaper than in others. A read: 30 to 54 on our machines.
BARS = {"page": 75.0, "read": 45.0, "write": 90.0}
MARGIN = 1.6  # machines differ by as much; the bytecodes are what holds the cost
ROUNDS, CALLS, MAX_TRIES = 7, 40, 5
BARE_REPEATS = 25  # calls to bare ASGI for each of ours, because one alone is too short to time
Figures = dict[str, Any]
Calls = Sequence[tuple[dict[str, Any], str]]  # ASGI scopes and bodies


class InProcess:
    """Calls an ASGI application without a socket, one call at a time."""

    def __init__(self, application: Any) -> None:
        self._application, self._loop = application, asyncio.new_event_loop()

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def send(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Response:
        return self.timed([(_scope(method, target, headers or {}), body)])[1]

    def timed(self, calls: Calls) -> tuple[float, Response]:
        """Make the calls; return the CPU time per call in microseconds, and the last response.

        Raise ValueError if the responses have different statuses.
        """
        started = time.process_time()
        statuses, last = self._loop.run_until_complete(self._run(calls))
        seconds = time.process_time() - started
        if len(statuses) > 1:
            raise ValueError(f"the responses have different statuses: {statuses}")
        return seconds / len(calls) * 1e6, _response(last)

    async def _run(self, calls: Calls) -> tuple[set[int], list[dict[str, Any]]]:
        """Make the calls; return the different statuses, and the messages of the last response.

        Other messages are not kept: the garbage collector's work on them would be measured too.
        """
        statuses = set()
        for scope, body in calls:
            request = {"type": "http.request", "body": body.encode(), "more_body": False}
            messages: list[dict[str, Any]] = []

            async def receive(message: Any = request) -> Any:
                return message

            async def send(message: Any, into: list[Any] = messages) -> None:
                into.append(message)

            await self._application(scope, receive, send)
            statuses.add(messages[0]["status"])
        return statuses, messages


def _scope(method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": method, "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": query.encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(b"host", b"127.0.0.1"), *((n.lower().encode(), v.encode()) for n, v in headers.items())],
    }  # fmt: skip


def _response(messages: Sequence[dict[str, Any]]) -> Response:
    content_type = dict(messages[0]["headers"]).get(b"content-type", b"").decode()
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Response(messages[0]["status"], content_type, body)


def measure(rounds: int = ROUNDS, calls: int = CALLS) -> Figures:
    """Return the microseconds per call in each round, by operation, for this server and for bare ASGI.

    Raise ValueError if a response is wrong.
    """
    figures: Figures = {operation.name: {"ours": [], "bare": []} for operation in OPERATIONS}
    mock = app.build(products=PRODUCTS)
    mock.warm_up()
    with InProcess(mock.application) as ours, InProcess(_bare_application(ours)) as bare_asgi:
        for number in range(rounds + 1):  # round 0 only warms up
            for operation in OPERATIONS:
                batch = list(_calls(operation, number * calls, calls))
                order = [("ours", ours, batch), ("bare", bare_asgi, batch * BARE_REPEATS)]
                for name, application, timed_calls in order[:: 1 if number % 2 else -1]:
                    microseconds, response = application.timed(timed_calls)
                    wrong = operation.check(response)
                    if name == "ours" and not wrong:
                        wrong = operation.check_values(ours, number * calls + calls - 1, response)
                    if wrong:
                        raise ValueError(f"{operation.name}: {wrong}")
                    if number:
                        figures[operation.name][name].append(microseconds)
    return figures


def _bare_application(ours: InProcess) -> Any:
    """Return a bare ASGI application that sends the bytes of our responses."""
    responses = {}
    for operation in OPERATIONS:
        response = operation.send(ours, 0)
        name = f"{operation.method} {operation.path.split('/')[1]}"
        responses[name] = {"type": response.content_type, "body": response.content.decode()}
    return bare.application(responses)


def _calls(operation: Operation, first: int, count: int) -> Iterator[tuple[dict[str, Any], str]]:
    for number in range(first, first + count):
        body = operation.body % float(operation.price(number)) if operation.body else ""
        yield _scope(operation.method, operation.target(number), operation.headers), body


def bytecodes(calls: int = CALLS) -> dict[str, float]:
    """Return the number of bytecodes of a call, by operation, with the few of asyncio and of `InProcess`.

    They are counted when all records have been read once, and when the journal is full, so that each call
    drops the entry of an earlier one.
    """
    mock = app.build(products=DEFAULT_PRODUCTS)
    mock.warm_up()
    found = {}
    with InProcess(mock.application) as ours:
        ours.timed([*_calls(READ.limited_to(DEFAULT_PRODUCTS), 0, MAX_ENTRIES)])
        for operation in (one.limited_to(DEFAULT_PRODUCTS) for one in OPERATIONS):
            ours.timed([*_calls(operation, 0, calls)])
            batch = [*_calls(operation, calls, calls)]
            found[operation.name] = _counted(lambda batch=batch: ours.timed(batch)) / calls
    return found


def _counted(work: Callable[[], object]) -> int:
    """Do some work, and return the number of bytecodes that this executes."""
    count = 0

    def enter(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return trace

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        nonlocal count
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def too_many(found: Mapping[str, float]) -> list[str]:
    """Return a sentence for each operation that executes more bytecodes than it may."""
    return [
        f"{name} executes {found[name]:,.0f} bytecodes: more than {limit:,}"
        for name, limit in MAX_BYTECODES.items()
        if found[name] > limit
    ]


def ratios(figures: Figures) -> dict[str, float]:
    """Return the cost of a call as a multiple of bare ASGI, by operation: the median of all rounds."""
    return {
        name: statistics.median(a / b for a, b in zip(costs["ours"], costs["bare"], strict=True))
        for name, costs in figures.items()
    }


def too_slow(found: Mapping[str, float]) -> list[str]:
    """Return a sentence for each ratio that exceeds its bar by more than the margin."""
    return [
        f"{name} costs {found[name]:.1f} times as much as bare ASGI: more than {bar:g} plus {MARGIN - 1:.0%}"
        for name, bar in BARS.items()
        if found[name] > bar * MARGIN
    ]


def main() -> int:
    """Count once, and measure up to `MAX_TRIES` times. Return the exit code: 0 if both are good enough."""
    counts = bytecodes()
    parts = [f"{name} {count:,.0f} (limit {MAX_BYTECODES[name]:,})" for name, count in counts.items()]
    print(f"guard: bytecodes per call: {', '.join(parts)}")
    if wrong := too_many(counts):
        print(f"guard: {'; '.join(wrong)}", file=sys.stderr)
        return 1
    best: dict[str, float] = {}
    for _ in range(MAX_TRIES):
        try:
            figures = measure()
        except ValueError as error:
            print(f"guard: a response is wrong: {error}", file=sys.stderr)
            return 1
        found = ratios(figures)
        best = {name: min(found[name], best.get(name, found[name])) for name in found}
        if not too_slow(best):
            microseconds = {name: statistics.median(costs["ours"]) for name, costs in figures.items()}
            parts = (
                f"{name} {best[name]:.1f} (limit {BARS[name]:g}, {microseconds[name]:.0f} us)"
                for name in BARS
            )
            print(f"guard: cost per call as a multiple of bare ASGI: {', '.join(parts)}")
            return 0
    print(f"guard: {'; '.join(too_slow(best))}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    interpreter.use_debians("tests.bench.guard")
    sys.exit(main())
