"""Notices to listeners of the event stream about changes that the control API makes to a sandbox."""

from collections.abc import Callable
from typing import Any

from mockserver.contract.openapi.spec import Spec
from mockserver.control.lookup import Operations
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.call import Call

# What the notice says, by operationId. The registry announces what is created and deleted.
WHAT = {"reset-sandbox": "reset", "restore-snapshot": "restored", "import-sandbox": "imported"}
SILENT = ("delete-sandbox", "fork-sandbox")


def announcing(operations: Operations, spec: Spec, sandboxes: Sandboxes) -> Operations:
    """Return the operations, so that each one that changes a sandbox also announces it."""
    changing = {
        operation.id
        for operation in spec.operations.values()
        if operation.method != "GET" and "{sandbox}" in operation.template and operation.id not in SILENT
    }
    return {
        name: _announcing(handler, WHAT.get(name, "changed"), sandboxes) if name in changing else handler
        for name, handler in operations.items()
    }


def _announcing(handler: Callable[[Call], Any], what: str, sandboxes: Sandboxes) -> Callable[[Call], Any]:
    def handle(call: Call) -> Any:
        answer = handler(call)
        sandboxes.feed.announce(what, call.path["sandbox"])
        return answer

    return handle
