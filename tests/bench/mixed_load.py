"""A load that uses all of the server at a modest rate: all vendors, the control API, bad calls, cut lines."""

import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from mockserver.contract.fixture_exchanges import fixture_exchanges
from mockserver.contract.openapi.spec import Spec
from mockserver.data.resources import fixture_file
from tests.bench.attacks import ATTACKS, BASIC, WASHER, Attacker

VENDORS = ("highlevel", "merchantpro", "narvar", "sabi", "shoplazza")
SANDBOXES = [f"soak-{number}" for number in range(20)]
FAULTY = [f"soak-faulty-{number}" for number in range(4)]  # the only sandboxes with fault rules
FAULTS: list[dict[str, Any]] = [
    {"type": "status", "status": 503},
    {
        "type": "response",
        "status": 502,
        "headers": {"Content-Type": "text/html"},
        "body": "<h1>Bad Gateway</h1>",
    },
    {"type": "reset"},
    {"type": "empty_reply"},
    {"type": "malformed_body"},
    {"type": "truncated_body"},
    {"type": "slow_body", "seconds": 0.3},
    {"type": "stale_reads"},
    {"type": "committed_reply_lost"},
    {"type": "page_shift", "change": "remove"},
    {"type": "no_answer", "seconds": 1},
]
PAUSE = 0.03  # seconds between the calls of one worker
TIMEOUT = 30.0
# What the docs say that the mock itself may answer when a limit is reached.
OWN_LIMITS = {"full", "too_many_sandboxes", "sandbox_full"}
ATTACK_SCALE, ATTACK_PAUSE = 0.05, 5.0


@dataclass(frozen=True)
class Call:
    """A call to make. `vendor` is empty if it is not a vendor's."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes | None = None
    vendor: str = ""
    faulty: bool = False


class Outcomes:
    """The outcomes of all workers: the number of calls, and each kind of answer with a status from 500 on.

    Such an answer is documented if it is in the vendor's spec, comes of a fault, or tells of a limit.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.documented: Counter[str] = Counter()
        self.undocumented: Counter[str] = Counter()
        self._specs = {name: Spec(name) for name in VENDORS}
        self._lock = threading.Lock()

    def add(self, call: Call, status: int, own_error: str) -> None:
        with self._lock:
            self.calls[str(status)] += 1
            if status < 500:
                return
            if own_error:
                documented, why = own_error in OWN_LIMITS, own_error
            elif call.faulty:
                documented, why = True, "by a fault"
            else:
                documented, why = (
                    self._in_spec(call, status),
                    f"{call.vendor}: {call.method} {call.target[:100]}",
                )
            (self.documented if documented else self.undocumented)[f"{status} {why}"] += 1

    def _in_spec(self, call: Call, status: int) -> bool:
        path = call.target.partition("?")[0].split("/")[1:]
        found = self._specs[call.vendor].find(tuple(path)) if call.vendor else None
        operation = found[0].operations.get(call.method) if found else None
        return operation is not None and status in operation.responses

    def lost(self, error: Exception) -> None:
        with self._lock:
            self.calls[type(error).__name__] += 1


