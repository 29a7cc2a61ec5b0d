"""The guard of the public demo: makes the visitors' sandboxes, and refuses what the quotas do not allow.

What it counts of sandboxes holds for all servers of a store. What protects a process, each server counts.

It exists only on a server with `--demo`. Its methods are called on the event loop. Those that slow operations
of the control API use, in threads, take the lock.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from heapq import nsmallest

from mockserver.contract.exchange import Exchange
from mockserver.data.store.state import TooManyBytes
from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.faults.fault import Fault
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.quotas.clients import Clients
from mockserver.server.access.quotas.counters import Bucket, Window
from mockserver.server.access.quotas.creations import Creations, seconds_to_wait
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.access.quotas.refusal import QuotaExceeded, exceeded, paused
from mockserver.server.access.shared import Shared
from mockserver.vendor_api.raw_request import RawRequest

SECONDS_BETWEEN_NOTES = 10.0
ID_CHARACTERS, ID_LENGTH = "abcdefghijkmnpqrstuvwxyz23456789", 10  # 50 bits, without those that look alike
DAY, HOUR, MINUTE = 86_400.0, 3600.0, 60.0
STREAM_WAIT, CALL_WAIT = 5.0, 1.0  # seconds after which a client may look if there is room again
CONTROL = "/_mock"
STREAM, IMPORT = "stream-events", "import-sandbox"  # operations of the control API


class Visitor:
    """The use of a visitor's sandbox, at this server."""

    __slots__ = ("calls", "day", "exports", "noted", "streams")

    def __init__(self, quotas: DemoQuotas, first: float) -> None:
        self.calls = Bucket(quotas.calls_per_second, quotas.burst)
        self.exports = Bucket(quotas.exports_per_minute / MINUTE, quotas.exports_per_minute)
        self.day, self.streams, self.noted = Window(first), 0, float("-inf")


