"""A vendor under its spec: calls in, checked answers out, by one of two lanes.

Plainly valid calls are answered by the express lane. Everything else is decided by Connexion,
which is imported and built when the first such call comes, or by `connexion`.
"""

import asyncio
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mockserver.contract.exchange import Visit
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.spec import Spec
from mockserver.contract.page_template import press_of
from mockserver.contract.response import ContractBroken, Raw, Response, encode
from mockserver.contract.validation import answered
from mockserver.resources import FileBroken
from mockserver.sandbox.journal.entry import Change
from mockserver.store.base_records import Shelf
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.vendor import Vendor

if TYPE_CHECKING:
    from mockserver.contract.connexion_app import ConnexionApp


class Contract:
    """One vendor, ready to answer. Without `express` Connexion decides about every call."""

    def __init__(
        self, vendor: Vendor, spec: Spec, shelves: Mapping[str, Shelf], express: bool = True
    ) -> None:
        self.vendor, self.spec, self.shelves = vendor, spec, shelves
        self.aliases: frozenset[str] = frozenset()
        if missing := spec.operations.keys() ^ vendor.operations.keys():
            raise FileBroken(f"{spec.file}: operations and handlers differ in {', '.join(sorted(missing))}")
        self._express = express
        self._usual = (("Content-Type", vendor.content_type),)
        presses = {name: press_of(operation.replies.get(200)) for name, operation in spec.operations.items()}
        self._presses = {name: press for name, press in presses.items() if press}
        self._connexion: ConnexionApp | None = None
        self._building = Lock()

    def host(self, name: str) -> dict[str, str] | None:
        """The server variables of a host name, the spec's or an alias; None if it is not the vendor's."""
        return self.spec.default_host if name in self.aliases else self.spec.host(name)

    async def answer(self, visit: Visit) -> Response:
        """The vendor's answer to a call of an operation."""
        if not self.takes(visit):
            visit.lane = "connexion"
            built = self._connexion
            connexion = await asyncio.to_thread(self.connexion) if built is None else built
            await connexion.take(visit)
        if visit.later is not None:
            later = await _unless_gone(visit)
            visit.response = later if isinstance(later, Response) else self._handled(later, visit)
        if visit.response is None:
            raise visit.failure or ContractBroken(f"{visit.operation.id} gave no answer")
        return visit.response

    def takes(self, visit: Visit) -> bool:
        """Whether the express lane has answered the visit; if not, it is as it came."""
        quick = self._express and (not self.shelves or visit.sandbox.goods.ready)
        if quick and answered(visit, self.vendor, self._handle, self._refuse):
            visit.lane = "express"
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
        status, body, stamps = answer.status, answer.body, self.vendor.stamps(call)
        headers = self._usual if status != 204 else ()
        if answer.headers or stamps:
            headers = (*headers, *answer.headers, *stamps.items())
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

    def rest(self) -> None:
        """End the threads that handlers run in; the next call gets new ones. None may be under way."""
        if self._connexion is not None:
            self._connexion.rest()

    def _check(self, call: Call) -> None:
        self.vendor.authenticate(call)

    def _refuse(self, problem: Problem, visit: Visit) -> None:
        visit.problem = problem
        visit.response = self.response(self.vendor.render(problem, visit.call), visit.call, visit.operation)

    def _handle(self, visit: Visit) -> None:
        """Run the handler of a call that has passed every check; its changes count if all goes well."""
        handle = self.vendor.operations[visit.operation.id]
        if visit.operation.body is None or not self.shelves:
            answer = handle(visit.call)  # nothing of a vendor's to change
            if callable(answer):
                visit.later = answer
            else:
                visit.response = self._handled(answer, visit)
            return
        with visit.sandbox.transaction(visit.call.draft, visit.stale) as draft:
            visit.response = self._handled(handle(visit.call), visit)
        visit.changes = tuple([Change(*slot, *change) for slot, change in draft.changed.items()])

    def _handled(self, answer: Any, visit: Visit) -> Response:
        """What a handler gave, as a response: a body alone is a 200."""
        if isinstance(answer, Raw):
            headers = (("Content-Type", answer.content_type), ("Cache-Control", "no-store"))
            return Response(200, headers, answer.body, answer.pieces)
        whole = answer if isinstance(answer, Answer) else Answer(200, answer)
        return self.response(whole, visit.call, visit.operation)


async def _unless_gone(visit: Visit) -> Any:
    """What comes later, unless the client goes first and nobody is left to wait for it."""
    assert visit.later is not None
    coming = asyncio.ensure_future(visit.later())
    going = asyncio.ensure_future(visit.gone()) if visit.gone else None
    await asyncio.wait({coming, going} if going else {coming}, return_when=asyncio.FIRST_COMPLETED)
    if going:
        going.cancel()
    if coming.done():
        return coming.result()
    coming.cancel()
    return Response(204, (), b"")
