"""The steps of one run of a turn: those of the pipeline, for a call that can be run again."""

import time

from msgspec.structs import replace

from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response
from mockserver.sandbox.log.log import StoreLost
from mockserver.sandbox.log.values import NotKept
from mockserver.server.access.quotas.refusal import QuotaExceeded
from mockserver.server.http.asgi import Connection
from mockserver.server.http.body import ClientGone, read_body
from mockserver.server.pipeline.pending import PendingTurn, take_place
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.server.turns.store_errors import as_mock_error
from mockserver.vendor_api.failure import UNEXPECTED
from mockserver.vendor_api.problem import Problem

Late = Problem | QuotaExceeded | NotKept  # why a body, or what a call would change, is refused


class TurnSteps:
    """Runs the steps of the turns of one server."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def open(self, turn: PendingTurn) -> Exchange:
        """Return the exchange of a turn. Raise Problem, MockError and QuotaExceeded."""
        exchange = self._pipeline.open(turn.route, turn.raw, turn.started, again=turn.opened)
        turn.opened = True
        return exchange

    async def receive_body(self, turn: PendingTurn, connection: Connection) -> Late | None:
        """Read the body of a request. Return why it is refused, if it is. Raise ClientGone."""
        operation, guard = turn.route.operation, self._pipeline.guard
        if operation is None or not operation.body or turn.raw.body is not None:
            return None
        try:
            if guard is not None and turn.place is not None:
                turn.place.enter_context(guard.waiting(turn.raw.peer))
                turn.place = None
            body = await read_body(connection.receive, self._pipeline.body_timeout, operation.max_body)
        except (Problem, QuotaExceeded) as error:
            return error
        turn.raw = replace(turn.raw, body=body)
        return None

    async def decide(
        self, exchange: Exchange, late: Late | None, connection: Connection, turn: PendingTurn
    ) -> None:
        """Give an exchange its response. `late` is why its body is refused. Raise ClientGone, StoreLost."""
        pipeline = self._pipeline
        try:
            if late is None:
                if step := pipeline.check_request(exchange):
                    if turn.place is not None:  # else it is a call of this process
                        step, turn.place = take_place(pipeline.guard, exchange, step, turn.place), None
                    await pipeline.go_on(exchange, step, connection)
            elif isinstance(late, NotKept):
                pipeline.fail(exchange, late)
            elif pipeline.check_target(exchange) is not None:
                too_large = isinstance(late, Problem) and late.kind == "too_large"
                pipeline.fail(exchange, pipeline.too_large(exchange) if too_large else late)
                assert exchange.response is not None
                exchange.response = replace(exchange.response, close=True)  # part of the body is still unread
        except (ClientGone, StoreLost):
            raise
        except UNEXPECTED as error:
            pipeline.fail(exchange, as_mock_error(error))

    def finish(self, exchange: Exchange) -> Response:
        """Return the response of an exchange, whose entry for the journal is ready now."""
        seconds = time.perf_counter() - exchange.started
        return self._pipeline.finish(exchange, exchange.sandbox.clock.now(), seconds)
