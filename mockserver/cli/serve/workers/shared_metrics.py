"""The metrics of all workers, in memory that they share.

Whoever is asked for metrics lets all workers write theirs, and adds them up. So a scrape, which reaches one
worker, tells of all of them. A worker that has ended leaves what it had written last, and the one in its
place goes on counting from there: no counter becomes smaller than it was seen.
"""

import logging
import mmap
import struct
import time
import zlib
from collections.abc import Callable, Iterable

import msgspec

from mockserver.server.metrics import Family, Metrics

TIMEOUT = 1.0  # seconds to wait for workers that do not write
PAUSE = 0.002  # seconds until the memory is read again
PLACE_BYTES = 1024 * 1024  # of one worker; the system takes memory only for what is written
HEAD = struct.Struct("<QII")  # when it was written, as nanoseconds of the monotonic clock; size; checksum
REQUESTS = "mockserver_requests"
ADDED = {"mockserver_listeners"}  # gauges that each worker has its own part of; others tell of the store
LEAST = {"mockserver_store_up"}  # a gauge that the worker knows best which was asked
log = logging.getLogger("mockserver")
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(list[Family]).decode


class SharedMetrics:
    """The metrics of a number of workers. Make it before they are forked."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._memory = mmap.mmap(-1, workers * PLACE_BYTES)

    def begin(self, metrics: Metrics, place: int, ask: Callable[[], None]) -> Callable[[], None]:
        """Let the metrics of this worker be those of all. Return a function that writes its own.

        `ask` makes all workers call theirs.
        """
        before = [family for family in self._read(place)[1] if family.type != "gauge"]

        def write() -> None:
            self._write(place, added([before, metrics.own()]))

        metrics.of_all = lambda: self._gather(ask)
        return write

    def _gather(self, ask: Callable[[], None]) -> list[Family]:
        asked, deadline = time.monotonic_ns(), time.monotonic() + TIMEOUT
        ask()
        while True:
            read = [self._read(place) for place in range(self._workers)]
            if all(written >= asked for written, _ in read) or time.monotonic() > deadline:
                return [*added(families for _, families in read), _requests(families for _, families in read)]
            time.sleep(PAUSE)

    def _write(self, place: int, families: list[Family]) -> None:
        data, start = _encode(families), place * PLACE_BYTES
        if HEAD.size + len(data) > PLACE_BYTES:
            log.warning("the metrics of a worker are too large to be added up: %d bytes", len(data))
            return
        head = HEAD.pack(time.monotonic_ns(), len(data), zlib.crc32(data))
        self._memory[start : start + HEAD.size + len(data)] = head + data

    def _read(self, place: int) -> tuple[int, list[Family]]:
        """Return when a worker has written, and what. While it writes, that is nothing."""
        start = place * PLACE_BYTES
        written, size, checksum = HEAD.unpack_from(self._memory, start)
        data = self._memory[start + HEAD.size : start + HEAD.size + size]
        if not size or zlib.crc32(data) != checksum:
            return 0, []
        return written, _decode(data)


def added(sources: Iterable[Iterable[Family]]) -> list[Family]:
    """Return metrics whose values are the sums of those from several sources."""
    found: dict[str, tuple[Family, dict[tuple[str, tuple[tuple[str, str], ...]], float]]] = {}
    for family in (family for source in sources for family in source):
        _, values = found.setdefault(family.name, (family, {}))
        adds = family.type != "gauge" or family.name in ADDED
        for name, labels, value in family.samples:
            key = name, tuple(labels.items())
            if family.name in LEAST:
                values[key] = min(values.get(key, value), value)
            else:
                before = values.get(key, 0.0)
                values[key] = before + value if adds else max(before, value)
    return [
        family._replace(samples=[(name, dict(labels), value) for (name, labels), value in values.items()])
        for family, values in found.values()
    ]


def _requests(sources: Iterable[Iterable[Family]]) -> Family:
    """Return how many requests each worker has answered."""
    samples = []
    for number, families in enumerate(sources, 1):
        answered = sum(
            value for family in families if family.name == REQUESTS for _, _, value in family.samples
        )
        samples.append(("mockserver_worker_requests_total", {"worker": str(number)}, answered))
    return Family("mockserver_worker_requests", "Requests answered by each worker", "counter", samples)
