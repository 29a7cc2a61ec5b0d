"""Long bodies are checked in a thread, and the event loop goes on answering."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.contract.contract import Contract
from mockserver.contract.exchange import MAX_QUICK_BYTES
from mockserver.contract.openapi.spec import Spec
from mockserver.data.resources import read, spec_file
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.server import serving
from mockserver.vendor_api.auth import require_accepted

WASHER = "/api/v2/inventory/id/10001"
AUTH = httpx.BasicAuth("demo", "demo")
JSON = {"Content-Type": "application/json"}
TIMEOUT = 30


def change(size: int) -> bytes:
    """Return a valid body with this many bytes."""
    return b'{"stock": 3}'.ljust(size)


@pytest.fixture
def vendor_url() -> Iterator[Callable[[Callable[[Any], None]], str]]:
    """Yield a function that serves MerchantPro with bodies up to 1 MiB and another `authenticate`."""
    servers = []

    def serve(authenticate: Callable[[Any], None]) -> str:
        document = read(spec_file("merchantpro"))
        path = document["paths"]["/api/v2/inventory/{type}/{identifier}"]
        path["patch"]["requestBody"]["x-max-body"] = 2**20
        usual = app.VendorFiles().contract("merchantpro")
        vendor = replace(usual.vendor, authenticate=authenticate)
        contract = Contract(vendor, Spec("merchantpro", document=document), usual.base_records)
        server = serving(app.assemble((contract,), Sandboxes(42, 10)).application)
        servers.append(server)
        return server.__enter__()

    yield serve
    for server in servers:
        server.__exit__(None, None, None)


@pytest.mark.finding("A3")
def test_call_is_answered_while_a_long_body_is_checked(vendor_url: Callable[..., str]) -> None:
    checking, go_on = threading.Event(), threading.Event()

    def authenticate(call: Any) -> None:
        """Wait, as a lengthy check would. The engine reads the body next, in the same thread."""
        if len(call.request.body) > MAX_QUICK_BYTES:
            checking.set()
            assert go_on.wait(TIMEOUT)
        require_accepted(call)

    replies = []
    with httpx.Client(base_url=vendor_url(authenticate), auth=AUTH, timeout=TIMEOUT) as client:
        client.get(WASHER)  # the first call of a server imports Faker in a thread
        long = threading.Thread(
            target=lambda: replies.append(
                client.patch(WASHER, content=change(MAX_QUICK_BYTES + 1), headers=JSON)
            )
        )
        long.start()
        assert checking.wait(TIMEOUT)
        assert client.get(WASHER).json()["stock"] == 10
        go_on.set()
        long.join(TIMEOUT)
    assert replies[0].json()["stock"] == 3


@pytest.mark.finding("A3")
@pytest.mark.parametrize(("size", "in_thread"), [(MAX_QUICK_BYTES, False), (MAX_QUICK_BYTES + 1, True)])
def test_only_long_bodies_are_checked_in_a_thread(
    vendor_url: Callable[..., str], size: int, in_thread: bool
) -> None:
    threads = []

    def authenticate(call: Any) -> None:
        threads.append(threading.current_thread().name)
        require_accepted(call)

    with httpx.Client(base_url=vendor_url(authenticate), auth=AUTH, timeout=TIMEOUT) as client:
        client.get(WASHER)
        assert client.patch(WASHER, content=change(size), headers=JSON).json()["stock"] == 3
    assert threads[-1].startswith("mockserver handler") == in_thread


LIMITS = [
    ("update-inventory", 64 * 1024), ("change-clock", 64 * 1024), ("change-limits", 64 * 1024),
    ("create-sandbox", 1024 * 1024), ("replace-faults", 1024 * 1024), ("edit-record", 1024 * 1024),
    ("find-requests", 128 * 1024), ("verify-sequence", 128 * 1024), ("import-sandbox", 32 * 1024 * 1024),
]  # fmt: skip


@pytest.mark.finding("A3")
@pytest.mark.parametrize(("operation", "limit"), LIMITS)
def test_each_operation_bounds_its_body(operation: str, limit: int) -> None:
    mock = app.build(names=["merchantpro"])
    specs = [contract.spec for contract in (*mock.contracts, mock.control)]
    (found,) = [spec.operations[operation] for spec in specs if operation in spec.operations]
    assert found.max_body == limit


@pytest.mark.finding("A3")
@pytest.mark.parametrize("engine", ["compiled", "connexion"])
def test_body_beyond_the_limit_is_the_vendors_413(engine: app.EngineName) -> None:
    mock = app.build(names=["merchantpro"], engine=engine)
    with serving(mock.application) as url, httpx.Client(base_url=url, auth=AUTH) as client:
        statuses = [client.patch(WASHER, content=change(size), headers=JSON).status_code
                    for size in (64 * 1024, 64 * 1024 + 1)]  # fmt: skip
    assert statuses == [200, 413]
