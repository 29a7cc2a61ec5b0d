"""Which hosts an interception answers for, which it refuses, and which it lets through."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest

import mockserver
from mockserver import app
from mockserver.contract.hosts import domain_of
from mockserver.contract.openapi.spec import Spec
from mockserver.interception import HostRefused
from tests.http_libraries import LIBRARIES, HttpRequest
from tests.interception.test_interception import AUTH, WASHER, each_library


class Elsewhere(BaseHTTPRequestHandler):
    """Another service, or a proxy: it says what it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"elsewhere")

    do_CONNECT = do_GET

    def log_message(self, *words: object) -> None: ...


@contextmanager
def elsewhere() -> Iterator[HTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.daemon_threads = True
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def other() -> Iterator[HTTPServer]:
    with elsewhere() as server:
        yield server


def url(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@each_library
def test_another_host_is_refused_and_told_what_to_do(library: str, other: HTTPServer) -> None:
    with mockserver.intercept(), pytest.raises(HostRefused) as refused:
        LIBRARIES[library](HttpRequest("GET", url(other)))
    assert other.asked == []
    assert "127.0.0.1 is no host of an emulated vendor" in str(refused.value)
    assert 'intercept(hosts={"127.0.0.1": ...})' in str(refused.value)
    assert 'intercept(others="pass")' in str(refused.value)


@each_library
def test_another_host_is_let_through_on_demand(library: str, other: HTTPServer) -> None:
    with mockserver.intercept(others="pass") as mock:
        assert LIBRARIES[library](HttpRequest("GET", url(other) + "/x")).body == b"elsewhere"
        assert LIBRARIES[library](HttpRequest("GET", WASHER, AUTH)).status == 200
        assert mock.requests.count() == 1
    assert other.asked == ["GET /x"]


def names(vendor: str) -> list[str]:
    """Names on the domains of a vendor that are no host of its API."""
    return [
        name
        for domain in map(domain_of, Spec(vendor).host_names)
        for name in (domain, f"api.{domain}", f"a.b.{domain}", f"{domain}.".upper())
        if Spec(vendor).host(name.lower().removesuffix(".")) is None
    ]


@each_library
@pytest.mark.parametrize("chosen", [(), ["sabi"]])
def test_a_host_on_a_vendors_own_domain_is_never_let_through(library: str, chosen: list[str]) -> None:
    real = [Spec(name).url.split("://")[1] for name in app.vendor_names() if chosen and name not in chosen]
    hosts = [host for vendor in app.vendor_names() for host in names(vendor)] + real
    assert len(hosts) > 8
    with mockserver.intercept(vendors=chosen, others="pass"):
        for host in hosts:
            with pytest.raises(HostRefused, match="the domain of a vendor"):
                LIBRARIES[library](HttpRequest("GET", f"https://{host}/"))


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("api.acme.com", "acme.com"),
        ("*.acme.com", "acme.com"),
        ("A.b.acme.co.uk", "acme.co.uk"),
        ("acme.io", "acme.io"),
        ("acme.example", "acme.example"),
        ("localhost", "localhost"),
    ],
)
def test_the_domain_of_a_name_is_what_its_owner_registered(name: str, domain: str) -> None:
    assert domain_of(name) == domain


@each_library
@pytest.mark.parametrize("host", ["inventory.test", "INVENTORY.test:8443", "inventory.test."])
def test_a_host_of_ones_own_is_answered_by_its_vendor(library: str, host: str) -> None:
    with mockserver.intercept(hosts={"Inventory.TEST": "merchantpro", "10.0.0.1": "narvar"}) as mock:
        ask = HttpRequest("GET", f"https://{host}/api/v2/inventory/id/10001", AUTH)
        assert LIBRARIES[library](ask).status == 200
        assert LIBRARIES[library](replace(ask, url=f"http://{host}/nowhere")).status == 404
        ask = HttpRequest("GET", "http://10.0.0.1:8/exchanges/inventory/9999", AUTH)
        assert LIBRARIES[library](ask).status == 200
        assert [call.vendor for call in mock.requests] == ["merchantpro", "merchantpro", "narvar"]


@each_library
def test_a_host_of_ones_own_is_forgotten_with_its_interception(library: str) -> None:
    with mockserver.intercept(hosts={"inventory.test": "merchantpro"}):
        pass
    with mockserver.intercept(), pytest.raises(HostRefused):
        LIBRARIES[library](HttpRequest("GET", "https://inventory.test/"))


@each_library
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_not_asked_for_a_vendors_host(
    library: str, scheme: str, other: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, url(other))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for others in ("refuse", "pass"):
        with mockserver.intercept(others=others) as mock:
            answer = LIBRARIES[library](HttpRequest("GET", WASHER.replace("https", scheme), AUTH))
            assert answer.status == 200
            (call,) = mock.requests
            assert (call.target, call.headers["host"]) == ("/api/v2/inventory/id/10001", "shop.demo.ro")
            with pytest.raises(HostRefused):
                LIBRARIES[library](
                    HttpRequest("GET", f"{scheme}://www.demo.ro/" if others == "pass" else url(other))
                )
    assert other.asked == []


def test_a_refusal_is_no_network_error_that_a_client_would_try_again() -> None:
    import aiohttp
    import httpx
    import requests
    import urllib3

    kinds = (OSError, httpx.HTTPError, requests.RequestException, urllib3.exceptions.HTTPError)
    assert not issubclass(HostRefused, (*kinds, aiohttp.ClientError))
