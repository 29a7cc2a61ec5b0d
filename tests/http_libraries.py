"""For each HTTP library, a function that sends a request and returns the response as plain values."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import httpx
import httpx2
import requests
import urllib3
from yarl import URL

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to load the usual ones takes 20 ms
CONNECT_TIMEOUT = 20  # long, because tests of timeouts set only the read timeout


@dataclass(frozen=True)
class Request:
    """A request. If the body is a list, each of its items is sent as a separate chunk.

    `timeout` is the number of seconds that the client waits for the response.
    """

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | list[bytes] | None = None
    timeout: float = 20


@dataclass(frozen=True)
class Response:
    """A response. Header names are in lower case and in the order received; Date is left out."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


def plain_headers(headers: object) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.items() if name.lower() != "date"]


def httpx_headers(response: httpx.Response | httpx2.Response) -> list[tuple[str, str]]:
    headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in response.headers.raw]
    return [(name, value) for name, value in headers if name != "date"]


def body_of(request: Request) -> bytes | Iterator[bytes] | None:
    return iter(request.body) if isinstance(request.body, list) else request.body


def async_body_of(request: Request) -> bytes | AsyncIterator[bytes] | None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in request.body:
            yield piece

    return pieces() if isinstance(request.body, list) else request.body


def send_by_urllib3(request: Request) -> Response:
    timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=request.timeout)
    with urllib3.PoolManager() as pools:
        response = pools.request(
            request.method, request.url, headers=request.headers, body=body_of(request), timeout=timeout,
            retries=False, redirect=False,
        )  # fmt: skip
        return Response(response.status, response.reason, plain_headers(response.headers), response.data)


def send_by_requests(request: Request) -> Response:
    response = requests.request(
        request.method, request.url, headers=request.headers, data=body_of(request),
        timeout=(CONNECT_TIMEOUT, request.timeout),
    )  # fmt: skip
    headers = plain_headers(response.raw.headers)
    return Response(response.status_code, response.reason, headers, response.content)


def send_by_httpx(request: Request, httpx: Any = httpx) -> Response:
    response = httpx.request(
        request.method, request.url, headers=request.headers, content=body_of(request),
        timeout=httpx.Timeout(CONNECT_TIMEOUT, read=request.timeout), verify=NO_CERTIFICATES,
    )  # fmt: skip
    headers = httpx_headers(response)
    return Response(response.status_code, response.reason_phrase, headers, response.content)


def send_by_async_httpx(request: Request, httpx: Any = httpx) -> Response:
    async def send() -> Response:
        timeout = httpx.Timeout(CONNECT_TIMEOUT, read=request.timeout)
        async with httpx.AsyncClient(timeout=timeout, verify=NO_CERTIFICATES) as client:
            response = await client.request(
                request.method, request.url, headers=request.headers, content=async_body_of(request)
            )
            headers = httpx_headers(response)
            return Response(response.status_code, response.reason_phrase, headers, response.content)

    return asyncio.run(send())


def send_by_aiohttp(request: Request) -> Response:
    async def send() -> Response:
        # A total timeout is enough, because aiohttp raises the same error for every kind of timeout.
        timeout = aiohttp.ClientTimeout(total=request.timeout)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.request(
                request.method, URL(request.url, encoded=True), headers=request.headers,
                data=async_body_of(request),
            ) as response,
        ):  # fmt: skip
            body = await response.read()
            return Response(response.status, response.reason, plain_headers(response.headers), body)

    return asyncio.run(send())


LIBRARIES: dict[str, Callable[[Request], Response]] = {
    "urllib3": send_by_urllib3,
    "requests": send_by_requests,
    "httpx": send_by_httpx,
    "httpx async": send_by_async_httpx,
    "httpx2": partial(send_by_httpx, httpx=httpx2),
    "httpx2 async": partial(send_by_async_httpx, httpx=httpx2),
    "aiohttp": send_by_aiohttp,
}
