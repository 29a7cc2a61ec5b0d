"""The witness of turns: checks that several servers answer as one server would, in the order of the log.

No search is needed, as the log has the order. Each answered call must be in it exactly once. A call that
began after another one had been answered must come later. And one server without a log, which gets the same
calls in that order, must give each answer byte for byte.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import msgspec

from mockserver.sandbox.log.log import Entry, Life, Log, Outcome, Settled
from mockserver.server.http.asgi import PENDING, Message
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

CALLER: ContextVar[int] = ContextVar("caller")
TIME_OF_DAY = {"date"}


class Answer(msgspec.Struct, frozen=True):
    """An answer as a client sees it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def refused_by_mock(self) -> bool:
        return any(name == "x-mock-error" for name, _ in self.headers)


class Sent(msgspec.Struct):
    """A call that a client has sent, its answer, and the moments when it began and ended."""

    number: int
    request: RawRequest
    began: int
    ended: int = 0
    answer: Answer | None = None

    @property
    def is_control(self) -> bool:
        return self.request.path.startswith("/_mock")


class WitnessLog:
    """A log that notes for each entry that was kept whose call it was."""

    def __init__(self, kept_in: Log) -> None:
        self._log = kept_in
        self.kept: dict[str, list[int]] = defaultdict(list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        number = CALLER.get()

        def note(outcome: Outcome) -> None:
            if outcome is True:
                self.kept[name].append(number)
            settled(outcome)

        self._log.append(name, head, entry, life, note)


class History:
    """The calls that clients have sent, in the order in which they began."""

    def __init__(self) -> None:
        self.calls: list[Sent] = []
        self._moment = 0

    async def send(self, pipeline: Pipeline, request: RawRequest) -> Answer:
        """Send a call to a server, and note when it began and ended."""
        sent = Sent(len(self.calls), request, self._next())
        self.calls.append(sent)
        CALLER.set(sent.number)
        sent.answer = await answer_of(pipeline, msgspec.structs.replace(request))
        sent.ended = self._next()
        return sent.answer

    def _next(self) -> int:
        self._moment += 1
        return self._moment


async def answer_of(pipeline: Pipeline, request: RawRequest) -> Answer:
    """Return a server's answer to a request, as its fast path or a task gives it."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Mapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "method": request.method, PENDING: pipeline.start(request)}
    await pipeline(scope, receive, send)
    start = messages[0]
    headers = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Answer(start["status"], tuple(pair for pair in headers if pair[0] not in TIME_OF_DAY), body)


def seen(answer: Answer, sent: Sent) -> Answer:
    """Return what a replay must give too: of an operation of control, which tells real time, the status."""
    return Answer(answer.status, (), b"") if sent.is_control else answer


async def problems(history: Sequence[Sent], kept: Sequence[int], alone: Pipeline) -> list[str]:
    """Return what is wrong with the answers to all calls to one sandbox."""
    return [*misplaced(history, kept), *[one async for one in unlike(history, kept, alone)]]


def misplaced(
    history: Sequence[Sent], kept: Sequence[int], among: Sequence[Sent] | None = None
) -> Iterator[str]:
    """Yield which answered calls are not exactly once in the log, or not in the order of real time.

    `among` are the calls that the store has not lost, all if it is None.
    """
    times, latest = Counter(kept), 0
    for sent in history if among is None else among:
        least = 0 if sent.is_control else 1  # an operation of control that changes nothing leaves no entry
        answered = sent.answer is not None and not sent.answer.refused_by_mock
        if answered and not least <= times[sent.number] <= 1:
            yield f"call {sent.number} is in the log {times[sent.number]} times"
    for number in kept:
        sent = history[number]
        if sent.ended and sent.ended < latest:
            yield f"call {number} had ended before a call began that precedes it in the log"
        latest = max(latest, sent.began)


async def unlike(history: Sequence[Sent], kept: Sequence[int], alone: Pipeline) -> AsyncIterator[str]:
    """Yield which answers are not those that a server gives alone to the calls in the order of the log."""
    for number in kept:
        sent = history[number]
        replayed = await answer_of(alone, msgspec.structs.replace(sent.request))
        answered = sent.answer is not None and not sent.answer.refused_by_mock
        if answered and seen(replayed, sent) != seen(sent.answer, sent):
            what = f"call {number}: {sent.request.method} {sent.request.path}"
            yield f"{what}: {sent.answer} is not {replayed}"


async def journal_of(pipeline: Pipeline, sandbox: str) -> list[tuple[str, str, int]]:
    """Return the id, target and status of each call that a server lists, in order."""
    path = f"/_mock/requests?sandbox={sandbox}&order=oldest&limit=1000"
    answer = await answer_of(pipeline, request("GET", path, {}))
    found = json.loads(answer.body).get("requests", [])  # none if the mock refuses, which is a finding too
    return [(call["id"], call["target"], call["status"]) for call in found]


def unlisted(journal: Sequence[tuple[str, str, int]], calls: Sequence[Sent], sandbox: str) -> Iterator[str]:
    """Yield what is wrong with a journal: it must have each call to a vendor once, in the order of the log.

    `calls` are the calls in the order of the log.
    """
    listed = [(sent.request.path, sent.answer) for sent in calls if not sent.is_control]
    if [id for id, _, _ in journal] != [f"{sandbox}.{n}" for n in range(1, len(listed) + 1)]:
        yield f"the journal has {len(journal)} calls with the last id {journal[-1:]}, the log {len(listed)}"
    for (id, target, status), (path, answer) in zip(journal, listed, strict=False):
        lost = answer is None or answer.refused_by_mock
        if not path.endswith(target.partition("?")[0]) or not (lost or status == answer.status):
            yield f"{id} is a call of {target} with status {status}, not of {path} with {answer}"


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> RawRequest:
    """Return a request as a server receives it. `path` may have a query."""
    path, _, query = path.partition("?")
    lines = {"host": "127.0.0.1", **headers}
    if body:
        lines["content-type"] = "application/json"
    return RawRequest(
        method, path, query, Headers([(n.encode(), v.encode()) for n, v in lines.items()]), body
    )
