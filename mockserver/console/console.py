"""The console as a part of the server: which requests are its own, and how a page is made in a thread."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

from mockserver.console.backend import ROOT, Backend
from mockserver.contract.response import Response
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest

if TYPE_CHECKING:
    from flask import Flask

STATIC, LOGIN = ROOT + "/static/", ROOT + "/login"
MAX_THREADS = 4
FORM_FACTOR = 2  # by which a form in a public demo may be larger than the data that it may carry
MAX_FORM_BYTES = 1024 * 1024
MAX_IMPORT_BYTES = 33 * 1024 * 1024  # the control API's limit, and what a form adds to it


class Console:
    """The pages of one server.

    The Flask application is made with the first page, because Flask is slow to import, and most servers
    never show one.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._made: Flask | None = None
        self._threads: ThreadPoolExecutor | None = None

    def has(self, raw: RawRequest) -> bool:
        if raw.path == "/":
            return raw.method in ("GET", "HEAD") and _is_navigation(raw)
        return raw.path == ROOT or raw.path.startswith(ROOT + "/")

    async def prepare(self, raw: RawRequest) -> None:
        turns = self._backend.pipeline.turns
        if turns is not None and not raw.path.startswith(STATIC):
            await turns.know(raw)

    def max_body(self, raw: RawRequest) -> int:
        visitor, guard = self._visitor_of(raw), self._backend.guard
        if guard and (visitor is None or visitor.sandbox):  # the page refuses what is a little too large
            quotas = guard.quotas
            most = quotas.import_bytes if raw.path.endswith(("/import", "/try")) else quotas.body_bytes
            return most * FORM_FACTOR
        return MAX_IMPORT_BYTES if raw.path.endswith("/import") and visitor else MAX_FORM_BYTES

    def _visitor_of(self, raw: RawRequest) -> Credential | None:
        try:
            return self._backend.pipeline.control_access.visitor_of(raw)
        except Problem:
            return None

    async def respond(self, raw: RawRequest) -> Response:
        if raw.path == LOGIN and raw.body:
            await self.prepare(raw)  # now that the token is here
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MAX_THREADS, "mockserver page")
        loop, guard = asyncio.get_running_loop(), self._backend.guard
        async with guard.turn(raw.peer) if guard else nullcontext():
            return await loop.run_in_executor(self._threads, self._page, raw, loop)

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    def _page(self, raw: RawRequest, loop: asyncio.AbstractEventLoop) -> Response:
        from mockserver.console.application import page

        return page(self._application(), raw, loop)

    def _application(self) -> "Flask":
        with self._lock:
            if self._made is None:
                from mockserver.console.application import application  # imports Flask

                self._made = application(self._backend)
            return self._made


def _is_navigation(raw: RawRequest) -> bool:
    """Return True if a browser opens the address as a page: it says so, or at least that it wants HTML."""
    destination = raw.headers.get("sec-fetch-dest")
    return "text/html" in raw.headers.get("accept", "") if destination is None else destination == "document"
