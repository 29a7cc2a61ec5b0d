"""Each speed device can be turned off without changing a byte of any response or journal."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from mockserver import app
from mockserver.data.resources import fixture_file, read
from mockserver.server.http import head_cache
from mockserver.server.http.fast_path import FastPath
from mockserver.server.server import serving

TIMEOUT = 20
DEVICES = ["fast path", "head cache", "page templates"]
CLOCK = b'{"action": "freeze", "instant": "2026-01-02T03:04:05Z"}'
PLAIN = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


def request_bytes(method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def requests() -> Iterator[bytes]:
    """Yield requests to all vendors: pages, each twice so that its head is cached, and all exchanges."""
    for name in app.vendor_names():
        vendor = app.load_contract(name).vendor
        headers = dict(vendor.auth_headers("demo"))
        for _ in range(2):
            yield request_bytes("GET", f"/{name}{vendor.sample}", headers, b"")
            for page in ("offset=40", "page=3"):  # a vendor without the parameter refuses it
                target = re.sub(r"\blimit=\d+", f"limit=20&{page}", vendor.sample)
                yield request_bytes("GET", f"/{name}{target}", headers, b"")
        for exchange in read(fixture_file(name))["exchanges"]:
            method, target = exchange["request"].split(" ", 1)
            body = exchange.get("body", "").encode()
            headers = {name: str(value) for name, value in exchange.get("headers", {}).items()}
            yield request_bytes(method, f"/{name}{target}", headers, body)


def read_response(connection: socket.socket, method: bytes) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    while method != b"HEAD" and length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return re.sub(rb"date: [^\r]*", b"date: now", head) + b"\r\n\r\n" + body


def all_answers(mock: app.Mock, fast_path: bool = True) -> list[bytes]:
    """Return the responses to all requests, and finally the journal without what depends on real time."""
    clock = request_bytes("PUT", "/_mock/sandboxes/demo/clock", {"Content-Type": "application/json"}, CLOCK)
    journal = request_bytes("GET", "/_mock/requests?limit=1000", {}, b"")
    with serving(mock.application, fast_path=fast_path) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as connection:
            answers = []
            for one in (clock, *requests(), journal):
                connection.sendall(one)
                answers.append(read_response(connection, one.split(b" ")[0]))
    head, _, body = answers.pop().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    entries = json.loads(body)["requests"]
    assert len(entries) == len(answers) - 1
    real_time = {"arrived": "now", "milliseconds": 0}
    return [*answers, json.dumps([{**entry, **real_time} for entry in entries]).encode()]


@pytest.fixture(scope="module")
def answers_with_all() -> list[bytes]:
    return all_answers(app.build())


@pytest.mark.parametrize("device", DEVICES)
def test_answers_are_the_same_if_a_device_is_off(
    device: str, answers_with_all: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    if device == "head cache":
        monkeypatch.setattr(head_cache, "MAX_CACHED", 0)
    mock = app.build(page_templates=device != "page templates")
    answers = all_answers(mock, fast_path=device != "fast path")
    for with_all, without in zip(answers_with_all, answers, strict=True):
        assert without == with_all


def test_compared_answers_include_large_pages(answers_with_all: list[bytes]) -> None:
    pages = [one for one in answers_with_all if one.startswith(b"HTTP/1.1 200 ") and len(one) > 5000]
    assert len(pages) >= 4


class Application:
    """An application that the fast path can call."""

    def start(self, raw: Any) -> Any:
        return raw.path


@pytest.mark.parametrize(
    ("size", "enabled", "answered"), [(9, True, "/a"), (0, True, None), (9, False, None)]
)
def test_fast_path_and_head_cache_can_be_turned_off(
    size: int, enabled: bool, answered: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_cache, "MAX_CACHED", size)
    assert FastPath(Application(), enabled).start(PLAIN, "http", "127.0.0.1") == answered
