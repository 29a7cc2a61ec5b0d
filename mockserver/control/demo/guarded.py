"""The quotas of what a visitor of the public demo changes by the control API. The operator has none."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from mockserver.control.lookup import Operations, only_sandbox
from mockserver.control.rules import rules_json
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.problem import Problem

Check = Callable[[Sandbox, Call], None]


def guarded(operations: Operations, guard: DemoGuard | None, sandboxes: Sandboxes) -> Operations:
    """Return the operations, so that each keeps a visitor within the quotas. They raise QuotaExceeded."""
    if guard is None:
        return operations
    checks = Checks(guard).by_operation
    return {
        name: _guarded(handler, checks.get(name), guard, sandboxes) for name, handler in operations.items()
    }


def _guarded(
    handler: Callable[[Call], Any], check: Check | None, guard: DemoGuard, sandboxes: Sandboxes
) -> Callable[[Call], Any]:
    def handle(call: Call) -> Any:
        sandbox = sandboxes.find(only_sandbox(call) or "")
        if sandbox is None:
            return handler(call)
        if check:
            check(sandbox, call)
        try:
            answer = handler(call)
        except Problem as problem:
            if problem.kind == "overflow":
                raise guard.refusal_of_changes(problem.__context__) from None
            raise
        if call.request.method != "GET" and "sandbox" in call.path:
            sandbox.mark_used()
        return answer

    return handle


class Checks:
    """The checks before an operation."""

    def __init__(self, guard: DemoGuard) -> None:
        self._guard, self._quotas = guard, guard.quotas
        self.by_operation: Mapping[str, Check] = {
            "take-snapshot": self._check_snapshot,
            "add-fault": self._check_added_rule,
            "replace-faults": self._check_rules,
            "import-sandbox": self._check_import,
            "export-sandbox": self._count_export,
            "export-har": self._count_export,
            "stream-events": self._shorten_stream,
        }

    def _check_snapshot(self, sandbox: Sandbox, call: Call) -> None:
        snapshots = {**sandbox.snapshots, call.path["snapshot"]: sandbox.world}
        if len(snapshots) > self._quotas.snapshots:
            raise self._guard.refuse_more("snapshots")
        states = {id(world.state): world.state for world in (*snapshots.values(), sandbox.initial)}
        if sum(state.size for state in states.values()) > self._quotas.change_bytes:
            raise self._guard.refuse_more("change_bytes")

    def _check_added_rule(self, sandbox: Sandbox, call: Call) -> None:
        self._check([*rules_json(sandbox.faults), call.body])

    def _check_rules(self, sandbox: Sandbox, call: Call) -> None:
        self._check(call.body)

    def _check(self, rules: list[Any]) -> None:
        if len(rules) > self._quotas.fault_rules:
            raise self._guard.refuse_more("fault_rules")
        if len(encode(rules)) > self._quotas.body_bytes:
            raise self._guard.refuse_more("body_bytes")

    def _check_import(self, sandbox: Sandbox, call: Call) -> None:
        if call.body["products"] > self._quotas.products:
            raise self._guard.refuse_more("products")
        self._check(call.body.get("faults", []))

    def _count_export(self, sandbox: Sandbox, call: Call) -> None:
        self._guard.count_export(sandbox.name)

    def _shorten_stream(self, sandbox: Sandbox, call: Call) -> None:
        most = self._quotas.stream_time / timedelta(seconds=1)
        call.query = {**call.query, "seconds": min(float(call.query["seconds"]), most)}
