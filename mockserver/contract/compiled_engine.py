"""The interface of engines, and the default engine, `compiled`.

An engine checks a call against the spec and runs its handler. The compiled engine checks security,
parameters and body, in this order, with the compiled spec. The other engine is in `connexion_engine`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from mockserver.contract.exchange import MAX_QUICK_BYTES, Exchange

MAX_THREADS = 10
Step = Callable[[], Awaitable[None]]


class Engine(Protocol):
    """Checks a call against the spec and runs its handler. `name` is `compiled` or `connexion`."""

    name: str

    def answer(self, exchange: Exchange) -> Step | None:
        """Answer an exchange now and return None, or return an async function that answers it.

        Raise Problem if the call is refused, ContractBroken if the spec does not declare the answer.
        """

    def close(self) -> None:
        """Stop the engine's threads; the next call starts new ones. No call may be in progress."""


class CompiledEngine:
    """The compiled engine. Quick calls run on the event loop; long bodies and slow handlers, in a thread."""

    name = "compiled"

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def answer(self, exchange: Exchange) -> Step | None:
        contract = exchange.contract
        if contract.base_records and not exchange.sandbox.catalog.ready:
            # The catalog has to import Faker first. That takes a tenth of a second, so do it in a thread.
            return partial(self._in_thread, partial(_check_and_handle, exchange))
        if len(exchange.call.request.body) > MAX_QUICK_BYTES:
            return partial(self._in_thread, partial(_check_and_handle, exchange))
        check(exchange)
        operation, slow = exchange.operation, contract.vendor.slow
        if slow and operation and operation.id in slow and slow[operation.id](exchange.call):
            return partial(self._in_thread, exchange.handle)
        exchange.handle()
        return None

    async def _in_thread(self, function: Callable[[], None]) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MAX_THREADS, "mockserver handler")
        await asyncio.get_running_loop().run_in_executor(self._threads, function)

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None


def check(exchange: Exchange) -> None:
    """Check a call's security, parameters and body, and store their values in the call.

    Raise Problem if a check fails.
    """
    call, operation, contract = exchange.call, exchange.operation, exchange.contract
    assert operation is not None
    exchange.engine = CompiledEngine.name
    if operation.secured:
        contract.vendor.authenticate(call)
    values = operation.read(call.request, exchange.path_values)
    call.path, call.query, call.headers = values["path"], values["query"], values["header"]
    if operation.body:
        call.body = operation.read_body(call.request)


def _check_and_handle(exchange: Exchange) -> None:
    check(exchange)
    exchange.handle()
