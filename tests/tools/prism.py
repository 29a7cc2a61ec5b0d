"""Prism as a proxy: it forwards the exchanges of the fixtures, and judges each response by the spec."""

import json
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx

from mockserver import app
from mockserver.contract.fixture_exchanges import FixtureExchange, fixture_exchanges
from mockserver.contract.vendor_files import VendorFiles
from tests.tools.command import Tools

START_TIMEOUT = TIMEOUT = 60.0


def failures(tools: Tools) -> Iterator[str]:
    """Yield each violation of a response."""
    for name in app.vendor_names():
        exchanges = fixture_exchanges(VendorFiles().fixture_file(name))
        with proxy(tools, name) as url:
            for number, exchange in enumerate(filter(is_readable, exchanges.values())):
                for earlier in (*exchange.given, exchange.name):
                    response = send(url, exchanges[earlier], f"prism-{name}-{number}")
                    for violation in json.loads(response.headers.get("sl-violations", "[]")):
                        if violation["location"][0] == "response":
                            yield f"{name}: {earlier}: {violation['message']}"


def is_readable(exchange: FixtureExchange) -> bool:
    """Return False if the body is not JSON: Prism reads bodies itself, and never answers such a request."""
    try:
        json.loads(exchange.body or "null")
    except ValueError:
        return False
    return True


@contextmanager
def proxy(tools: Tools, name: str) -> Iterator[str]:
    """Start a proxy in front of a vendor, and yield its URL as soon as it listens."""
    port = free_port()
    program = tools.folder / "node_modules" / ".bin" / "prism"
    words = [program, "proxy", tools.served(name), tools.base_url(name), "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    listening = Event()
    Thread(target=read_log, args=(process.stdout, listening), daemon=True).start()
    try:
        if not listening.wait(START_TIMEOUT):
            raise TimeoutError(f"Prism does not listen after {START_TIMEOUT} seconds")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def read_log(log: Iterable[str], listening: Event) -> None:
    """Read the log to its end, so that Prism never waits for its reader."""
    for line in log:
        if "Prism is listening" in line:
            listening.set()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def send(url: str, exchange: FixtureExchange, sandbox: str) -> httpx.Response:
    """Send an exchange through the proxy, without the Host header by which the server knows the vendor.

    A slash at the end of the path, which may follow, is left out: Prism takes it for an empty path parameter.
    """
    headers = {name: value for name, value in exchange.headers.items() if name.lower() != "host"}
    headers["X-Mock-Sandbox"] = sandbox
    path, mark, query = exchange.target.partition("?")
    target = url + path.rstrip("/") + mark + query
    return httpx.request(exchange.method, target, headers=headers, content=exchange.body, timeout=TIMEOUT)
