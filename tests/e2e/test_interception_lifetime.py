"""The lifetime of interceptions: their patches, their clean-up, and the one that answers a call."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3
from aiohttp.connector import BaseConnector
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

import mockserver
from mockserver.embedding.interception import HostRefused
from mockserver.embedding.interception.import_hook import ImportHook
from mockserver.embedding.interception.registry import REGISTRY, CannotPatch
from tests.conftest import ROOT
from tests.embedding.interception.test_host_policy import other_server, url
from tests.embedding.interception.test_interception import AUTH, WASHER, each_library
from tests.http_libraries import LIBRARIES, Request

TIMEOUT = 600  # seconds; only ends a test that hangs
MAX_WAIT = 60  # seconds, the longest wait that the control API allows
PATCHED = {
    (HTTPConnectionPool, "_make_request"),
    (HTTPSConnectionPool, "_prepare_proxy"),
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpx2.HTTPTransport, "handle_request"),
    (httpx2.AsyncHTTPTransport, "handle_async_request"),
    (BaseConnector, "connect"),
}


def patchable() -> dict[tuple[type, str], Any]:
    """Return the present values of the methods that an interception replaces."""
    return {(owner, name): owner.__dict__[name] for owner, name in PATCHED}


@pytest.fixture(autouse=True)
def check_that_patches_are_removed() -> Iterator[None]:
    before = patchable()
    yield
    assert patchable() == before
    assert not [finder for finder in sys.meta_path if isinstance(finder, ImportHook)]


def stock() -> int:
    return httpx.get(WASHER, headers=AUTH).json()["stock"]


def set_stock(number: int) -> None:
    httpx.patch(WASHER, headers=AUTH, json={"stock": number})


def test_entering_patches_the_libraries() -> None:
    before = patchable()
    with mockserver.intercept():
        assert not [key for key, value in patchable().items() if value is before[key]]


def test_exception_in_the_block_propagates_and_removes_the_patches() -> None:
    before = patchable()
    with pytest.raises(ZeroDivisionError), mockserver.intercept():
        raise ZeroDivisionError
    assert patchable() == before


def test_innermost_interception_answers() -> None:
    with mockserver.intercept() as outer:
        set_stock(1)
        with mockserver.intercept(seed=7) as inner:
            assert stock() == 10
            with mockserver.intercept(vendors=["sabi"]), pytest.raises(HostRefused):
                stock()
            set_stock(2)
            assert stock() == 2
        assert stock() == 1
        assert (outer.requests.count(), inner.seed) == (2, 7)


def test_interceptions_can_be_left_in_any_order() -> None:
    first, second = mockserver.intercept(), mockserver.intercept()
    one, two = first.__enter__(), second.__enter__()
    stock()
    assert (one.requests.count(), two.requests.count()) == (0, 1)
    first.__exit__(None, None, None)
    stock()
    assert two.requests.count() == 2
    second.__exit__(None, None, None)


def test_interception_can_be_reused_but_not_entered_twice() -> None:
    interception = mockserver.intercept()
    with interception:
        set_stock(1)
        with pytest.raises(RuntimeError, match="create another one"), interception:
            pytest.fail("it was entered twice")
        assert stock() == 1
    with interception:
        assert stock() == 10


def test_each_thread_has_its_own_interception() -> None:
    entered = threading.Barrier(4, timeout=TIMEOUT)

    def work(number: int) -> tuple[int, int]:
        with mockserver.intercept() as mock:
            entered.wait()
            set_stock(number)
            entered.wait()
            return stock(), mock.requests.count()

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(work, range(1, 5))] == [(number, 2) for number in range(1, 5)]


def test_each_task_has_its_own_interception() -> None:
    async def work(number: int) -> int:
        async with mockserver.intercept(), httpx.AsyncClient(headers=AUTH) as client:
            await client.patch(WASHER, json={"stock": number})
            await asyncio.sleep(0)
            return (await client.get(WASHER)).json()["stock"]

    async def run_all() -> list[int]:
        return await asyncio.gather(*map(work, range(1, 5)))

    assert asyncio.run(run_all()) == [1, 2, 3, 4]


def test_other_threads_are_answered_by_the_last_interception_entered() -> None:
    with mockserver.intercept() as outer, mockserver.intercept() as inner:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(stock).result() == 10
        assert (outer.requests.count(), inner.requests.count()) == (0, 1)


def pooling_clients() -> dict[str, tuple[Callable[[str], bytes], Callable[[], Any]]]:
    """Return two functions by library: one gets a URL with a pooling client, the other closes the client."""
    runner = asyncio.Runner()
    pools, session, client = urllib3.PoolManager(), requests.Session(), httpx.Client()
    async_client = httpx.AsyncClient()

    async def open_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    aiohttp_session = runner.run(open_session())

    async def aiohttp_get(url: str) -> bytes:
        async with aiohttp_session.get(url) as response:
            return await response.read()

    async def async_get(url: str) -> bytes:
        return (await async_client.get(url)).content

    return {
        "urllib3": (lambda url: pools.request("GET", url, retries=False).data, pools.clear),
        "requests": (lambda url: session.get(url).content, session.close),
        "httpx": (lambda url: client.get(url).content, client.close),
        "httpx async": (lambda url: runner.run(async_get(url)), lambda: runner.run(async_client.aclose())),
        "aiohttp": (
            lambda url: runner.run(aiohttp_get(url)),
            lambda: (runner.run(aiohttp_session.close()), runner.close()),
        ),
    }


@pytest.mark.parametrize("made", ["before", "inside"])
def test_client_reaches_the_real_host_before_and_after_the_block(made: str) -> None:
    with other_server() as server:
        clients = pooling_clients() if made == "before" else {}
        for get, _ in clients.values():  # so that each client has an open connection
            assert get(url(server)) == b"elsewhere"
        with mockserver.intercept(hosts={"127.0.0.1": "narvar"}):
            clients = clients or pooling_clients()
            for get, _ in clients.values():
                assert b"FAILURE" in get(url(server))
        for get, _ in clients.values():
            assert get(url(server)) == b"elsewhere"
        for _, close in [*clients.values()]:
            close()
        assert len(server.received) == (10 if made == "before" else 5)


@each_library
def test_call_in_progress_at_the_end_fails_as_if_the_server_had_stopped(
    library: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with ThreadPoolExecutor(1) as pool:
        with mockserver.intercept() as mock:
            mock.faults.add("no_answer")
            headers = {**AUTH, "Content-Type": "application/json"}
            request = Request("PATCH", WASHER, headers, b'{"stock": 3}', TIMEOUT)
            call = pool.submit(LIBRARIES[library], request)
            mock.requests.wait_for(seconds=MAX_WAIT)
        error = call.exception(timeout=TIMEOUT)
    assert type(error).__name__ in {
        "ProtocolError", "ConnectionError", "RemoteProtocolError", "ServerDisconnectedError",
    }  # fmt: skip
    assert [record for record in caplog.records if record.name != "asyncio"] == []


def test_later_patches_by_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with mockserver.intercept() as mock:
        ours = httpx.HTTPTransport.handle_request
        with monkeypatch.context() as patch:
            patch.setattr(httpx.HTTPTransport, "handle_request", lambda *args: ours(*args))
            assert stock() == 10
        assert httpx.HTTPTransport.handle_request is ours
    original = httpx.HTTPTransport.handle_request
    interception = mockserver.intercept()
    interception.__enter__()
    ours = httpx.HTTPTransport.handle_request
    theirs = lambda *args: ours(*args)  # noqa: E731
    httpx.HTTPTransport.handle_request = theirs
    interception.__exit__(None, None, None)
    try:
        assert httpx.HTTPTransport.handle_request is theirs
        with other_server() as server:  # our patch is still called, and lets the call through
            assert httpx.get(url(server)).content == b"elsewhere"
    finally:
        httpx.HTTPTransport.handle_request = original
    assert mock.name == "demo"


def test_unsupported_library_raises_cannot_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    before = patchable()
    with monkeypatch.context() as patch:
        patch.delattr(BaseConnector, "connect")
        with pytest.raises(CannotPatch, match="this version of aiohttp cannot be intercepted"):
            mockserver.intercept().__enter__()
    assert patchable() == before
    assert REGISTRY.server_for("shop.demo.ro", 443) is None


def run(script: str) -> str:
    """Run a script in a new Python process, and return what it prints."""
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_thousand_interceptions_leave_nothing_behind() -> None:
    """They leave no patch, thread or open file, and hardly any objects.

    Runs in a new process, because the test server in this one opens and closes connections meanwhile.
    """
    printed = run(
        """
