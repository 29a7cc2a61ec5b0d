"""A server with something to see: calls of all kinds, changed records, faults, limits, a snapshot."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote, urlsplit

import httpx

import mockserver
from mockserver import Sandbox
from mockserver.contract.fixture_exchanges import FixtureExchange, fixture_exchanges
from mockserver.data.resources import fixture_file
from mockserver.embedding.running_server import RunningServer
from tests.conftest import NO_CERTIFICATES, TIMEOUT

SANDBOX, SNAPSHOT = "checkout", "before-the-sale"
# What a hostile client sends: markup without a space, so that it fits into a path, a header that ends an
# attribute, and characters that hide or turn round text.
MARKUP = "<img/src=x/onerror=alert(1)>"
HEADER = '"><script>alert(1)</script>'
HIDDEN = "left\u202eright\u0007bell\u200bwidth"


@contextlib.contextmanager
def filled_server() -> Iterator[RunningServer]:
    """Run a server of which every page has something to show, most of it in the sandbox SANDBOX."""
    with mockserver.serve() as server, httpx.Client(verify=NO_CERTIFICATES, timeout=TIMEOUT) as client:
        sandbox = server.client.create(SANDBOX)
        call_as_documented(client, sandbox)
        for name in ("nightly", "stock-sync"):
            server.client.create(name, products=20)
        inventory = f"{sandbox.vendors['merchantpro'].base_url}/api/v2/inventory/id"
        washer = f"{inventory}/10001"
        headers = sandbox.vendors["merchantpro"].headers
        sandbox.snapshot(SNAPSHOT)
        client.patch(washer, headers=headers, json={"price_gross": 1499.00, "stock": 8})
        client.patch(f"{inventory}/10006", headers=headers, json={"stock": 4})  # the other vendors keep 12
        client.patch(f"{inventory}/10008", headers=headers, json={"price_gross": 129.90})
        client.patch(washer, headers=headers, json={"stock": "many"})
        sandbox.limits.on()
        fails = {"vendor": "merchantpro", "operation": "update-inventory", "times": 2}
        sandbox.faults.add({"type": "status", "status": 503}, **fails)
        client.patch(washer, headers=headers, json={"stock": 7})
        sandbox.clock.freeze()
        sandbox.clock.advance(timedelta(days=1))
        for _ in range(3):
            client.get(washer, headers=headers)
        client.get(f"{server.url}/merchantpro/api/v2/inventory/id/10001", auth=("someone", "else"))
        client.get(f"{server.url}/api/v3/inventory")
        yield server


def call_as_documented(client: httpx.Client, sandbox: Sandbox) -> None:
    """Send the exchanges of all vendors' pages, with the sandbox's own credentials."""
    for name, access in sandbox.vendors.items():
        for exchange in fixture_exchanges(fixture_file(name)).values():
            _send(client, exchange, access.base_url, access.headers)


def _send(client: httpx.Client, exchange: FixtureExchange, base_url: str, headers: dict[str, str]) -> None:
    ours = {name.lower() for name in headers}
    theirs = {name: value for name, value in exchange.headers.items() if name.lower() not in ours}
    client.request(
        exchange.method, base_url + exchange.target, headers=theirs | headers, content=exchange.body
    )


@contextlib.contextmanager
def hostile_server() -> Iterator[RunningServer]:
    """Run a server to which a hostile client has sent markup and hidden characters wherever it can."""
    with mockserver.serve() as server:
        sandbox = server.client.create(SANDBOX)
        sandbox.add_product(sku=MARKUP, name="<img src=x onerror=alert(1)>")
        sandbox.add_product(sku="HIDDEN", name=HIDDEN)
        address = urlsplit(server.url).netloc
        connection = http.client.HTTPConnection(address)
        target = f"{MARKUP}{quote(HIDDEN)}?{MARKUP}={MARKUP}"
        for access in sandbox.vendors.values():
            headers = {**access.headers, "X-Note": HEADER, "User-Agent": HEADER, "Content-Type": MARKUP}
            path = urlsplit(access.base_url).path
            for method, to in (("GET", f"{path}/{target}"), ("POST", path + "/"), ("GET", f"/{target}")):
                connection.request(method, to, json.dumps({MARKUP: [HIDDEN, HEADER]}), headers)
                connection.getresponse().read()
        record = sandbox.records("merchantpro", "inventory").patch(10001, name=HEADER)
        assert record["name"] == HEADER
        connection.request(
            "PATCH",
            "/merchantpro/api/v2/inventory/id/10001",
            json.dumps({"stock": HIDDEN, MARKUP: HEADER}),
            sandbox.vendors["merchantpro"].headers,
        )
        connection.getresponse().read()
        yield server
        connection.close()
