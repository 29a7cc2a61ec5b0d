"""Waiting for calls: `wait_for` in a thread, `wait_for_async` in a coroutine."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import mockserver
from mockserver.client import Refused, Sandbox
from tests.client.test_client import WASHER

pytestmark = pytest.mark.finding("B13")
TIMEOUT = 60  # seconds; only ends a test that hangs


@pytest.fixture(params=["server", "intercept"])
def waiting(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Yield a sandbox of the running server, or of an interception."""
    if request.param == "server":
        yield request.getfixturevalue("mock_sandbox")
    else:
        with mockserver.intercept() as mock:
            yield mock


async def call(sandbox: Sandbox, method: str = "GET") -> None:
    access = sandbox.vendors["merchantpro"]
    async with httpx.AsyncClient(base_url=access.base_url, headers=access.headers) as client:
        await client.request(method, WASHER)


def test_wait_for_raises_at_once_in_a_running_event_loop(waiting: Sandbox) -> None:
    async def test() -> None:
        asyncio.get_running_loop().create_task(call(waiting))
        for wait_for in (waiting.wait_for, waiting.requests.wait_for):
            with pytest.raises(RuntimeError, match=r"use `await wait_for_async\(\.\.\.\)`"):
                wait_for(method="GET", seconds=TIMEOUT)

    asyncio.run(test())


def test_wait_for_works_in_a_thread_of_an_event_loop(waiting: Sandbox) -> None:
    async def test() -> None:
        waiter = asyncio.to_thread(waiting.wait_for, method="GET", seconds=TIMEOUT)
        found, _ = await asyncio.gather(waiter, call(waiting))
        assert [one.path for one in found] == [WASHER]

    asyncio.run(test())


def test_wait_for_async_lets_the_loop_make_the_calls(waiting: Sandbox) -> None:
    async def test() -> None:
        calls = [call(waiting), call(waiting, "PATCH"), call(waiting)]
        waiter = waiting.wait_for_async(method="GET", count=2, seconds=TIMEOUT)
        found, *_ = await asyncio.gather(waiter, *calls)
        assert [one.method for one in found] == ["GET", "GET"]
        assert len(await waiting.requests.wait_for_async(seconds=0)) == 3

    asyncio.run(test())


@pytest.mark.parametrize("seconds", [0, 0.2, 1.2])
def test_wait_for_async_fails_with_the_message_of_wait_for(waiting: Sandbox, seconds: float) -> None:
    async def test() -> None:
        await call(waiting)
        await waiting.wait_for_async(method="PATCH", count=2, seconds=seconds)

    with pytest.raises(AssertionError) as failed:
        asyncio.run(test())
    lines = str(failed.value).splitlines()
    assert lines[:2] == [
        f"matching calls in {seconds:g} s: expected 2, found 0", "  expected at least 2 times: PATCH",
    ]  # fmt: skip
    assert '  method: expected "PATCH", got "GET"' in lines


@pytest.mark.parametrize("arguments", [{"seconds": 61}, {"seconds": -1}, {"count": -1}, {"metod": "GET"}])
def test_invalid_argument_is_refused_at_once(waiting: Sandbox, arguments: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"body\."):
        asyncio.run(waiting.wait_for_async(**arguments))


def test_cancelled_wait_ends(waiting: Sandbox) -> None:
    """Otherwise `asyncio.run` would wait for the thread, and this test for a minute."""
    steps: list[float] = []
    ask = waiting.requests._request

    def recording_ask(method: str, path: str, body: Any = None) -> Any:
        steps.append(body["seconds"])
        return ask(method, path, body)

    waiting.requests._request = recording_ask

    async def test() -> None:
        waiter = asyncio.create_task(waiting.wait_for_async(method="PUT", seconds=60))
        while not steps:
            await asyncio.sleep(0.01)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter

    asyncio.run(test())
    assert steps == [1], "one step of a second, after which the thread ends"
