"""The host policy: which hosts are answered, which are refused, and which are let through."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest

import mockserver
from mockserver import app
from mockserver.client import CALLED_SERVERS
from mockserver.contract.hosts import domain_of
from mockserver.contract.vendor_files import VendorFiles
from mockserver.embedding.interception import HostRefused
from tests.embedding.interception.test_interception import AUTH, WASHER, each_library
from tests.http_libraries import LIBRARIES, Request

SPECS = {name: VendorFiles().spec(name) for name in app.vendor_names()}


class RecordingHandler(BaseHTTPRequestHandler):
    """Handles and records the requests to another server or a proxy."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.received.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"elsewhere")

    do_CONNECT = do_GET

    def log_message(self, *args: object) -> None: ...


@contextmanager
def other_server() -> Iterator[HTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), RecordingHandler)
    server.daemon_threads = True
    server.received = []
    CALLED_SERVERS.discard(("127.0.0.1", server.server_port))  # of an earlier test, whose server has ended
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
    with other_server() as server:
        yield server


def url(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@each_library
def test_other_host_is_refused(library: str, other: HTTPServer) -> None:
    with mockserver.intercept(), pytest.raises(HostRefused) as refused:
        LIBRARIES[library](Request("GET", url(other)))
    assert other.received == []
    assert str(refused.value) == (
        "127.0.0.1 is not a host of an emulated vendor; the call was refused, and nothing was sent. "
        'To have a vendor answer for it, use intercept(hosts={"127.0.0.1": "VENDOR"}). '
        'To let calls to other hosts reach the network, use intercept(others="pass")'
    )


@each_library
def test_other_host_is_let_through_if_others_is_pass(library: str, other: HTTPServer) -> None:
    with mockserver.intercept(others="pass") as mock:
        assert LIBRARIES[library](Request("GET", url(other) + "/x")).body == b"elsewhere"
        assert LIBRARIES[library](Request("GET", WASHER, AUTH)).status == 200
        assert mock.requests.count() == 1
    assert other.received == ["GET /x"]


def names_on_domain(vendor: str) -> list[str]:
    """Return names on a vendor's domains that are not hosts of its API."""
    return [
        name
        for domain in map(domain_of, SPECS[vendor].host_names)
        for name in (domain, f"api.{domain}", f"a.b.{domain}", f"{domain}.".upper())
        if SPECS[vendor].host(name.lower().removesuffix(".")) is None
    ]


@each_library
@pytest.mark.parametrize("vendors", [(), ["sabi"]])
def test_host_on_a_vendors_domain_is_never_let_through(library: str, vendors: list[str]) -> None:
    not_emulated = [name for name in app.vendor_names() if vendors and name not in vendors]
    hosts = [host for vendor in app.vendor_names() for host in names_on_domain(vendor)]
    hosts += [SPECS[name].url.split("://")[1] for name in not_emulated]
    assert len(hosts) > len(app.vendor_names())
    with mockserver.intercept(vendors=vendors, others="pass"):
        for host in hosts:
            with pytest.raises(HostRefused, match="lets no call through to a vendor's domain"):
                LIBRARIES[library](Request("GET", f"https://{host}/"))


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
def test_domain_of_a_host_name(name: str, domain: str) -> None:
    assert domain_of(name) == domain


@each_library
@pytest.mark.parametrize("host", ["inventory.test", "INVENTORY.test:8443", "inventory.test."])
def test_hosts_argument_maps_a_host_to_a_vendor(library: str, host: str) -> None:
    with mockserver.intercept(hosts={"Inventory.TEST": "merchantpro", "10.0.0.1": "narvar"}) as mock:
        send = LIBRARIES[library]
        request = Request("GET", f"https://{host}/api/v2/inventory/id/10001", AUTH)
        assert send(request).status == 200
        assert send(replace(request, url=f"http://{host}/nowhere")).status == 404
        assert send(Request("GET", "http://10.0.0.1:8/exchanges/inventory/9999", AUTH)).status == 200
        assert [call.vendor for call in mock.requests] == ["merchantpro", "merchantpro", "narvar"]


@each_library
def test_hosts_argument_has_no_effect_after_the_block(library: str) -> None:
    with mockserver.intercept(hosts={"inventory.test": "merchantpro"}):
        pass
    with mockserver.intercept(), pytest.raises(HostRefused):
        LIBRARIES[library](Request("GET", "https://inventory.test/"))


@each_library
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_is_not_used_for_a_vendors_host(
    library: str, scheme: str, other: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, url(other))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for others in ("refuse", "pass"):
        with mockserver.intercept(others=others) as mock:
            response = LIBRARIES[library](Request("GET", WASHER.replace("https", scheme), AUTH))
            assert response.status == 200
            (call,) = mock.requests
            assert (call.target, call.headers["host"]) == ("/api/v2/inventory/id/10001", "shop.demo.ro")
            refused = f"{scheme}://www.demo.ro/" if others == "pass" else url(other)
            with pytest.raises(HostRefused):
                LIBRARIES[library](Request("GET", refused))
    assert other.received == []


def test_exception_host_refused_is_not_a_network_error() -> None:
    """If it were a network error, clients would retry the call."""
    import aiohttp
    import httpx
    import httpx2
    import requests
    import urllib3

    kinds = (OSError, httpx.HTTPError, httpx2.HTTPError, requests.RequestException, aiohttp.ClientError)
    assert not issubclass(HostRefused, (*kinds, urllib3.exceptions.HTTPError))
