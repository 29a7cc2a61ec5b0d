"""The life of an interception: what it patches, who is answered by whom, and that nothing is left."""

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
import pytest
import requests
import urllib3
from aiohttp.connector import BaseConnector
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

import mockserver
from mockserver.interception import HostRefused
from mockserver.interception.import_hook import ImportHook
from mockserver.interception.registry import REGISTRY, CannotPatch
from tests.conftest import ROOT
from tests.http_libraries import LIBRARIES, HttpRequest
from tests.interception.test_host_policy import elsewhere, url
from tests.interception.test_interception import AUTH, WASHER, each_library

PATCHED = {
    (HTTPConnectionPool, "_make_request"),
    (HTTPSConnectionPool, "_prepare_proxy"),
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (BaseConnector, "connect"),
}


def attributes() -> dict[tuple[type, str], Any]:
    return {(owner, name): owner.__dict__[name] for owner, name in PATCHED}


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = attributes()
    yield
    assert attributes() == before
    assert not [finder for finder in sys.meta_path if isinstance(finder, ImportHook)]


def stock() -> int:
    return httpx.get(WASHER, headers=AUTH).json()["stock"]


def set_stock(number: int) -> None:
    httpx.patch(WASHER, headers=AUTH, json={"stock": number})


def test_inside_everything_is_patched() -> None:
    before = attributes()
    with mockserver.intercept():
        assert not [key for key, value in attributes().items() if value is before[key]]


def test_an_exception_passes_and_leaves_nothing() -> None:
    before = attributes()
    with pytest.raises(ZeroDivisionError), mockserver.intercept():
        raise ZeroDivisionError
    assert attributes() == before


def test_of_nested_ones_the_inner_answers_and_then_the_outer_again() -> None:
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


def test_they_can_be_left_in_any_order() -> None:
    first, second = mockserver.intercept(), mockserver.intercept()
    one, two = first.__enter__(), second.__enter__()
    stock()
    assert (one.requests.count(), two.requests.count()) == (0, 1)
    first.__exit__(None, None, None)
    stock()
    assert two.requests.count() == 2
    second.__exit__(None, None, None)


def test_one_can_be_used_again_but_not_twice_at_once() -> None:
    again = mockserver.intercept()
    with again:
        set_stock(1)
        with pytest.raises(RuntimeError, match="make another"), again:
            pytest.fail("it was entered twice")
        assert stock() == 1
    with again:
        assert stock() == 10


def test_each_thread_is_answered_by_its_own() -> None:
    entered = threading.Barrier(4, timeout=30)

    def work(number: int) -> tuple[int, int]:
        with mockserver.intercept() as mock:
            entered.wait()
            set_stock(number)
            entered.wait()
            return stock(), mock.requests.count()

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(work, range(1, 5))] == [(number, 2) for number in range(1, 5)]


def test_each_task_is_answered_by_its_own() -> None:
    async def work(number: int) -> int:
        async with mockserver.intercept(), httpx.AsyncClient(headers=AUTH) as one:
            await one.patch(WASHER, json={"stock": number})
            await asyncio.sleep(0)
            return (await one.get(WASHER)).json()["stock"]

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*map(work, range(1, 5)))

    assert asyncio.run(all_of_them()) == [1, 2, 3, 4]


def test_a_thread_that_entered_none_is_answered_by_the_last_one_entered() -> None:
    with mockserver.intercept() as outer, mockserver.intercept() as inner:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(stock).result() == 10
        assert (outer.requests.count(), inner.requests.count()) == (0, 1)


def kept_clients() -> dict[str, tuple[Callable[[str], bytes], Callable[[], Any]]]:
    """For each library a client that keeps its connections: how it gets a URL, how it is closed."""
    runner = asyncio.Runner()
    pools, session, client = urllib3.PoolManager(), requests.Session(), httpx.Client()
    coming = httpx.AsyncClient()

    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    aio = runner.run(opened())

    async def get(at: str) -> bytes:
        async with aio.get(at) as response:
            return await response.read()

    async def aget(at: str) -> bytes:
        return (await coming.get(at)).content

    return {
        "urllib3": (lambda at: pools.request("GET", at, retries=False).data, pools.clear),
        "requests": (lambda at: session.get(at).content, session.close),
        "httpx": (lambda at: client.get(at).content, client.close),
        "httpx async": (lambda at: runner.run(aget(at)), lambda: runner.run(coming.aclose())),
        "aiohttp": (lambda at: runner.run(get(at)), lambda: (runner.run(aio.close()), runner.close())),
    }


@pytest.mark.parametrize("made", ["before", "inside"])
def test_a_client_is_answered_here_inside_and_by_the_real_host_before_and_after(made: str) -> None:
    with elsewhere() as server:
        clients = kept_clients() if made == "before" else {}
        for get, _ in clients.values():
            assert get(url(server)) == b"elsewhere", "and the connection is kept"
        with mockserver.intercept(hosts={"127.0.0.1": "narvar"}):
            clients = clients or kept_clients()
            for get, _ in clients.values():
                assert b"FAILURE" in get(url(server))
        for get, _ in clients.values():
            assert get(url(server)) == b"elsewhere"
        for _, close in [*clients.values()]:
            close()
        assert len(server.asked) == (10 if made == "before" else 5)


