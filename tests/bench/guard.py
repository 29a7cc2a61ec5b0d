"""The guard: what a call costs in process, as a ratio to bare ASGI: `python -m tests.bench.guard`.

Every check of ours is on, every call has keys of its own, and answers are checked for being right.
Time is CPU time of the whole process, so neighbours hardly show; a bad figure is taken again.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mockserver import app
from tests.bench.bare import application
from tests.bench.client import Answer
from tests.bench.operations import OPERATIONS, PRODUCTS, Operation

# How many times the cost of bare ASGI a call may cost, and by how much that may be exceeded.
BARS = {"page": 85.0, "read": 30.0, "write": 70.0}
MARGIN = 1.25
ROUNDS, CALLS, TRIES = 7, 40, 3
BARE = 25  # calls of bare ASGI for one of ours: it is over too soon to be timed
Figures = dict[str, Any]
Calls = Sequence[tuple[dict[str, Any], str]]


class Direct:
    """An ASGI application called without a socket, one call after the other."""

    def __init__(self, application: Any) -> None:
        self._application, self._loop = application, asyncio.new_event_loop()

    def __enter__(self) -> "Direct":
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer:
        return self.timed([(_scope(method, target, headers or {}), body)])[1]

    def timed(self, calls: Calls) -> tuple[float, Answer]:
        """Microseconds of CPU for one call, and the last answer. ValueError: they differ in status."""
        started = time.process_time()
        statuses, last = self._loop.run_until_complete(self._run(calls))
        seconds = time.process_time() - started
        if len(statuses) > 1:
            raise ValueError(f"statuses {statuses}")
        return seconds / len(calls) * 1e6, _answer(last)

    async def _run(self, calls: Calls) -> tuple[set[int], list[dict[str, Any]]]:
        """All statuses and the last messages: more would be kept for the garbage collector to walk over."""
        statuses = set()
        for scope, body in calls:
            coming = {"type": "http.request", "body": body.encode(), "more_body": False}
            messages: list[dict[str, Any]] = []

            async def receive(message: Any = coming) -> Any:
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


def _answer(messages: Sequence[dict[str, Any]]) -> Answer:
    kind = dict(messages[0]["headers"]).get(b"content-type", b"").decode()
    return Answer(messages[0]["status"], kind, b"".join(one.get("body", b"") for one in messages[1:]))


def measure(rounds: int = ROUNDS, calls: int = CALLS) -> Figures:
    """Microseconds for a call by operation, ours and bare, for every round. ValueError: a wrong answer."""
    figures: Figures = {operation.name: {"ours": [], "bare": []} for operation in OPERATIONS}
    mock = app.build(products=PRODUCTS)
    mock.warm_up()
    with Direct(mock.application) as ours, Direct(_bare(ours)) as bare:
        for number in range(rounds + 1):  # the first is to warm up
            for operation in OPERATIONS:
                asked = list(_calls(operation, number * calls, calls))
                order = [("ours", ours, asked), ("bare", bare, asked * BARE)]
                for name, one, batch in order[:: 1 if number % 2 else -1]:
                    microseconds, answer = one.timed(batch)
                    wrong = operation.wrong(answer)
                    if name == "ours" and not wrong:
                        wrong = operation.wrong_values(ours, number * calls + calls - 1, answer)
                    if wrong:
                        raise ValueError(f"{operation.name}: {wrong}")
                    if number:
                        figures[operation.name][name].append(microseconds)
    return figures


def _bare(ours: Direct) -> Any:
    """Bare ASGI with the bytes of our answers."""
    answers = {}
    for operation in OPERATIONS:
        answer = operation.ask(ours, 0)
        name = f"{operation.method} {operation.path.split('/')[1]}"
        answers[name] = {"type": answer.content_type, "body": answer.content.decode()}
    return application(answers)


def _calls(operation: Operation, first: int, count: int) -> Iterator[tuple[dict[str, Any], str]]:
    for number in range(first, first + count):
        body = operation.body % float(operation.price(number)) if operation.body else ""
        yield _scope(operation.method, operation.target(number), operation.headers), body


def ratios(figures: Figures) -> dict[str, float]:
    """Ours to bare by operation, medians of rounds."""
    return {
        name: statistics.median(a / b for a, b in zip(one["ours"], one["bare"], strict=True))
        for name, one in figures.items()
    }


def too_slow(found: Mapping[str, float]) -> list[str]:
    """What is worse than its bar by more than the margin, in words."""
    return [
        f"{name} costs {found[name]:.1f} times bare ASGI, more than {bar:g} by over {MARGIN - 1:.0%}"
        for name, bar in BARS.items()
        if found[name] > bar * MARGIN
    ]


def main() -> int:
    best: dict[str, float] = {}
    for _ in range(TRIES):
        try:
            figures = measure()
        except ValueError as error:
            print(f"guard: a wrong answer: {error}", file=sys.stderr)
            return 1
        found = ratios(figures)
        best = {name: min(found[name], best.get(name, found[name])) for name in found}
        if not too_slow(best):
            cost = {name: statistics.median(one["ours"]) for name, one in figures.items()}
            words = (
                f"{name} {best[name]:.1f} of at most {BARS[name]:g} ({cost[name]:.0f} us)" for name in BARS
            )
            print(f"guard: cost per call, bare ASGI being 1: {', '.join(words)}")
            return 0
    print(f"guard: {'; '.join(too_slow(best))}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