import gc, os, threading
import mockserver
from tests.http_libraries import LIBRARIES, Request
from tests.e2e.test_interception_lifetime import AUTH, WASHER, patchable

def cycle(number):
    with mockserver.intercept(seed=number % 3, products=5 + number % 2) as mock:
        if number % 50 == 0:
            for send in LIBRARIES.values():
                assert send(Request("GET", WASHER, AUTH)).status == 200
            assert mock.requests.count() == len(LIBRARIES)

def resources():
    gc.collect()
    return len(os.listdir("/proc/self/fd")), {*threading.enumerate()}, len(gc.get_objects())

untouched = patchable()
for number in range(60):
    cycle(number)
files, threads, objects = resources()
for number in range(1000):
    cycle(number)
now_files, now_threads, now_objects = resources()
print(patchable() == untouched, now_files - files, now_threads == threads)
print(now_objects - objects)
"""
    )
    left, grown = printed.splitlines()
    assert left == "True 0 True"
    assert int(grown) < 500, "interceptions leave objects behind"


def test_no_socket_is_used_and_no_name_is_resolved() -> None:
    printed = run(
        """
import sys
from tests.http_libraries import LIBRARIES, Request
events = []
sys.addaudithook(lambda event, _: events.append(event))
import mockserver
from tests.embedding.interception.test_interception import AUTH, WASHER
for number in range(2):
    with mockserver.intercept() as mock:
        for send in LIBRARIES.values():
            assert send(Request("GET", WASHER, AUTH)).status == 200
        mock.faults.add(503)