@each_library
def test_a_call_under_way_at_the_end_fails_as_if_the_server_had_stopped(
    library: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with ThreadPoolExecutor(1) as pool:
        with mockserver.intercept() as mock:
            mock.faults.add("no_answer")
            headers = {**AUTH, "Content-Type": "application/json"}
            call = pool.submit(LIBRARIES[library], HttpRequest("PATCH", WASHER, headers, b'{"stock": 3}'))
            mock.requests.wait_for(seconds=20)
        error = call.exception(timeout=20)
    assert type(error).__name__ in {
        "ProtocolError", "ConnectionError", "RemoteProtocolError", "ServerDisconnectedError",
    }  # fmt: skip
    assert [record for record in caplog.records if record.name != "asyncio"] == []


def test_who_patches_on_top_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with mockserver.intercept() as mock:
        ours = httpx.HTTPTransport.handle_request
        with monkeypatch.context() as patch:
            patch.setattr(httpx.HTTPTransport, "handle_request", lambda *asked: ours(*asked))
            assert stock() == 10
        assert httpx.HTTPTransport.handle_request is ours
    plain = httpx.HTTPTransport.handle_request
    left = mockserver.intercept()
    left.__enter__()
    ours = httpx.HTTPTransport.handle_request
    theirs = lambda *asked: ours(*asked)  # noqa: E731
    httpx.HTTPTransport.handle_request = theirs
    left.__exit__(None, None, None)
    try:
        assert httpx.HTTPTransport.handle_request is theirs
        with elsewhere() as server:
            assert httpx.get(url(server)).content == b"elsewhere", "ours, below, lets through"
    finally:
        httpx.HTTPTransport.handle_request = plain
    assert mock.name == "demo"


def test_a_library_that_has_changed_is_named_and_nothing_is_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    before = attributes()
    with monkeypatch.context() as patch:
        patch.delattr(BaseConnector, "connect")
        with pytest.raises(CannotPatch, match="this version of aiohttp cannot be intercepted"):
            mockserver.intercept().__enter__()
    assert attributes() == before
    assert REGISTRY.route("shop.demo.ro") is None


def run(script: str) -> str:
    """What a script prints, in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_thousand_interceptions_leave_no_patch_no_thread_no_file_and_do_not_grow() -> None:
    """In a Python of its own: elsewhere the server of the run opens and closes connections meanwhile."""
    printed = run(
        """
import gc, os, threading
import mockserver
from tests.http_libraries import LIBRARIES, HttpRequest
from tests.e2e.test_interception_lifetime import AUTH, WASHER, attributes

def cycle(number):
    with mockserver.intercept(seed=number % 3, products=5 + number % 2) as mock:
        if number % 50 == 0:
            for send in LIBRARIES.values():
                assert send(HttpRequest("GET", WASHER, AUTH)).status == 200
            assert mock.requests.count() == 5

def left():
    gc.collect()
    return len(os.listdir("/proc/self/fd")), {*threading.enumerate()}, len(gc.get_objects())

untouched = attributes()
for number in range(60):
    cycle(number)
files, threads, objects = left()
for number in range(1000):
    cycle(number)
now_files, now_threads, now_objects = left()
print(attributes() == untouched, now_files - files, now_threads == threads)
print(now_objects - objects)
"""
    )
    left, grown = printed.splitlines()
    assert left == "True 0 True"
    assert int(grown) < 500, "half an object for each"


def test_no_socket_is_connected_or_bound_and_no_name_looked_up() -> None:
    printed = run(
        """
import sys
from tests.http_libraries import LIBRARIES, HttpRequest
events = []
sys.addaudithook(lambda event, _: events.append(event))
import mockserver
from tests.interception.test_interception import AUTH, WASHER
for number in range(2):
    with mockserver.intercept() as mock:
        for send in LIBRARIES.values():
            assert send(HttpRequest("GET", WASHER, AUTH)).status == 200
        mock.faults.add(503)
import socket
network = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostby", "socket.sendto")
print([event for event in events if event.startswith(network)])
socket.socket().bind(("127.0.0.1", 0))
print(events[-1])
"""
    )
    assert printed.splitlines() == ["[]", "socket.bind"]


def test_a_library_that_is_imported_later_is_covered() -> None:
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


def test_a_library_that_is_not_installed_is_no_matter() -> None:
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
def test_a_fork_is_told_that_nobody_answers_there() -> None:
    assert "not in a fork" in run(
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


def test_threads_that_import_and_enter_at_once_do_not_wait_for_each_other() -> None:
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
threads = [threading.Thread(target=one) for one in (import_it, enter) * 4]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sys.modules["aiohttp.connector"].BaseConnector.connect.__module__)
"""
    )
    assert printed == "aiohttp.connector\n"


def test_the_package_alone_imports_nothing_heavy() -> None:
    heavy = ("uvicorn", "connexion", "faker", "httpx", "asyncio", "mockserver.app", "mockserver.interception")
    printed = run(
        f"""
import mockserver, sys
print([name for name in {heavy!r} if name in sys.modules], mockserver.__version__ > "")
print(callable(mockserver.intercept))
try:
    mockserver.interecpt
except AttributeError as error:
    print(error)
"""
    )
    assert printed == "[] True\nTrue\nmodule 'mockserver' has no attribute 'interecpt'\n"
