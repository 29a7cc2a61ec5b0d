"""Clients that load servers over one store while something is killed, and the check of their answers.

The log is the witness, as in `tests.server.turns.witness`, but servers and clients are real: each call has
its number in a header, and a server that has just begun to use the store tells what is in the log.
"""

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from threading import Event, Lock, Thread
from time import monotonic_ns
from typing import Any
from urllib.parse import urlsplit

from mockserver import app
from mockserver.sandbox.log.stores import open_log
from mockserver.vendor_api.raw_request import RawRequest
from tests.metrics import get
from tests.sandbox.log.redis_server import until
from tests.server.turns.test_turns import CALLS, SET_UP
from tests.server.turns.witness import Answer, Sent, answer_of, misplaced, request, unlike, unlisted

PRODUCTS, SANDBOX, CLIENTS = 60, "shared", 12
VENDOR_CALLS = CALLS[:9]  # the others have no entry in the journal
NUMBER, PAUSE, TIMEOUT = "user-agent", 0.02, 60  # the pause after a refusal by the mock, in seconds
OF_CONNECTION = {"date", "keep-alive", "connection"}


class Load:
    """Clients that call the servers at `urls`, and what they have sent so far."""

    def __init__(self, *urls: str) -> None:
        self.urls, self.sent = [*urls], list[Sent]()
        self._lock, self._done = Lock(), Event()

    @property
    def answered(self) -> list[Sent]:
        """The calls that have their answers, but not those that the mock refused."""
        return [sent for sent in [*self.sent] if sent.answer and not sent.answer.refused_by_mock]

    def refused(self, why: str) -> list[Sent]:
        """Return the calls that the mock has refused for a reason."""
        return [sent for sent in [*self.sent] if sent.answer and ("x-mock-error", why) in sent.answer.headers]

    def wait_for(self, more: int) -> None:
        """Wait until so many more calls have their answers."""
        before = len(self.answered)
        until(lambda: len(self.answered) >= before + more)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clients make calls, each one call after the other, while the block runs."""
        threads = [Thread(target=self._run, args=(number,), daemon=True) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join(TIMEOUT)
                assert not thread.is_alive()

    def _run(self, client: int) -> None:
        chance, connections = random.Random(client), dict[str, HTTPConnection]()
        while not self._done.is_set():
            url = chance.choice(self.urls)
            if url not in connections:
                connections[url] = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
            try:
                answer = self._send(connections[url], chance.choice(VENDOR_CALLS)(chance))
            except (OSError, HTTPException):  # the server was killed
                connections.pop(url).close()
                self._done.wait(PAUSE)
                continue
            if answer.refused_by_mock:
                self._done.wait(PAUSE)
        for connection in connections.values():
            connection.close()

    def _send(self, connection: HTTPConnection, raw: RawRequest) -> Answer:
        with self._lock:
            number = len(self.sent)
            raw.headers[NUMBER] = str(number)
            sent = Sent(number, raw, monotonic_ns())
            self.sent.append(sent)
        sent.answer = send(connection, raw)
        sent.ended = monotonic_ns()
        return sent.answer


def send(connection: HTTPConnection, raw: RawRequest) -> Answer:
    """Send a request, and return the answer."""
    target = f"{raw.path}?{raw.query}" if raw.query else raw.path
    connection.request(raw.method, target, raw.body, raw.headers)
    response = connection.getresponse()
    body = response.read()
    return Answer(response.status, visible(response.getheaders()), body)


def visible(headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return headers without those that belong to the connection."""
    pairs = ((name.lower(), value) for name, value in headers)
    return tuple(pair for pair in pairs if pair[0] not in OF_CONNECTION)


def set_up(url: str) -> None:
    """Make the sandbox, with faults, chance, limits and a frozen clock."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
    for raw in SET_UP:
        assert send(connection, raw).status < 300
    connection.close()


def problems(load: Load, store: str, *urls: str, lost: Sequence[Sent] = ()) -> list[str]:
    """Return what is wrong with the answers, with what is in the store, and with the journals of servers.

    `lost` are the calls that the store has lost.
    """
    return asyncio.run(_problems(load, store, urls, {sent.number for sent in lost}))


async def _problems(load: Load, store: str, urls: Sequence[str], lost: set[int]) -> list[str]:
    entries = await kept_calls(store)
    kept = [int(header(entry["request"], NUMBER)) for entry in entries]
    found = [*misplaced(load.sent, kept, among=[sent for sent in load.sent if sent.number not in lost])]
    alone = app.build(products=PRODUCTS).application
    for raw in SET_UP:
        await answer_of(alone, raw)
    found += [one async for one in unlike(load.sent, kept, alone)]
    calls = [load.sent[number] for number in kept]
    found += [
        f"call {sent.number} is {entry['response']} in the log, and its answer was {sent.answer}"
        for sent, entry in zip(calls, entries, strict=True)
        if sent.answer and not sent.answer.refused_by_mock and not is_answer(entry["response"], sent.answer)
    ]
    for url in urls:
        found += unlisted(listed(url), calls, SANDBOX)
    return found


def numbers_in_log(store: str) -> list[int]:
    """Return the numbers of the calls in the log, in order."""
    return [int(header(entry["request"], NUMBER)) for entry in asyncio.run(kept_calls(store))]


async def kept_calls(store: str) -> list[dict[str, Any]]:
    """Return the calls in the log as entries of a HAR, read by a server that has had no call yet."""
    log = open_log(store)
    mock = app.build(products=PRODUCTS, log=log)
    assert mock.copies is not None
    await mock.copies.join()
    archive = await answer_of(mock.application, request("GET", f"/_mock/requests/har?sandbox={SANDBOX}", {}))
    await log.close()
    if archive.status in (404, 503):  # there is no such sandbox, or it is lost
        return []
    entries: list[dict[str, Any]] = json.loads(archive.body)["log"]["entries"]
    return entries


def is_answer(kept: dict[str, Any], answer: Answer) -> bool:
    """Return True if a response in a HAR is an answer. The journal cuts long bodies."""
    headers = {(pair["name"].lower(), pair["value"]) for pair in kept["headers"]}
    text, size = kept["content"]["text"], kept["content"]["size"]
    is_cut = len(text.encode()) != size
    return (
        kept["status"] == answer.status
        and headers <= {*answer.headers}
        and (size == len(answer.body) if is_cut else text == answer.body.decode())
    )


def header(message: dict[str, Any], name: str) -> str:
    return next(pair["value"] for pair in message["headers"] if pair["name"].lower() == name)


def listed(url: str) -> list[tuple[str, str, int]]:
    """Return the id, target and status of each call that a running server lists, in order."""
    query = {"sandbox": SANDBOX, "order": "oldest", "limit": 1000}
    found = get(url, "/_mock/requests", params=query).json()["requests"]
    return [(call["id"], call["target"], call["status"]) for call in found]
