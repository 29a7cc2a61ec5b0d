"""Name lookups inside an interception: no library can reach a vendor's host, not even an unpatched one."""

import asyncio
import http.client
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from socket import getaddrinfo as getaddrinfo_imported_earlier
from typing import Any

import pytest
import uvloop

import mockserver
from mockserver import app
from mockserver.contract.vendor_files import VendorFiles
from mockserver.embedding.interception import HostRefused
from tests.conftest import ROOT
from tests.embedding.interception.test_host_policy import names_on_domain

pytestmark = pytest.mark.finding("A15")
HOST = "shop.demo.ro"
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}


def in_loop(loop: str, call: Callable[[asyncio.AbstractEventLoop], Any]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:

        async def run() -> None:
            await call(asyncio.get_running_loop())

        runner.run(run())


LOOKUPS: dict[str, Callable[[str], object]] = {
    "getaddrinfo": lambda name: socket.getaddrinfo(name, 443),
    "getaddrinfo imported earlier": lambda name: getaddrinfo_imported_earlier(name, 443),
    "getaddrinfo of bytes": lambda name: socket.getaddrinfo(name.encode(), 443),
    "gethostbyname": socket.gethostbyname,
    "gethostbyname_ex": socket.gethostbyname_ex,
    "gethostbyaddr": socket.gethostbyaddr,
    "create_connection": lambda name: socket.create_connection((name, 443)),
    "http.client": lambda name: http.client.HTTPConnection(name).request("GET", "/"),
    "urllib": lambda name: urllib.request.urlopen(f"http://{name}/"),
    **{
        f"{loop}, {what}": (lambda name, loop=loop, call=call: in_loop(loop, lambda one: call(one, name)))
        for loop in LOOPS
        for what, call in {
            "getaddrinfo": lambda loop, name: loop.getaddrinfo(name, 443),
            "create_connection": lambda loop, name: loop.create_connection(asyncio.Protocol, name, 443),
            "keywords": lambda loop, name: loop.create_connection(asyncio.Protocol, host=name, port=443),
            "datagrams": lambda loop, name: loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=(name, 443)
            ),
        }.items()
    },
}


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_lookup_of_a_vendors_host_is_refused(lookup: str) -> None:
    with mockserver.intercept() as mock, pytest.raises(HostRefused) as refused:
        LOOKUPS[lookup](HOST)
    message = str(refused.value)
    assert message.startswith(
        f"{HOST} is a host of the emulated vendor merchantpro; looking it up was refused"
    )
    assert "requests, urllib3, httpx, httpx2 and aiohttp" in message
    assert "mockserver exec" in message
    assert "\n" not in message
    assert mock.name == "demo"


@pytest.mark.parametrize("others", ["refuse", "pass"])
@pytest.mark.parametrize("vendors", [(), ["sabi"]])
def test_lookup_of_any_name_on_a_vendors_domain_is_refused(vendors: list[str], others: Any) -> None:
    names = [name for vendor in app.vendor_names() for name in names_on_domain(vendor)]
    names += [VendorFiles().spec(vendor).url.split("://")[1] for vendor in app.vendor_names()]
    names += ["\uff57\uff57\uff57.demo.ro", "WWW\u3002demo.RO"]  # the resolver gets www.demo.ro
    with mockserver.intercept(vendors=vendors, others=others):
        for name in names:
            with pytest.raises(HostRefused):
                socket.getaddrinfo(name, 443)


def test_lookup_of_a_name_in_hosts_is_refused() -> None:
    with mockserver.intercept(hosts={"Inventory.test": "sabi"}):
        for name in ("inventory.test", "INVENTORY.TEST."):
            with pytest.raises(HostRefused, match="is a host of the emulated vendor sabi"):
                socket.gethostbyname(name)


def test_connection_to_an_address_in_hosts_is_refused() -> None:
    address = ("203.0.113.1", 443)
    with mockserver.intercept(hosts={address[0]: "sabi"}), socket.socket() as client, \
            pytest.raises(HostRefused):  # fmt: skip
        client.connect(address)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", None])
def test_loopback_can_be_looked_up(name: str | None) -> None:
    with mockserver.intercept(hosts={"127.0.0.1": "sabi", "localhost": "sabi"}):
        assert socket.getaddrinfo(name, 80)


def lookup_is_refused() -> bool:
    """Return True if a lookup is refused. The name does not exist: otherwise the lookup fails."""
    try:
        socket.getaddrinfo("nobody.invalid", 443)
    except HostRefused:
        return True
    except socket.gaierror:
        return False
    raise AssertionError("the name exists")


def test_nothing_is_refused_after_the_outermost_block() -> None:
    hosts = {"nobody.invalid": "sabi"}
    assert not lookup_is_refused()
    with mockserver.intercept():
        assert not lookup_is_refused()
        with mockserver.intercept(hosts=hosts):
            assert lookup_is_refused()
        assert not lookup_is_refused()
    assert not lookup_is_refused()
    with pytest.raises(ZeroDivisionError), mockserver.intercept(hosts=hosts):
        raise ZeroDivisionError
    assert not lookup_is_refused()


def test_lookup_in_any_thread_is_refused_while_one_interception_is_active() -> None:
    inside, done = threading.Barrier(2, timeout=60), threading.Event()

    def intercept() -> None:
        with mockserver.intercept(hosts={"nobody.invalid": "sabi"}):
            inside.wait()
            done.wait(60)

    with ThreadPoolExecutor(2) as pool:
        interception = pool.submit(intercept)
        inside.wait()
        with mockserver.intercept():
            assert pool.submit(lookup_is_refused).result()
            assert lookup_is_refused()
        done.set()
        interception.result()
    assert not lookup_is_refused()


@pytest.fixture
def uvloop_methods() -> Iterator[None]:
    before = dict(vars(uvloop.Loop))
    yield
    assert dict(vars(uvloop.Loop)) == before


@pytest.mark.usefixtures("uvloop_methods")
def test_uvloop_is_patched_only_inside_the_block() -> None:
    with mockserver.intercept():
        assert "getaddrinfo" in vars(uvloop.Loop)


def test_httpx2_known_as_httpx_is_intercepted_once() -> None:
    script = """
import httpx2
from httpx2._alias import alias_httpx
alias_httpx()
import httpx, mockserver
before = httpx.HTTPTransport.handle_request
with mockserver.intercept() as mock:
    print(httpx.get("https://shop.demo.ro/api/v2/inventory/id/10001", auth=("demo", "")).status_code)
    print(mock.requests.count(), httpx is httpx2)
print(httpx2.HTTPTransport.handle_request is before)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["200", "1 True", "True"], done.stderr
