"""Fault operations of the control API: list, replace, add and clear the rules of a sandbox."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.lookup import sandbox_of
from mockserver.control.rules import parse_rules, rules_json
from mockserver.sandbox.faults.rules import MAX_RULES, CountedRule, Faults
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem


class FaultControl:
    """Handlers of the fault operations. Each method is named after its operationId."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def list_faults(self, call: Call) -> Any:
        return _faults_json(sandbox_of(self._sandboxes, call))

    def replace_faults(self, call: Call) -> Any:
        sandbox, rules = sandbox_of(self._sandboxes, call), parse_rules(call.body, self._contracts)
        keep = call.query["keep_counts"]
        sandbox.set_faults(lambda faults: faults.replaced(rules) if keep else Faults.of(rules))
        return _faults_json(sandbox)

    def add_fault(self, call: Call) -> Answer:
        sandbox, rules = sandbox_of(self._sandboxes, call), parse_rules([call.body], self._contracts)

        def append(faults: Faults) -> Faults:
            if len(faults.rules) >= MAX_RULES:
                raise Problem(
                    "full",
                    f"the sandbox already has {MAX_RULES} fault rules, the maximum; remove some first",
                )
            return replace(faults, rules=(*faults.rules, *map(CountedRule, rules)))

        sandbox.set_faults(append)
        return Answer(201, _faults_json(sandbox))

    def clear_faults(self, call: Call) -> Answer:
        sandbox_of(self._sandboxes, call).set_faults(lambda faults: Faults())
        return Answer(204, None)


def _faults_json(sandbox: Sandbox) -> dict[str, Any]:
    faults = sandbox.faults
    counts = (counted.fired for counted in faults.rules)
    pairs = zip(rules_json(faults), counts, strict=True)
    return {"faults": [{**rule, "fired": fired} for rule, fired in pairs]}
