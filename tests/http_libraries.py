"""One way to send a request with each HTTP library, with the response as plain, comparable values."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import aiohttp
import httpx
import requests
import urllib3
from yarl import URL


@dataclass(frozen=True)
class HttpRequest:
    """A request. A body that is a list of pieces is sent from a generator, so without a length."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | list[bytes] | None = None
    timeout: float = 20


@dataclass(frozen=True)
class HttpResponse:
    """A response. Headers are in their order, with names in lower case, without the date."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


def comparable(headers: object) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.items() if name.lower() != "date"]


def comparable_httpx(response: httpx.Response) -> list[tuple[str, str]]:
    headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in response.headers.raw]
    return [(name, value) for name, value in headers if name != "date"]


def body_of(request: HttpRequest) -> bytes | Iterator[bytes] | None:
    return iter(request.body) if isinstance(request.body, list) else request.body


def async_body_of(request: HttpRequest) -> bytes | AsyncIterator[bytes] | None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in request.body:
            yield piece

    return pieces() if isinstance(request.body, list) else request.body


def send_with_urllib3(request: HttpRequest) -> HttpResponse:
    with urllib3.PoolManager() as pools:
        response = pools.request(
            request.method, request.url, headers=request.headers, body=body_of(request),
            timeout=request.timeout, retries=False, redirect=False,
        )  # fmt: skip
        return HttpResponse(response.status, response.reason, comparable(response.headers), response.data)


def send_with_requests(request: HttpRequest) -> HttpResponse:
    response = requests.request(
        request.method,
        request.url,
        headers=request.headers,
        data=body_of(request),
        timeout=request.timeout,
    )
    return HttpResponse(
        response.status_code, response.reason, comparable(response.raw.headers), response.content
    )


def send_with_httpx(request: HttpRequest) -> HttpResponse:
    response = httpx.request(
        request.method,
        request.url,
        headers=request.headers,
        content=body_of(request),
        timeout=request.timeout,
    )
    return HttpResponse(
        response.status_code, response.reason_phrase, comparable_httpx(response), response.content
    )


def send_with_async_httpx(request: HttpRequest) -> HttpResponse:
    async def send() -> HttpResponse:
        async with httpx.AsyncClient(timeout=request.timeout) as client:
            response = await client.request(
                request.method, request.url, headers=request.headers, content=async_body_of(request)
            )
            headers = comparable_httpx(response)
            return HttpResponse(response.status_code, response.reason_phrase, headers, response.content)

    return asyncio.run(send())


def send_with_aiohttp(request: HttpRequest) -> HttpResponse:
    async def send() -> HttpResponse:
        timeout = aiohttp.ClientTimeout(total=request.timeout)
        url = URL(request.url, encoded=True)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.request(
                request.method, url, headers=request.headers, data=async_body_of(request)
            ) as response,
        ):
            headers = comparable(response.headers)
            return HttpResponse(response.status, response.reason, headers, await response.read())

    return asyncio.run(send())


LIBRARIES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "urllib3": send_with_urllib3,
    "requests": send_with_requests,
    "httpx": send_with_httpx,
    "httpx async": send_with_async_httpx,
    "aiohttp": send_with_aiohttp,
}
