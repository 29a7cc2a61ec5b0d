"""Dialect operations of the control API: read and choose the dialects of a sandbox."""

from collections.abc import Mapping
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.lookup import sandbox_of
from mockserver.data.resources import InvalidFile
from mockserver.sandbox.dialects import Dialects, InvalidDialects, parse_dialects
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem


class DialectControl:
    """Handlers of the dialect operations. Each method is named after its operationId."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def get_dialect(self, call: Call) -> Any:
        return self._dialect_json(sandbox_of(self._sandboxes, call))

    def change_dialect(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        sandbox.set_dialects(chosen_dialects(call.body["dialect"], self._contracts))
        return self._dialect_json(sandbox)

    def _dialect_json(self, sandbox: Sandbox) -> dict[str, Any]:
        return {
            "dialect": str(sandbox.dialects),
            "vendors": {
                name: {"dialect": sandbox.dialects.of(name), "differences": differences_json(contract)}
                for name, contract in self._contracts.items()
            },
        }


def differences_json(contract: Contract) -> list[dict[str, Any]]:
    """Return what a vendor does otherwise in the dialect `observed`, each with what it rests on."""
    return [
        {"summary": one.summary, "evidence": one.evidence, "source": one.source}
        for one in contract.spec.differences
    ]


def chosen_dialects(text: Any, contracts: Mapping[str, Contract]) -> Dialects:
    """Do the same as `prepared_dialects`, but raise a Problem for anything wrong."""
    try:
        return prepared_dialects(text, contracts)
    except (InvalidDialects, InvalidFile) as error:
        raise Problem("invalid", str(error)) from None


def prepared_dialects(text: Any, contracts: Mapping[str, Contract]) -> Dialects:
    """Return the dialects in a text, such as `observed`, after making the contracts that they need.

    So a wrong file is told where the dialect is chosen, and no call waits for a contract. Raise
    InvalidDialects if the text names an unknown dialect or vendor, and InvalidFile if a vendor's file is
    wrong.
    """
    dialects = parse_dialects(text, contracts)
    for name, contract in contracts.items():
        contract.in_dialect(dialects.of(name))
    return dialects
