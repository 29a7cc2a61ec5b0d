"""What was asked and answered in a sandbox: kept within bounds, found, counted, and compared."""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

NO_VENDOR = "-"  # what stands for the vendor of a call that none owns
MOST_ENTRIES = 1000
MOST_BYTES = 4 * 1024 * 1024
MOST_BODY = 64 * 1024
SECRET = re.compile("authorization|cookie|token|secret|api[-_]?key|password|credential", re.IGNORECASE)
SCHEME = re.compile(r"(basic|bearer|digest|negotiate) ", re.IGNORECASE)

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
Headers = tuple[tuple[str, str], ...]


class Change(msgspec.Struct, frozen=True, gc=False):
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
    lane: str = ""
    fault: str | None = None
    evidence: str = ""
    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()
    refusal: Refusal | None = None

    @property
    def id(self) -> str:
        """The name by which the entry is asked for."""
        return f"{self.sandbox}.{self.serial}"


class Note(msgspec.Struct, gc=False):
    """An entry to be: written out when somebody reads it, which for most calls nobody does.

    `weight` is about how many bytes it takes to keep.
    """

    weight: int
    write: Callable[[], Entry] | None
    written: Entry | None = None

    @property
    def entry(self) -> Entry:
        write = self.write
        if write is not None:  # two threads may both write it out, to the same words
            self.written = write()
            self.write = None  # and so is forgotten what it was written from
        assert self.written is not None
        return self.written


class Bell:
    """Tells whoever listens of every new entry, and counts them. For one event loop."""

    def __init__(self) -> None:
        self._listening: set[asyncio.Queue[Entry]] = set()
        self.rung = 0

    def ring(self, note: Note) -> None:
        self.rung += 1
        for queue in self._listening:
            with suppress(asyncio.QueueFull):  # a listener that does not keep up misses some
                queue.put_nowait(note.entry)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Entry]]:
        """Every entry from now on, while the block runs."""
        queue: asyncio.Queue[Entry] = asyncio.Queue(MOST_ENTRIES)
        self._listening.add(queue)
        try:
            yield queue
        finally:
            self._listening.discard(queue)


class Journal:
    """The latest entries of one sandbox. `dropped` counts those that had to make room."""

    def __init__(self) -> None:
        self._notes: deque[Note] = deque()
        self._bytes = self.dropped = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter([note.entry for note in tuple(self._notes)])

    def __len__(self) -> int:
        return len(self._notes)

    def add(self, note: Note) -> None:
        self._notes.append(note)
        self._bytes += note.weight
        while len(self._notes) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            self._bytes -= self._notes.popleft().weight
            self.dropped += 1

    def clear(self) -> None:
        self._notes.clear()
        self._bytes = self.dropped = 0


def redacted(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers with their secrets struck out; the scheme of a credential stays."""
    return tuple((name, _struck_out(name, value)) for name, value in headers)


def redacted_target(target: str) -> str:
    """A path and query whose secret parameters are struck out."""
    path, mark, query = target.partition("?")
    parts = (part.partition("=") for part in query.split("&"))
    return path + mark + "&".join(f"{n}=***" if value and SECRET.search(n) else n + eq + value
                                  for n, eq, value in parts)  # fmt: skip


def _struck_out(name: str, value: str) -> str:
    if not SECRET.search(name):
        return value
    scheme = SCHEME.match(value) if name.lower().endswith("authorization") else None
    return f"{scheme[0] if scheme else ''}***"


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
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError, ArithmeticError, ValueError):
        return text[:1000]


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
