"""A vendor under its spec: calls in, checked answers out, by one of two lanes.

Plainly valid calls are answered by the express lane. Everything else is decided by Connexion,
which is imported and built when the first such call comes, or by `connexion`.
"""

import asyncio
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mockserver.contract.exchange import Exchange
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.spec import Spec
from mockserver.contract.page_template import page_template_of
from mockserver.contract.response import ContractBroken, RawAnswer, Response, encode
from mockserver.contract.validation import answered
from mockserver.resources import InvalidFile
from mockserver.sandbox.journal.entry import Change
from mockserver.store.base_records import BaseRecords
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.vendor import Vendor

if TYPE_CHECKING:
    from mockserver.contract.connexion_app import ConnexionApp


class Contract:
    """One vendor, ready to answer. Without `express` Connexion decides about every call."""

    def __init__(
        self, vendor: Vendor, spec: Spec, base_records: Mapping[str, BaseRecords], express: bool = True
    ) -> None:
        self.vendor, self.spec, self.base_records = vendor, spec, base_records
        self.aliases: frozenset[str] = frozenset()
        if missing := spec.operations.keys() ^ vendor.operations.keys():
            raise InvalidFile(f"{spec.file}: operations and handlers differ in {', '.join(sorted(missing))}")
        self._express = express
        self._usual = (("Content-Type", vendor.content_type),)
        presses = {
            name: page_template_of(operation.responses.get(200))
            for name, operation in spec.operations.items()
        }
        self._presses = {name: press for name, press in presses.items() if press}
        self._connexion: ConnexionApp | None = None
        self._building = Lock()

    def host(self, name: str) -> dict[str, str] | None:
        """The server variables of a host name, the spec's or an alias; None if it is not the vendor's."""
        return self.spec.default_host if name in self.aliases else self.spec.host(name)

    async def answer(self, exchange: Exchange) -> Response:
        """The vendor's answer to a call of an operation."""
        if not self.takes(exchange):
            exchange.lane = "connexion"
            built = self._connexion
            connexion = await asyncio.to_thread(self.connexion) if built is None else built
            await connexion.take(exchange)
        if exchange.later is not None:
            later = await _unless_gone(exchange)
            exchange.response = later if isinstance(later, Response) else self._handled(later, exchange)
        if exchange.response is None:
            raise exchange.failure or ContractBroken(f"{exchange.operation.id} gave no answer")
        return exchange.response

    def takes(self, exchange: Exchange) -> bool:
        """Whether the express lane has answered the visit; if not, it is as it came."""
        quick = self._express and (not self.base_records or exchange.sandbox.catalog.ready)
        if quick and answered(exchange, self.vendor, self._handle, self._refuse):
            exchange.lane = "express"
            return True
        return False

    def connexion(self) -> "ConnexionApp":
        """Connexion's application, built once. FileBroken: it cannot serve the spec."""
        with self._building:
            if self._connexion is None:
                from mockserver.contract.connexion_app import (
                    ConnexionApp,  # late: it takes longer than all else
                )

                self._connexion = ConnexionApp(self.spec, self._check, self._handle, self._refuse)
            return self._connexion

    def refuse(self, problem: Problem, call: Call, allow: list[str] | None = None) -> Response:
        """The vendor's answer to what never reached an operation."""
        answer = self.vendor.render(problem, call)
        if allow:
            answer = replace(answer, headers=(*answer.headers, ("Allow", ", ".join(allow))))
        return self.response(answer, call, None)

    def response(self, answer: Answer, call: Call, operation: Operation | None) -> Response:
        """An answer as bytes. ContractBroken: the spec does not foresee it."""
        status, body, common_headers = answer.status, answer.body, self.vendor.common_headers(call)
        headers = self._usual if status != 204 else ()
        if answer.headers or common_headers:
            headers = (*headers, *answer.headers, *common_headers.items())
        reply = self.spec.reply(operation, status)
        if reply is None:
            raise ContractBroken(f"{self.vendor.name} {status}: it is not documented")
        press = self._presses.get(operation.id) if operation and status == 200 else None
        if press and (page := press.page(body)) is not None:
            text = press.written(body, page)
            if text is not None and not reply.lacks(headers):
                return Response(status, headers, text)
            body = {**body, press.name: list(page)}
        if wrong := reply.difference(headers, body):
            raise ContractBroken(f"{self.vendor.name} {status}: {wrong}")
        return Response(status, headers, b"" if status == 204 else encode(body))

    def stop_threads(self) -> None:
        """End the threads that handlers run in; the next call gets new ones. None may be under way."""
        if self._connexion is not None:
            self._connexion.stop_threads()

    def _check(self, call: Call) -> None:
        self.vendor.authenticate(call)

    def _refuse(self, problem: Problem, exchange: Exchange) -> None:
        exchange.problem = problem
        exchange.response = self.response(
            self.vendor.render(problem, exchange.call), exchange.call, exchange.operation
        )

    def _handle(self, exchange: Exchange) -> None:
        """Run the handler of a call that has passed every check; its changes count if all goes well."""
        handle = self.vendor.operations[exchange.operation.id]
        if exchange.operation.body is None or not self.base_records:
            answer = handle(exchange.call)  # nothing of a vendor's to change
            if callable(answer):
                exchange.later = answer
            else:
                exchange.response = self._handled(answer, exchange)
            return
        with exchange.sandbox.transaction(exchange.call.draft, exchange.stale) as draft:
            exchange.response = self._handled(handle(exchange.call), exchange)
        exchange.changes = tuple([Change(*slot, *change) for slot, change in draft.changed.items()])

    def _handled(self, answer: Any, exchange: Exchange) -> Response:
        """What a handler gave, as a response: a body alone is a 200."""
        if isinstance(answer, RawAnswer):
            headers = (("Content-Type", answer.content_type), ("Cache-Control", "no-store"))
            return Response(200, headers, answer.body, answer.pieces)
        whole = answer if isinstance(answer, Answer) else Answer(200, answer)
        return self.response(whole, exchange.call, exchange.operation)


async def _unless_gone(exchange: Exchange) -> Any:
    """What comes later, unless the client goes first and nobody is left to wait for it."""
    assert exchange.later is not None
    coming = asyncio.ensure_future(exchange.later())
    going = asyncio.ensure_future(exchange.gone()) if exchange.gone else None
    await asyncio.wait({coming, going} if going else {coming}, return_when=asyncio.FIRST_COMPLETED)
    if going:
        going.cancel()
    if coming.done():
        return coming.result()
    coming.cancel()
    return Response(204, (), b"")
