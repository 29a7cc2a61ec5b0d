"""A server with a public demo, and its visitors, for tests."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx

from mockserver import app
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES

WASHER = "/merchantpro/api/v2/inventory/id/10001"
TOKEN = "operators-token"
LOOPBACK = (ip_network("127.0.0.0/8"),)
_addresses = count(1)


@dataclass
class Visitor:
    """A visitor of a demo, at an address of her own."""

    url: str
    http: httpx.Client
    address: str
    made: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.made["name"])

    @property
    def credential(self) -> str:
        return str(self.made["credential"])

    def call(self, method: str = "GET", path: str = WASHER, **options: Any) -> httpx.Response:
        """Call a vendor."""
        options.setdefault("auth", (self.credential, ""))
        return self._send(method, path, {}, options)

    def control(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the control API with the sandbox's token."""
        headers = {"Authorization": f"Bearer {self.made['control_token']}"}
        return self._send(method, f"/_mock{path}", headers, options)

    def own(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the control API about the visitor's sandbox."""
        return self.control(method, f"/sandboxes/{self.name}{path}", **options)

    def begin_call(self, method: str = "PATCH", path: str = WASHER) -> socket.socket:
        """Begin a call, and return its connection: the rest of its body never arrives."""
        address = urlsplit(self.url)
        connection = socket.create_connection((address.hostname, address.port), timeout=60)
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {self.address}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        return connection

    def _send(self, method: str, path: str, headers: dict[str, str], options: Any) -> httpx.Response:
        headers = {"X-Forwarded-For": self.address, **headers, **options.pop("headers", {})}
        return self.http.request(method, self.url + path, headers=headers, **options)


@dataclass
class Demo:
    """A running demo."""

    url: str
    mock: app.Mock
    http: httpx.Client

    def visitor(self, address: str = "") -> Visitor:
        """Return a new visitor with a sandbox, by default at an address that nobody else has."""
        number = next(_addresses)
        address = address or f"198.18.{number // 250}.{number % 250}"
        answer = self.create(address)
        assert answer.status_code == 201, answer.text
        return Visitor(self.url, self.http, address, answer.json())

    def create(self, address: str) -> httpx.Response:
        return self.http.post(f"{self.url}/_mock/demo/sandboxes", headers={"X-Forwarded-For": address})

    def operator(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return self.http.request(method, f"{self.url}/_mock{path}", headers=headers, **options)


@contextmanager
def running_demo(*, trusted_proxies: Any = LOOPBACK, **quotas: Any) -> Iterator[Demo]:
    """Serve a demo with these quotas while the block runs. Its visitors come through a trusted proxy."""
    mock = app.build(
        products=10, names=["merchantpro", "sabi"], admin_token=TOKEN, demo=DemoQuotas(**quotas),
        trusted_proxies=trusted_proxies,
    )  # fmt: skip
    with serving(mock.application) as url, httpx.Client(timeout=60, verify=NO_CERTIFICATES) as http:
        yield Demo(url, mock, http)


def refusal(answer: httpx.Response) -> tuple[int, str, str | None, Any]:
    """Return status, quota, and when to try again, by the header and by the body of a refusal."""
    assert answer.headers.get("x-mock-error") == "demo_quota", (answer.status_code, answer.text)
    body = answer.json()
    assert body["error"] == "demo_quota"
    return answer.status_code, body["quota"], answer.headers.get("retry-after"), body["retry_after"]


def response_on(connection: socket.socket) -> httpx.Response:
    """Return the response that has begun to arrive on a connection."""
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"}"):
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    return httpx.Response(int(head.split()[1]), headers=lines, json=json.loads(body))
