"""An httpx transport that sends requests by another HTTP library to the vendors' real hosts, in `intercept`.

So a vendor's tests, which call a server by an `httpx.Client`, run through each library that is intercepted.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3
from yarl import URL

from mockserver import app
from mockserver.embedding.interception import Interception
from mockserver.server.http.errors import MockError
from mockserver.server.http.raw_request import host_name
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.http_libraries import Request, Response, httpx_headers, plain_headers

Send = Callable[[Request], Response]
# Each library writes its own.
OWN_HEADERS = {"host", "connection", "content-length", "transfer-encoding", "user-agent"}
_thread = threading.local()


def by_requests() -> Send:
    session = requests.Session()

    def send(request: Request) -> Response:
        done = session.request(
            request.method, request.url, headers=request.headers, data=request.body, allow_redirects=False
        )
        return Response(done.status_code, done.reason, plain_headers(done.raw.headers), done.content)

    return send


def by_urllib3() -> Send:
    pools = urllib3.PoolManager()

    def send(request: Request) -> Response:
        done = pools.request(
            request.method, request.url, headers=request.headers, body=request.body, retries=False
        )
        return Response(done.status, done.reason, plain_headers(done.headers), done.data)

    return send


def by_httpx(library: Any = httpx) -> Send:
    client = library.Client()

    def send(request: Request) -> Response:
        done = client.request(request.method, request.url, headers=request.headers, content=request.body)
        return Response(done.status_code, done.reason_phrase, httpx_headers(done), done.content)

    return send


def by_aiohttp() -> Send:
    runner = asyncio.Runner()

    async def open_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    session = runner.run(open_session())

    async def call(request: Request) -> Response:
        async with session.request(
            request.method, URL(request.url, encoded=True), headers=request.headers, data=request.body,
            allow_redirects=False, skip_auto_headers=["Content-Type"],
        ) as done:  # fmt: skip
            return Response(done.status, done.reason, plain_headers(done.headers), await done.read())

    return lambda request: runner.run(call(request))


LIBRARIES: dict[str, Callable[[], Send]] = {
    "requests": by_requests,
    "httpx": by_httpx,
    "httpx2": lambda: by_httpx(httpx2),
    "urllib3": by_urllib3,
    "aiohttp": by_aiohttp,
}


def sender(library: str) -> Send:
    """Return this thread's client of a library. Its connections are made anew in each interception."""
    senders: dict[str, Send] = vars(_thread).setdefault("senders", {})
    if library not in senders:
        senders[library] = LIBRARIES[library]()
    return senders[library]


class InterceptedTransport(httpx.BaseTransport):
    """Sends requests to the vendors' real hosts by a library, and those to the control API by our client."""

    def __init__(self, library: str, interception: Interception, mock: app.Mock) -> None:
        self._library, self._control = library, interception.client._transport
        self._contracts = {contract.vendor.name: contract for contract in mock.contracts}
        self._router = mock.application.router

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        if target.startswith("/_mock/"):
            body = request.read()
            status, answer = self._control(request.method, target, json.loads(body) if body else None)
            return httpx.Response(status, json=answer)
        names = [name.lower() for name, _ in request.headers.raw]
        if len(names) != len(set(names)):
            pytest.skip("a library that takes headers as a dict cannot send one of them twice")
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers.raw
                   if name.lower().decode() not in OWN_HEADERS}  # fmt: skip
        url, host = self._url(request, target)
        sent = Request(request.method, url, headers | host, request.read() or None)
        response = sender(self._library)(sent)
        return httpx.Response(response.status, headers=response.headers, content=response.body)

    def _url(self, request: httpx.Request, target: str) -> tuple[str, dict[str, str]]:
        """Return the real URL of a request, and a Host header if it has another one than that of the URL."""
        host = request.headers["host"]
        path, _, query = target.partition("?")
        if host != request.url.netloc.decode():
            name = host_name(host)
            if any(contract.host(name) is not None for contract in self._contracts.values()):
                return f"https://{host}{target}", {}
        raw = RawRequest(request.method, path, query, Headers(request.headers.raw))
        try:
            route = self._router.route(raw)
        except MockError:
            pytest.skip("no vendor has this path, so no vendor's host is called")
        base = urlsplit(route.contract.spec.url)
        target = f"{route.target_path}?{query}" if "?" in target else route.target_path
        other = {} if host == request.url.netloc.decode() else {"Host": host}
        return f"{base.scheme}://{base.netloc}{target}", other
