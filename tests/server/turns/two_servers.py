"""Two servers over one log, without sockets."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mockserver import app
from mockserver.sandbox.log.log import Log
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.server.pipeline.pipeline import Pipeline
from tests.sandbox.log.conftest import Store
from tests.server.turns.witness import Answer, answer_of, request

VENDORS = "merchantpro", "highlevel"
STOCK = "/merchantpro/api/v2/inventory/id/10001"
Check = Callable[["Server", "Server"], Awaitable[None]]


class Server:
    """A server over a log, without sockets."""

    def __init__(self, log: Log | None, **options: Any) -> None:
        self.log, self.mock = log, app.build(names=VENDORS, products=20, log=log, **options)
        self._application: Pipeline = self.mock.application

    async def join(self) -> None:
        assert self.mock.copies
        await self.mock.copies.join()

    async def close(self) -> None:
        self.mock.stop_threads()
        await self.log.close()

    async def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        text = b"" if body is None else json.dumps(body).encode()
        return await answer_of(self._application, request(method, path, headers or {}, text))

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.send(method, f"/_mock{path}", body)
        assert answer.status < 300, answer
        return json.loads(answer.body) if answer.body else None

    async def read(self, sandbox: str = "shared") -> None:
        """Read a product by a call to a sandbox."""
        credential = b64encode(f"sbx_{sandbox}:x".encode()).decode()
        answer = await self.send("GET", STOCK, headers={"authorization": f"Basic {credential}"})
        assert answer.status == 200, answer

    async def ids(self, query: str = "?sandbox=shared") -> list[str]:
        found = await self.control("GET", f"/requests{query or '?'}&order=oldest")
        return [call["id"] for call in found["requests"]]


def two_servers(check: Check, store: Store | MemoryLog, **options: Any) -> None:
    """Run a check with two servers that share a store, or a log in memory."""

    def opened() -> Log:
        return store if isinstance(store, MemoryLog) else store()

    async def run() -> None:
        servers = Server(opened(), **options), Server(opened(), **options)
        for server in servers:
            await server.join()
        await check(*servers)
        for server in servers:
            await server.close()

    asyncio.run(run())