class Worker:
    """A client with one connection that does one thing after the other, chosen by chance."""

    def __init__(self, url: str, seed: int, outcomes: Outcomes) -> None:
        self._parts, self._outcomes = urlsplit(url), outcomes
        self._connection: HTTPConnection | None = None
        self._chance = random.Random(seed)
        self._exchanges = [
            (name, one) for name in VENDORS for one in fixture_exchanges(fixture_file(name)).values()
        ]

    def run(self, stopped: threading.Event) -> None:
        """Make calls until `stopped`."""
        activities: dict[Callable[[], None], int] = {
            self._vendor_call: 60, self._bad_call: 10, self._control_call: 12, self._faulty_call: 6,
            self._sandbox_comes_and_goes: 4, self._copy: 1, self._listen: 1, self._cut_connection: 3,
        }  # fmt: skip
        while not stopped.wait(PAUSE):
            [activity] = self._chance.choices(list(activities), list(activities.values()))
            activity()
        self._disconnect()

    def _send(self, call: Call) -> bytes:
        """Make a call and return the body of its answer, or nothing if no whole answer comes."""
        if self._connection is None:
            self._connection = HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=TIMEOUT)
        try:
            self._connection.request(call.method, call.target, call.body, dict(call.headers))
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as error:
            self._outcomes.lost(error)
            self._disconnect()
            return b""
        self._outcomes.add(call, response.status, response.getheader("X-Mock-Error", ""))
        return content

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _control(self, method: str, path: str, body: Any = None) -> bytes:
        text = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._send(Call(method, f"/_mock{path}", headers, text))

    def _vendor_call(self, sandbox: str = "", faulty: bool = False) -> None:
        """Make a call of a vendor's fixture file, good or refused."""
        self._send(self._exchange(sandbox or self._chance.choice(SANDBOXES), faulty))

    def _exchange(self, sandbox: str, faulty: bool = False) -> Call:
        vendor, exchange = self._chance.choice(self._exchanges)
        headers = {**exchange.headers, "X-Mock-Sandbox": sandbox}
        body = None if exchange.body is None else exchange.body.encode()
        return Call(exchange.method, exchange.target, headers, body, vendor, faulty)

    def _bad_call(self) -> None:
        """Make a call that is wrong in one of some ways."""
        call = self._exchange(self._chance.choice(SANDBOXES))
        path, _, query = call.target.partition("?")
        garbage = self._chance.randbytes(self._chance.choice((1, 100, 20_000)))
        washer = Call("PATCH", WASHER, {**BASIC, "Content-Type": "application/json"}, garbage, "merchantpro")
        wrong = [
            washer,
            replace(call, headers={**call.headers, "Authorization": "Bearer nobody"}),
            replace(call, method="DELETE", body=None),
            replace(call, target=f"{path}/nowhere?{query}"),
            replace(call, target=f"{path}?{query}&limit=x&limit=-1&{'y' * 500}=1"),
            Call("GET", "/nobody/has/this"),
        ]
        self._send(self._chance.choice(wrong))

    def _faulty_call(self) -> None:
        """Set a fault rule for some calls, now and then, and call."""
        sandbox = self._chance.choice(FAULTY)
        if self._chance.random() < 0.2:
            rule = {"fault": self._chance.choice(FAULTS), "times": 5}
            self._control("POST", "/sandboxes", {"name": sandbox})
            self._control("PUT", f"/sandboxes/{sandbox}/faults", [rule])
        self._vendor_call(sandbox, faulty=True)

    def _control_call(self) -> None:
        """Call an operation of the control API that leaves all sandboxes where they are."""
        name = self._chance.choice(SANDBOXES)
        sandbox, pattern = f"/sandboxes/{name}", {"sandbox": name, "vendor": self._chance.choice(VENDORS)}
        record = f"{sandbox}/records/merchantpro/inventory/10001"
        calls: list[tuple[str, str, Any]] = [
            ("GET", "/sandboxes", None), ("GET", sandbox, None), ("POST", f"{sandbox}/reset", None),
            ("GET", f"{sandbox}/clock", None), ("PUT", f"{sandbox}/clock", {"advance": 60}),
            ("PUT", f"{sandbox}/limits", {"enabled": self._chance.random() < 0.3}),
            ("PUT", f"{sandbox}/snapshots/one", None), ("POST", f"{sandbox}/snapshots/one/restore", None),
            ("GET", f"{sandbox}/snapshots", None), ("DELETE", f"{sandbox}/snapshots/one", None),
            ("POST", f"{sandbox}/products", {"name": "Lamp", "sku": "LAMP-1", "price": 10, "quantity": 1}),
            ("GET", f"{sandbox}/records/shoplazza/products?limit=50", None), ("GET", record, None),
            ("PATCH", record, {"stock": self._chance.randrange(100)}), ("PATCH", record, {"stock": "many"}),
            ("GET", f"/requests?sandbox={name}&limit=50", None), ("POST", "/requests/find", pattern),
            ("POST", "/requests/count", pattern), ("POST", "/requests/verify", {**pattern, "count": 3}),
            ("GET", f"/requests/har?sandbox={name}", None), ("GET", f"/requests/{name}.1", None),
            ("DELETE", f"/requests?sandbox={name}", None), ("GET", "/metrics", None),
            ("GET", "/vendors", None), ("GET", "/openapi.json", None), ("GET", "/health", None),
        ]  # fmt: skip
        self._control(*self._chance.choice(calls))

    def _sandbox_comes_and_goes(self) -> None:
        """Make a sandbox, or a copy of one, use it and delete it."""
        name = f"visit-{self._chance.randrange(10**9)}"
        maker: dict[str, Any] = {"name": name, "seed": self._chance.randrange(200), "products": 50}
        if self._chance.random() < 0.3:
            maker = {"name": name, "fork": self._chance.choice(SANDBOXES)}
        self._control("POST", "/sandboxes", maker)
        for _ in range(3):
            self._vendor_call(name)
        self._control("DELETE", f"/sandboxes/{name}")

    def _copy(self) -> None:
        """Export a sandbox and import it as another."""
        source, target = self._chance.sample(SANDBOXES, 2)
        if document := self._control("GET", f"/sandboxes/{source}/export"):
            headers = {"Content-Type": "application/json"}
            self._send(Call("PUT", f"/_mock/sandboxes/{target}/import", headers, document))

    def _listen(self) -> None:
        """Listen to the stream of calls, to its end or not."""
        parts = self._parts
        listener = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        try:
            listener.request("GET", "/_mock/events?count=20&seconds=1")
            response = listener.getresponse()
            response.read(None if self._chance.random() < 0.5 else 100)
        except (OSError, HTTPException) as error:
            self._outcomes.lost(error)
        finally:
            listener.close()

    def _cut_connection(self) -> None:
        """Open a connection, send a part of a request or nothing, and close or reset it."""
        address = self._parts.hostname or "", self._parts.port or 80
        head = f"PATCH {WASHER} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{{".encode()
        try:
            with socket.create_connection(address, 5) as connection:
                connection.sendall(head[: self._chance.randrange(len(head) + 1)])
                if self._chance.random() < 0.5:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        except OSError as error:
            self._outcomes.lost(error)


def attack_now_and_then(url: str, outcomes: Outcomes, stopped: threading.Event) -> None:
    """Carry out one attack after the other, each on a small scale, until `stopped`."""
    while True:
        for name, attack in ATTACKS.items():
            if stopped.wait(ATTACK_PAUSE):
                return
            attacker = Attacker(url, ATTACK_SCALE)
            attack(attacker)
            for what, count in attacker.seen.items():
                outcomes.calls[what] += count
                if what.startswith("5") and what not in (
                    "503",
                    "507",
                ):  # a limit of the mock's own may be reached
                    outcomes.undocumented[f"{what}: {name}"] += count
