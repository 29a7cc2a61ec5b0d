"""A public demo behind a real proxy, with the configurations of docs/demo.md."""

import random
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.certificates import FUTURE, pem_pair, write_pair
from tests.conftest import ROOT, needs
from tests.server_process import TIMEOUT, serving_command

WASHER = "/merchantpro/api/v2/inventory/id/10001"
NGINX_MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""
CADDY_GLOBAL = "{\n\tadmin off\n\tauto_https off\n\tstorage file_system %s\n}\n"


def shown(kind: str, page: str = "demo.md") -> str:
    """Return the configuration that a page shows."""
    text = (ROOT / "docs" / page).read_text()
    [found] = re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(found)


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """Return a text with other values, each of which must be in it."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx_command(folder: Path, port: int, server: str) -> list[str]:
    configuration = replaced(
        shown("nginx"),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("443", f"127.0.0.1:{port}"),
        ("mock.example.com;", "localhost;"),
        ("/etc/ssl/mock.example.com", f"{folder}/certificate"),
        ("http://127.0.0.1:8080", server),
    )
    return nginx_with(folder, configuration)


def nginx_with(folder: Path, configuration: str) -> list[str]:
    """Return the command that runs nginx with a configuration of servers."""
    file = folder / "nginx.conf"
    file.write_text(NGINX_MAIN.format(folder=folder, server=configuration))
    return ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)]


def caddy_command(folder: Path, port: int, server: str) -> list[str]:
    certificate = f"{folder}/certificate.pem {folder}/certificate.key"
    tls = f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate}\n"
    configuration = replaced(
        shown("caddyfile"), ("mock.example.com {\n", tls), ("127.0.0.1:8080", server.removeprefix("http://"))
    )
    file = folder / "Caddyfile"
    file.write_text(CADDY_GLOBAL % folder + configuration)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


PROXIES = [
    pytest.param(nginx_command, marks=needs("nginx"), id="nginx"),
    pytest.param(caddy_command, marks=needs("caddy"), id="caddy"),
]


@dataclass
class Proxied:
    """A demo behind a proxy. Clients reach it from any address of this machine."""

    url: str
    certificate: Path
    log: Path

    def client(self, address: str) -> httpx.Client:
        trust = ssl.create_default_context(cafile=self.certificate)
        transport = httpx.HTTPTransport(verify=trust, local_address=address)
        return httpx.Client(base_url=self.url, transport=transport, timeout=TIMEOUT)


@pytest.fixture(scope="module", params=PROXIES)
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    command: Callable[[Path, int, str], list[str]] = request.param
    folder = tmp_path_factory.mktemp("proxy")
    write_pair(folder / "certificate.pem", folder / "certificate.key", pem_pair(FUTURE))
    port = port_for_a_proxy()
    options = ["--demo", "--demo-sandboxes-per-address=1", "--trusted-proxy=127.0.0.1"]
    with (
        serving_command(folder, *options) as server,
        running(command(folder, port, server.url), folder / "proxy.log", port),
    ):
        yield Proxied(f"https://localhost:{port}", folder / "certificate.pem", folder / "proxy.log")


def port_for_a_proxy() -> int:
    """Return a free port that the system gives to nobody by itself: those are above 32768."""
    while True:
        port = random.randrange(20_000, 30_000)
        with suppress(OSError), socket.socket() as free:
            free.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(command: list[str], log: Path, port: int) -> Iterator[None]:
    """Run a proxy while the block runs.

    It ends when all of its calls have ended: late, if it keeps the stream of a visitor who has left.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(TIMEOUT)


@pytest.mark.console(49)
def test_addresses_of_visitors_arrive_and_cannot_be_chosen(proxied: Proxied) -> None:
    statuses = []
    for address, claimed in (
        ("127.0.0.2", ""), ("127.0.0.2", ""), ("127.0.0.2", "203.0.113.9"), ("127.0.0.3", ""),
    ):  # fmt: skip
        headers = {"X-Forwarded-For": claimed, "X-Real-IP": claimed} if claimed else {}
        with proxied.client(address) as client:
            statuses.append(client.post("/_mock/demo/sandboxes", headers=headers).status_code)
    assert statuses == [201, 429, 429, 201]


def test_visit_through_the_proxy(proxied: Proxied) -> None:
    with proxied.client("127.0.0.4") as client:
        page = client.get("/", headers={"Accept": "text/html"})
        assert f"curl {proxied.url}/" in page.text.replace("<wbr>", "")
        begun = client.post("/_mock/ui/try", headers={"Origin": proxied.url, "Sec-Fetch-Site": "same-origin"})
        assert begun.status_code == 303, begun.text
        assert "; Secure" in begun.headers["set-cookie"]
        start = client.get("/_mock/ui/")
        credential = re.search("sbx_[a-z2-7]{26}", start.text)[0]
        assert f"{proxied.url}/merchantpro" in start.text.replace("<wbr>", "")
        assert client.get(WASHER, auth=(credential, "")).json()["id"] == 10001
        stream = client.stream("GET", "/_mock/events?seconds=300", headers={"Accept": "text/event-stream"})
        with stream as answer:
            arrived = b""
            for piece in answer.iter_raw():
                arrived += piece
                if b"event: hello" in arrived:
                    break
        calls = client.get("/_mock/requests").json()["requests"]
        assert [call["target"] for call in calls] == ["/api/v2/inventory/id/10001"]
        told = client.get(f"/_mock/requests/{calls[0]['id']}").text
    assert "127.0.0.4" not in told
    assert "x-forwarded" not in told.lower()
    assert "127.0.0.4" not in proxied.log.read_text()


def test_page_of_another_origin_is_refused_through_the_proxy(proxied: Proxied) -> None:
    with proxied.client("127.0.0.5") as client:
        answer = client.post("/_mock/ui/try", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
