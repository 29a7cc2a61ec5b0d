"""Calls of this process to the mock: of the console, and of operations that send a call again."""

import time

from mockserver.contract.response import Response
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.server.http.errors import mock_error_of
from mockserver.server.pipeline.pages import LOCAL
from mockserver.server.pipeline.pending import PendingTurn
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.vendor_api.failure import UNEXPECTED
from mockserver.vendor_api.raw_request import RawRequest


async def respond(pipeline: Pipeline, raw: RawRequest) -> tuple[Response, KeptEntry | None]:
    """Answer a request of this process. Return its response, and its journal entry if it has one.

    Nothing is sent. So faults do not change how, and delays are not waited for.
    """
    started = time.perf_counter()
    try:
        route = pipeline.router.route(raw)
        if pipeline.turns is not None:
            return await pipeline.turns.respond(PendingTurn(raw, route, started))
        exchange = pipeline.open(route, raw, started)
    except UNEXPECTED as error:
        entry = pipeline.recorder.record_refusal(raw, error)
        if entry is not None and pipeline.turns is not None:
            await pipeline.turns.keep(entry).settled()
        return mock_error_of(error).response(), entry
    try:
        if step := pipeline.check_request(exchange):
            await pipeline.go_on(exchange, step, LOCAL)
    except UNEXPECTED as error:
        pipeline.fail(exchange, error)
    seconds = time.perf_counter() - started
    response = pipeline.finish(exchange, exchange.sandbox.clock.now(), seconds)
    if exchange.contract is not pipeline.router.control:
        pipeline.count(exchange, response, seconds)
    return response, exchange.entry
