"""One way to send a request with each HTTP library: what it makes of the answer, as plain values."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import aiohttp
import httpx
import requests
import urllib3
from yarl import URL


@dataclass(frozen=True)
class Ask:
    """A request. A body that is a list of pieces is sent by a generator."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | list[bytes] | None = None
    timeout: float = 20


@dataclass(frozen=True)
class Answer:
    """What came, with headers in their order and lower case, but for the date."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


def plain(headers: object) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.items() if name.lower() != "date"]


def pieces(ask: Ask) -> bytes | Iterator[bytes] | None:
    return iter(ask.body) if isinstance(ask.body, list) else ask.body


def later(ask: Ask) -> bytes | AsyncIterator[bytes] | None:
    async def each() -> AsyncIterator[bytes]:
        for piece in ask.body:
            yield piece

    return each() if isinstance(ask.body, list) else ask.body


def by_urllib3(ask: Ask) -> Answer:
    with urllib3.PoolManager() as pools:
        response = pools.request(
            ask.method, ask.url, headers=ask.headers, body=pieces(ask), timeout=ask.timeout,
            retries=False, redirect=False,
        )  # fmt: skip
        return Answer(response.status, response.reason, plain(response.headers), response.data)


def by_requests(ask: Ask) -> Answer:
    response = requests.request(
        ask.method, ask.url, headers=ask.headers, data=pieces(ask), timeout=ask.timeout
    )
    return Answer(response.status_code, response.reason, plain(response.raw.headers), response.content)


def by_httpx(ask: Ask) -> Answer:
    response = httpx.request(
        ask.method, ask.url, headers=ask.headers, content=pieces(ask), timeout=ask.timeout
    )
    return Answer(response.status_code, response.reason_phrase, plain_httpx(response), response.content)


def plain_httpx(response: httpx.Response) -> list[tuple[str, str]]:
    headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in response.headers.raw]
    return [(name, value) for name, value in headers if name != "date"]


def by_async_httpx(ask: Ask) -> Answer:
    async def send() -> Answer:
        async with httpx.AsyncClient(timeout=ask.timeout) as client:
            response = await client.request(ask.method, ask.url, headers=ask.headers, content=later(ask))
            return Answer(
                response.status_code, response.reason_phrase, plain_httpx(response), response.content
            )

    return asyncio.run(send())


def by_aiohttp(ask: Ask) -> Answer:
    async def send() -> Answer:
        timeout = aiohttp.ClientTimeout(total=ask.timeout)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.request(
                ask.method, URL(ask.url, encoded=True), headers=ask.headers, data=later(ask)
            ) as response,
        ):
            return Answer(response.status, response.reason, plain(response.headers), await response.read())

    return asyncio.run(send())


LIBRARIES: dict[str, Callable[[Ask], Answer]] = {
    "urllib3": by_urllib3,
    "requests": by_requests,
    "httpx": by_httpx,
    "httpx async": by_async_httpx,
    "aiohttp": by_aiohttp,
}
