"""Rehearsals: how a vendor would answer a request now, without a trace of it."""

from mockserver.contract.compiled_engine import check
from mockserver.contract.exchange import Exchange
from mockserver.data.store.state import Draft
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.access.sandbox_choice import SandboxChoice
from mockserver.server.router import Route
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest


class WithoutMaking:
    """The sandboxes of a registry. One that does not exist is made for the caller alone."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes
        self.policy, self.secrets, self.find = sandboxes.policy, sandboxes.secrets, sandboxes.find
        self.ended, self.issued_for = sandboxes.ended, sandboxes.issued_for

    def get_or_create(self, name: str) -> Sandbox:
        sandboxes = self._sandboxes
        return self.find(name) or sandboxes.prepare(name, sandboxes.seed, sandboxes.products)


class Rehearsals:
    """Rehearsals with the sandboxes of one server."""

    def __init__(self, sandboxes: Sandboxes, access: AccessPolicy) -> None:
        self._choice = SandboxChoice(WithoutMaking(sandboxes), access)

    def exchange(self, route: Route, raw: RawRequest) -> Exchange:
        """Return the exchange of a request with its problem, or else with its response.

        The call is not counted and not recorded, and its changes are discarded. It meets no fault and no rate
        limit. Raise MockError or SandboxRefused if it has no sandbox, and ContractBroken if the spec does not
        declare its answer.
        """
        request, vendor = route.request(raw), route.contract.vendor
        credential = route.contract.credential(request, route.operation)
        sandbox, credential = self._choice.for_call(raw.headers, credential, vendor.name)
        route = route.in_dialect(sandbox.dialects)
        contract = route.contract
        draft, base_records = Draft(sandbox.catalog, sandbox.state), contract.base_records
        now = sandbox.clock.now()
        call = Call(request, credential, _no_chance, draft, base_records, now=now)
        exchange = Exchange(
            raw, contract, sandbox, call, route.operation, route.path, route.values, now, 0.0
        )  # fmt: skip
        try:
            _answer(exchange)
        except Problem as problem:
            exchange.refuse(problem)
        return exchange


def _answer(exchange: Exchange) -> None:
    operation = exchange.operation
    if exchange.path is None:
        raise Problem("no_such_path")
    if operation is None:
        raise Problem("method_not_allowed")
    if operation.body and len(exchange.raw.body or b"") > operation.max_body:
        raise Problem("too_large")
    check(exchange)
    exchange.allow_tokens()
    exchange.call.parts = exchange.contract
    exchange.respond(exchange.contract.vendor.operations[operation.id](exchange.call))


def _no_chance(purpose: str) -> bytes:
    return bytes(32)
