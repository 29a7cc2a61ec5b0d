"""Control of faults: the rules of a sandbox, and how often each has fired."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.lookup import sandbox_of
from mockserver.control.rules import read_rules, written_rules
from mockserver.sandbox.faults.rules import MAX_RULES, CountedRule, Faults
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.problem import Problem


class FaultControl:
    """Operations on the faults of one server's sandboxes."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def list_faults(self, call: Call) -> Any:
        return _shown(sandbox_of(self._sandboxes, call))

    def replace_faults(self, call: Call) -> Any:
        sandbox, rules = sandbox_of(self._sandboxes, call), read_rules(call.body, self._contracts)
        sandbox.set_faults(lambda faults: Faults.of(rules))
        return _shown(sandbox)

    def add_fault(self, call: Call) -> Answer:
        sandbox, rules = sandbox_of(self._sandboxes, call), read_rules([call.body], self._contracts)

        def more(faults: Faults) -> Faults:
            if len(faults.rules) >= MAX_RULES:
                raise Problem("full", f"a sandbox has at most {MAX_RULES} faults")
            return replace(faults, rules=(*faults.rules, *map(CountedRule, rules)))

        sandbox.set_faults(more)
        return Answer(201, _shown(sandbox))

    def clear_faults(self, call: Call) -> Answer:
        sandbox_of(self._sandboxes, call).set_faults(lambda faults: Faults())
        return Answer(204, None)


def _shown(sandbox: Sandbox) -> dict[str, Any]:
    faults = sandbox.faults
    counts = (counted.fired for counted in faults.rules)
    pairs = zip(written_rules(faults), counts, strict=True)
    return {"faults": [{**rule, "fired": fired} for rule, fired in pairs]}