class DemoGuard:
    """Keeps the visitors of a public demo within its quotas.

    `clock` returns seconds that only grow, and `wall` those since an epoch, which servers have alike. Neither
    is the clock of a sandbox, which its visitor can set.
    """

    def __init__(
        self,
        sandboxes: Sandboxes,
        quotas: DemoQuotas,
        shared: Shared | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.quotas, self.shared = quotas, shared or Shared()
        self._sandboxes, self.clock, self._wall = sandboxes, clock, wall
        self.clients, self.creations = Clients(quotas, self.shared), Creations(sandboxes, self.shared)
        self._visitors: dict[str, Visitor] = {}
        self._lock = self.shared.lock
        self._all_calls = Bucket(quotas.all_calls_per_second, quotas.all_calls_per_second)
        self._concurrent = self._streams = 0
        self._counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    # Sandboxes

    @property
    def paused(self) -> bool:
        """True if nobody may make a sandbox. Set it in a change of the tables."""
        return self.creations.paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self.creations.paused = value

    def create(self, address: str, own: str = "") -> Sandbox:
        """Return a new sandbox for the client at an address, with a credential. Raise QuotaExceeded.

        `own` is the sandbox that the client may control already, by its cookie or token. Then the new one
        counts for whoever has made that one too, from whatever address. Call this in a change of the tables.
        """
        with self._lock:
            now, quotas, creations = self._wall(), self.quotas, self.creations
            if creations.paused:
                raise self._refusal(paused())
            client, maker = self.shared.client(address), creations.maker_of(own)
            living = creations.living(now)
            for one in (client, maker):
                self._check_client(one, living, now)
            if wait := seconds_to_wait(creations.all(), now, MINUTE, quotas.creations_per_minute):
                raise self._exceeded("creations_per_minute", wait)
            if len(living) >= quotas.sandboxes:
                self._make_room(living)
            sandbox = self._new_sandbox()
            creations.add(sandbox.name, client, maker, now)
            self._counts["created"] += 1
            return sandbox

    def _check_client(self, client: str, living: set[str], now: float) -> None:
        """Raise QuotaExceeded if an address or a browser has had its share of sandboxes."""
        quotas, made = self.quotas, self.creations.of(client)
        own = living.intersection(made)
        if len(own) >= quotas.sandboxes_per_address:
            here = [found.idle_until for name in own if (found := self._sandboxes.find(name))]
            left = (min(here) - wall_clock()).total_seconds() if here else quotas.idle.total_seconds()
            raise self._exceeded("sandboxes_per_address", left)
        if wait := seconds_to_wait(made.values(), now, HOUR, quotas.creations_per_hour):
            raise self._exceeded("creations_per_hour", wait)

    def _make_room(self, living: set[str]) -> None:
        """End the sandbox that has not been used for longest, if it is idle. Raise QuotaExceeded."""
        candidates = self.creations.candidates
        found = self._longest_unused(living if candidates is None else living & candidates, 1)
        oldest = found[0] if found else None
        left = self.quotas.evict_after.total_seconds()
        if oldest is not None:
            left -= (wall_clock() - oldest.used).total_seconds()
        if oldest is None or left > 0:
            raise self._exceeded("sandboxes", left)
        self._sandboxes.evict(oldest.name)
        self.creations.forget(oldest.name)
        self._counts["evicted"] += 1

    def _longest_unused(self, names: set[str], most: int) -> list[Sandbox]:
        """Return those of these sandboxes that have not been used for longest, as far as they are here."""
        found = [sandbox for name in names if (sandbox := self._sandboxes.find(name))]
        return nsmallest(most, found, key=lambda sandbox: sandbox.used)

    def longest_unused(self, most: int) -> set[str]:
        """Return the names of the visitors' sandboxes here that have not been used for longest."""
        with self._lock:
            living = self.creations.living(self._wall())
            return {sandbox.name for sandbox in self._longest_unused(living, most)}

    def _new_sandbox(self) -> Sandbox:
        sandboxes, name = self._sandboxes, ""
        while not name or sandboxes.find(name):
            name = "".join(secrets.choice(ID_CHARACTERS) for _ in range(ID_LENGTH))
        sandbox = sandboxes.prepare(name, sandboxes.seed, sandboxes.products)
        sandbox.ttl, sandbox.ends = self.quotas.idle, sandbox.created + self.quotas.life
        return sandboxes.put(sandbox)

    def of_client(self, address: str, own: str) -> set[str]:
        """Return the names of the sandboxes that exist and count for a client, as `create` takes it."""
        with self._lock:
            creations = self.creations
            made = {*creations.of(self.shared.client(address)), *creations.of(creations.maker_of(own))}
            return made.intersection(creations.living(self._wall()))

    @property
    def is_full(self) -> bool:
        """True if a new sandbox takes the place of another."""
        with self._lock:
            return len(self.creations.living(self._wall())) >= self.quotas.sandboxes

    def wipe(self) -> int:
        """Delete the sandboxes of all visitors. Return how many there were."""
        with self._lock:
            living = [name for name in self.creations.living(self._wall()) if self._sandboxes.find(name)]
            for name in living:
                self._sandboxes.delete(name)
                self.creations.forget(name)
            return len(living)

    def remove_expired(self) -> None:
        """Remove the sandboxes that have expired, and forget the clients that were last seen an hour ago."""
        with self._lock:
            self._sandboxes.remove_expired()
            self._visitors = {
                name: visitor for name, visitor in self._visitors.items() if self._sandboxes.find(name)
            }
            if self.shared.keeper is None:
                self.tidy()
            self.clients.forget_old(self.clock())

    def tidy(self) -> None:
        """Forget creations that are over, in a change of the tables."""
        now = self.clock()
        self.creations.tidy(lambda address: self.clients.seconds_since(address, now), self._wall())

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of sandboxes that visitors have now, and have created and lost to others here."""
        with self._lock:
            living = self.creations.living(self._wall())
            return {"sandboxes": len(living), **{n: self._counts[n] for n in ("created", "evicted")}}

    # Calls

    def admit(self, raw: RawRequest) -> None:
        """Count a request. Raise QuotaExceeded."""
        now = self.clock()
        client = self.clients.at(raw.peer, now)
        control = raw.path.startswith(CONTROL) or raw.path == "/"
        if wait := (client.control if control else client.calls).take(now):
            name = "control_calls_per_second" if control else "address_calls_per_second"
            error = self._exceeded(name, wait)
            client.noted, error.noted = _noted(client.noted, now)
            raise error
        if wait := self._all_calls.take(now):
            raise self._exceeded("all_calls_per_second", wait)

    def count_call(self, sandbox: Sandbox) -> None:
        """Count a call to a vendor in its sandbox. Raise QuotaExceeded."""
        if (visitor := self._visitor(sandbox)) is None:
            return
        now, quotas = self.clock(), self.quotas
        total = 0 if self._sandboxes.knows_all else sandbox.journal.serial
        if wait := visitor.calls.take(now):
            error = self._exceeded("calls_per_second", wait)
        elif wait := visitor.day.take(now, DAY, quotas.calls_per_day, total):
            error = self._exceeded("calls_per_day", wait)
        else:
            return
        visitor.noted, error.noted = _noted(visitor.noted, now)
        raise error

    def _visitor(self, sandbox: Sandbox | None) -> Visitor | None:
        """Return the visitor of a sandbox. None means the default sandbox, or one of the operator's."""
        if sandbox is None or not sandbox.is_visitors:
            return None
        visitor = self._visitors.get(sandbox.name)
        if visitor is None:
            age = (wall_clock() - sandbox.created).total_seconds()
            first = float("-inf") if self._sandboxes.knows_all or age >= DAY else self.clock() - age
            visitor = self._visitors[sandbox.name] = Visitor(self.quotas, first)
        return visitor

    def shortened(self, delay: float, fault: Fault | None, sandbox: Sandbox) -> tuple[float, Fault | None]:
        """Return a delay and a fault that together keep a call waiting for no longer than allowed.

        A call that waits counts twice.
        """
        most = self.quotas.delay.total_seconds()
        holds = fault.held_for(0) is not fault if fault else False
        if (delay or holds) and (visitor := self._visitor(sandbox)):
            visitor.calls.charge()
        delay = min(delay, most)
        return delay, fault and fault.held_for(most - delay)

    def most_bytes(self, exchange: Exchange) -> int:
        """Return the largest size of a call's body."""
        assert exchange.operation is not None
        most = exchange.operation.max_body
        if exchange.vendor_name == "control" and exchange.call.credential.sandbox is None:
            return most  # the operator's
        return min(most, int(getattr(self.quotas, _body_quota(exchange))))

    def refusal_of_body(self, exchange: Exchange) -> QuotaExceeded:
        return self.refuse_more(_body_quota(exchange))

    @contextmanager
    def place_for(self, exchange: Exchange) -> Iterator[None]:
        """Count a call that waits for something, or a stream, while the block runs. Raise QuotaExceeded."""
        if exchange.operation_id == STREAM:
            visitor = self.open_stream(exchange.call.credential.sandbox)
            try:
                yield
            finally:
                self.close_stream(visitor)
        else:
            with self.waiting(exchange.raw.peer):
                yield

    @contextmanager
    def waiting(self, address: str) -> Iterator[None]:
        """Count a call as under way while the block runs. Raise QuotaExceeded."""
        client, quotas = self.clients.at(address, self.clock()), self.quotas
        if client.concurrent >= quotas.concurrent_calls:
            raise self._exceeded("concurrent_calls", CALL_WAIT)
        if self._concurrent >= quotas.all_concurrent_calls:
            raise self._exceeded("all_concurrent_calls", CALL_WAIT)
        client.concurrent += 1
        self._concurrent += 1
        try:
            yield
        finally:
            client.concurrent -= 1
            self._concurrent -= 1

    # The console

    def turn(self, address: str) -> AbstractAsyncContextManager[None]:
        """Return the block in which a page of a client is made. It begins when few of its others are made."""
        return self.clients.at(address, self.clock()).pages

    def open_stream(self, sandbox: str | None) -> Visitor | None:
        """Count a live stream of a sandbox, or of the operator, until `close_stream`. Raise QuotaExceeded."""
        visitor, quotas = self._visitor(self._sandboxes.find(sandbox or "")), self.quotas
        if visitor and visitor.streams >= quotas.streams:
            raise self._exceeded("streams", STREAM_WAIT)
        if self._streams >= quotas.all_streams:
            raise self._exceeded("all_streams", STREAM_WAIT)
        self._streams += 1
        if visitor:
            visitor.streams += 1
        return visitor

    def close_stream(self, visitor: Visitor | None) -> None:
        self._streams -= 1
        if visitor:
            visitor.streams -= 1

    def count_export(self, sandbox: str) -> None:
        """Count a download of a sandbox's data or calls. Raise QuotaExceeded."""
        with self._lock:
            visitor = self._visitor(self._sandboxes.find(sandbox))
            if visitor and (wait := visitor.exports.take(self.clock())):
                raise self._exceeded("exports_per_minute", wait)

    def refuse_more(self, name: str) -> QuotaExceeded:
        """Return the refusal because of a quota that waiting does not change, and count it."""
        return self._exceeded(name, None)

    def refusal_of_changes(self, error: BaseException | None) -> QuotaExceeded:
        """Return the refusal of a change that has raised TooManyChanges."""
        return self.refuse_more("change_bytes" if isinstance(error, TooManyBytes) else "changes")

    def _exceeded(self, name: str, wait: float | None) -> QuotaExceeded:
        return self._refusal(exceeded(self.quotas, name, wait))

    def _refusal(self, error: QuotaExceeded) -> QuotaExceeded:
        with self._lock:
            self.refused[error.quota] += 1
        return error


def _body_quota(exchange: Exchange) -> str:
    return "import_bytes" if exchange.operation_id == IMPORT else "body_bytes"


def _noted(latest: float, now: float) -> tuple[float, bool]:
    """Return when a refusal was last noted in a journal, and whether this one shall be."""
    due = now - latest >= SECONDS_BETWEEN_NOTES
    return now if due else latest, due
