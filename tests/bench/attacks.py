"""Attacks of a hostile client on a server, one function for each.

`python -m tests.bench.attacks NAME URL` repeats one attack until SIGTERM, then prints what it saw as JSON.
It is a process of its own, so that its work does not slow down the client whose calls are measured.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

TIMEOUT = 60.0  # seconds that an attack waits for an answer
NICENESS = 15  # the measured client goes first on the core that it shares with the attack
WASHER = "/api/v2/inventory/id/10001"
LIST = "/products/inventory?altId=6578278e879ad2646715ba9c"
VERSION = {"Version": "2021-07-28"}
BEARER = {"Authorization": "Bearer demo", **VERSION}
BASIC = {"Authorization": "Basic ZGVtbzpkZW1v"}  # demo:demo
MB = 1_000_000


@dataclass
class Attacker:
    """The client of an attack. `seen` counts statuses and errors; `scale` makes an attack smaller."""

    url: str
    scale: float = 1.0
    seen: Counter[str] = field(default_factory=Counter)

    def scaled(self, number: float) -> int:
        return max(1, round(number * self.scale))

    def call(self, method: str, target: str, body: str | None = None, **headers: str) -> None:
        """Make one call on a connection of its own, and read the answer without keeping it."""
        parts = urlsplit(self.url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        if body is not None:
            names.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, target, body, names)
            response = connection.getresponse()
            while response.read(65536):
                pass
            self.seen[str(response.status)] += 1
        except (OSError, HTTPException) as error:
            self.seen[type(error).__name__] += 1
        finally:
            connection.close()

    def at_once(self, count: int, call: Callable[[int], object], numbers: Iterable[int]) -> None:
        """Make a call for each number, `count` of them at a time."""
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(call, numbers))

    def connections(self, count: int, sent: bytes) -> list[socket.socket]:
        """Open connections and send the same bytes on each, as far as the server takes them at once."""
        parts, opened = urlsplit(self.url), []
        for _ in range(count):
            try:
                connection = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1)
            except OSError as error:
                self.seen[type(error).__name__] += 1
                continue
            opened.append(connection)
            connection.setblocking(False)
            with contextlib.suppress(OSError):
                connection.send(sent)
        self.seen["connections"] += len(opened)
        return opened

    def hold(self, connections: list[socket.socket], every_second: bytes = b"") -> None:
        """Keep connections for some seconds without reading, then count those that the server closed."""
        deadline = time.monotonic() + 8 * self.scale
        while time.monotonic() < deadline:
            time.sleep(min(1.0, 8 * self.scale))
            for connection in connections if every_second else ():
                with contextlib.suppress(OSError):
                    connection.send(every_second)
        for connection in connections:
            connection.close()


def unread_log(attacker: Attacker) -> None:
    """Make calls that the log tells of at length; nobody reads it."""
    attacker.at_once(2, lambda n: attacker.call("GET", f"/{'x' * 300}/{n}"), range(attacker.scaled(1000)))


def unknown_keys(attacker: Attacker) -> None:
    """Send 880 KB of unknown fields, eight requests at once."""
    body = unknown(attacker.scaled(95_000))
    attacker.at_once(8, lambda _: attacker.call("PATCH", WASHER, body, **BASIC), range(8))


def large_control_body(attacker: Attacker) -> None:
    """Send 10 MB of unknown fields to the control API."""
    attacker.call("POST", "/_mock/sandboxes", unknown(attacker.scaled(1 * MB)))


def large_import(attacker: Attacker) -> None:
    """Import 13 MB with 1.5 million unknown fields."""
    attacker.call("PUT", "/_mock/sandboxes/hostile/import", unknown(attacker.scaled(1.5 * MB)))


def invented_sandboxes(attacker: Attacker) -> None:
    """Name a sandbox that does not exist yet in each of 2,000 calls."""
    prefix = f"Bearer sbx_{uuid4().hex[:8]}"
    attacker.at_once(
        4,
        lambda n: attacker.call("GET", LIST, Authorization=f"{prefix}-{n}", **VERSION),
        range(attacker.scaled(2000)),
    )


def full_journals(attacker: Attacker) -> None:
    """Ask for the whole list 130 times in each of 200 sandboxes, then for the journal of all as HAR."""
    lists, sandboxes = attacker.scaled(130), attacker.scaled(200)

    def fill(number: int) -> None:
        parts = urlsplit(attacker.url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        headers = {"Authorization": f"Bearer sbx_journal-{number}", **VERSION}
        try:
            for _ in range(lists):
                connection.request("GET", LIST, headers=headers)
                response = connection.getresponse()
                response.read()
                attacker.seen[str(response.status)] += 1
        except (OSError, HTTPException) as error:
            attacker.seen[type(error).__name__] += 1
        finally:
            connection.close()

    attacker.at_once(4, fill, range(sandboxes))
    attacker.call("GET", "/_mock/requests/har")


def unread_answers(attacker: Attacker) -> None:
    """Ask for 200 lists on each of 100 connections, and read none."""
    attacker.hold(attacker.connections(attacker.scaled(100), _get(LIST) * attacker.scaled(200)))


def many_connections(attacker: Attacker) -> None:
    """Open 250 connections, as many as a low limit of descriptors allows, and never read."""
    attacker.hold(attacker.connections(attacker.scaled(250), _get(LIST)))


def many_query_keys(attacker: Attacker) -> None:
    """Send queries of 10,000 and of 300,000 parameters."""
    for keys in (10_000, 300_000):
        query = "&".join(f"{n}=" for n in range(attacker.scaled(keys)))
        attacker.at_once(
            4, lambda _, query=query: attacker.call("GET", f"{LIST}&{query}", **BEARER), range(4)
        )


def rules_with_queries(attacker: Attacker) -> None:
    """Set 100 fault rules that look at queries, and send queries of 60 KB."""
    rules = [{"query": {f"key{n}": "x"}, "fault": {"type": "reset"}} for n in range(100)]
    attacker.call("POST", "/_mock/sandboxes", json.dumps({"name": "hostile-rules"}))
    attacker.call("PUT", "/_mock/sandboxes/hostile-rules/faults", json.dumps(rules))
    query = "&".join(f"{n}=" for n in range(attacker.scaled(9_000)))
    headers = {"Authorization": "Bearer sbx_hostile-rules", **VERSION}
    attacker.at_once(4, lambda _: attacker.call("GET", f"{LIST}&{query}", **headers), range(40))


def slow_bodies(attacker: Attacker) -> None:
    """Send 200 bodies by one byte a second."""
    head = f"PATCH {WASHER} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    head += "Authorization: Basic ZGVtbzpkZW1v\r\nContent-Length: 1000\r\n\r\n"
    attacker.hold(attacker.connections(attacker.scaled(200), head.encode()), every_second=b" ")


def unknown(count: int) -> str:
    """Return the JSON of an object with `count` fields that no schema has."""
    return "{" + ",".join(f'"{n}":0' for n in range(count)) + "}"


def _get(target: str) -> bytes:
    lines = ("Host: a", *(f"{name}: {text}" for name, text in BEARER.items()))
    return "\r\n".join((f"GET {target} HTTP/1.1", *lines, "", "")).encode()


ATTACKS: dict[str, Callable[[Attacker], None]] = {
    "A2 a log that nobody reads": unread_log,
    "A3 880 KB of unknown fields, 8 at once": unknown_keys,
    "A3 10 MB at the control API": large_control_body,
    "A3 an import of 13 MB": large_import,
    "A4 invented sandboxes": invented_sandboxes,
    "A5 long journals in 200 sandboxes, then HAR": full_journals,
    "A7 100 connections that never read": unread_answers,
    "A7 250 connections at a low limit": many_connections,
    "queries of 300,000 parameters": many_query_keys,
    "100 rules and long queries": rules_with_queries,
    "200 slow bodies": slow_bodies,
}


def main(name: str, url: str, scale: float) -> None:
    """Print a line, repeat an attack until SIGTERM, at least once, and print what it saw."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    print("started", flush=True)
    os.nice(NICENESS)
    attacker, passes = Attacker(url, scale), 0
    while not stopped or not passes:
        ATTACKS[name](attacker)
        passes += 1
    result: dict[str, Any] = {"passes": passes, "seen": dict(attacker.seen.most_common())}
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
