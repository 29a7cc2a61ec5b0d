"""What was asked and answered in a sandbox: kept within bounds, found, counted, and compared."""

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

MOST_ENTRIES = 1000
MOST_BYTES = 4 * 1024 * 1024
MOST_BODY = 64 * 1024
SECRETS = frozenset(
    ("authorization", "access-token", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token")
)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One record before and after a call; None is no record."""

    vendor: str
    collection: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call was refused: the check that refused it, in words, and what would have helped."""

    check: str
    why: tuple[str, ...]
    words: tuple[str, ...]
    mend: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. Times are the sandbox's, secrets are struck out, bodies cut at `MOST_BODY`."""

    serial: int
    sandbox: str
    time: datetime
    vendor: str
    operation: str
    method: str
    target: str
    request_headers: Headers
    request_body: str
    status: int
    response_headers: Headers
    response_body: str
    milliseconds: float
    lane: str = "connexion"
    fault: str | None = None
    evidence: str = ""
    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()
    refusal: Refusal | None = None

    @property
    def id(self) -> str:
        """The name by which the entry is asked for."""
        return f"{self.sandbox}.{self.serial}"

    @property
    def size(self) -> int:
        """About how many bytes it takes to keep."""
        headers = sum(
            len(name) + len(value) for name, value in (*self.request_headers, *self.response_headers)
        )
        return 1000 + len(self.target) + headers + 2 * (len(self.request_body) + len(self.response_body))


class Bell:
    """Tells whoever waits that an entry has been added, and counts them. For one event loop."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def wait(self, seconds: float) -> None:
        """Until the next entry, or for so many seconds."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            self._waiting.discard(future)


class Journal:
    """The latest entries of one sandbox. `dropped` counts those that had to make room."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = self.dropped = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._bytes += entry.size
        while len(self._entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            self._bytes -= self._entries.popleft().size
            self.dropped += 1

    def clear(self) -> None:
        self._entries.clear()
        self._bytes = self.dropped = 0


def redacted(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers with their secrets struck out; the scheme of a credential stays."""
    return tuple((name, _struck_out(value) if name.lower() in SECRETS else value) for name, value in headers)


def _struck_out(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} ***" if space else "***"


def readable(body: bytes) -> str:
    """A body as text, cut where it is too long to keep."""
    text = body[:MOST_BODY].decode("utf-8", "replace")
    return text if len(body) <= MOST_BODY else f"{text}… ({len(body)} bytes)"


def difference(pattern: Mapping[str, Any], entry: Entry) -> list[dict[str, Any]]:
    """Each field in which an entry is not what a pattern asks for: its name, what was wanted, what came."""
    return [
        {"field": name, "wanted": wanted, "got": got}
        for name, wanted in pattern.items()
        for got in [_got(name, wanted, entry)]
        if not _fits(name, wanted, got)
    ]


def _got(name: str, wanted: Any, entry: Entry) -> Any:
    match name:
        case "path":
            return entry.target.partition("?")[0]
        case "query":
            sent = dict(parse_qsl(entry.target.partition("?")[2], keep_blank_values=True))
            return {key: sent.get(key) for key in wanted}
        case "headers":
            headers = {key.lower(): value for key, value in entry.request_headers}
            return {key: headers.get(key.lower()) for key in wanted}
        case "body":
            return _json(entry.request_body)
        case "remarks":
            return bool(entry.remarks)
    return getattr(entry, name)


def _fits(name: str, wanted: Any, got: Any) -> bool:
    if name == "body":
        return _contains(got, wanted)
    return bool(got == wanted)


def _contains(got: Any, wanted: Any) -> bool:
    """Whether JSON has at least what is wanted: more keys may be there, lists are whole."""
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        return all(key in got and _contains(got[key], value) for key, value in wanted.items())
    return bool(got == wanted)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def nearest(pattern: Mapping[str, Any], entries: Iterable[Entry], most: int = 3) -> list[dict[str, Any]]:
    """The entries that miss a pattern by least, the latest first, and how they differ."""
    missed = [
        (len(wrong), -entry.serial, entry, wrong)
        for entry in entries
        if (wrong := difference(pattern, entry))
    ]
    closest = sorted(missed, key=lambda one: one[:2])[:most]
    return [{"id": entry.id, "call": f"{entry.method} {entry.target}", "differences": wrong}
            for _, _, entry, wrong in closest]  # fmt: skip


def first_gap(sequence: list[Mapping[str, Any]], entries: list[Entry]) -> tuple[int, list[Entry]] | None:
    """The first pattern that no entry after the ones before it fits, and those entries; None: all fit."""
    rest = entries
    for step, pattern in enumerate(sequence):
        found = next((n for n, entry in enumerate(rest) if not difference(pattern, entry)), None)
        if found is None:
            return step, rest
        rest = rest[found + 1 :]
    return None