import socket
network = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostby", "socket.sendto")
print([event for event in events if event.startswith(network)])
socket.socket().bind(("127.0.0.1", 0))
print(events[-1])
"""
    )
    assert printed.splitlines() == ["[]", "socket.bind"]


def test_library_imported_inside_the_block_is_intercepted() -> None:
    printed = run(
        f"""
import asyncio, sys, mockserver
async def call():
    async with aiohttp.ClientSession() as session, session.get({WASHER!r}, headers={AUTH!r}) as response:
        return response.status
with mockserver.intercept() as mock:
    assert "aiohttp" not in sys.modules
    import aiohttp
    print(asyncio.run(call()), mock.requests.count(), type(aiohttp.connector.__loader__).__name__)
print(aiohttp.BaseConnector.connect.__module__)
"""
    )
    assert printed == "200 1 SourceFileLoader\naiohttp.connector\n"


def test_library_may_be_missing() -> None:
    printed = run(
        f"""
import sys
sys.modules.update(dict.fromkeys(["aiohttp", "aiohttp.connector"]))
import httpx, mockserver
with mockserver.intercept():
    print(httpx.get({WASHER!r}, headers={AUTH!r}).status_code)
"""
    )
    assert printed == "200\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_process_is_not_answered() -> None:
    assert "does not work in a fork; nothing was sent" in run(
        f"""
import httpx, mockserver, os
with mockserver.intercept():
    child = os.fork()
    if not child:
        try:
            httpx.get({WASHER!r})
        except RuntimeError as error:
            print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
    )


def test_import_and_enter_in_other_threads_do_not_deadlock() -> None:
    printed = run(
        """
import sys, threading, mockserver
mockserver.intercept
gate = threading.Barrier(8)
def import_it():
    gate.wait()
    import aiohttp
def enter():
    gate.wait()
    with mockserver.intercept(vendors=["sabi"]):
        import aiohttp
        assert aiohttp.connector.BaseConnector.connect.__module__.startswith("mockserver"), "patched"
threads = [threading.Thread(target=target) for target in (import_it, enter) * 4]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sys.modules["aiohttp.connector"].BaseConnector.connect.__module__)
"""
    )
    assert printed == "aiohttp.connector\n"
