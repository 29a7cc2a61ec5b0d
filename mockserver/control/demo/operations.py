"""Operations of the public demo: a visitor makes a sandbox; the operator sees, pauses and wipes them."""

from typing import Any

from mockserver.control.sandboxes.sandbox_json import SandboxJson
from mockserver.server.access.quotas.demo_quotas import about_quotas
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem


class DemoControl:
    """Handlers of the operations of the public demo. Each method is named after its operationId."""

    def __init__(self, guard: DemoGuard | None, sandbox_json: SandboxJson) -> None:
        self._guard, self._json = guard, sandbox_json

    def create_demo_sandbox(self, call: Call) -> Answer:
        sandbox = self._demo.create(call.request.peer, call.credential.sandbox or "")
        as_json = self._json.with_new_token if call.query["control_token"] else self._json.of
        return Answer(201, as_json(sandbox, call))

    def get_demo(self, call: Call) -> Any:
        guard = self._demo
        quotas = {
            name: {"value": guard.quotas.shown(name), "limits": about.what, "status": about.status}
            for name, about in about_quotas().items()
        }
        return {"paused": guard.paused, **guard.counts, "refused": dict(guard.refused), "quotas": quotas}

    def change_demo(self, call: Call) -> Any:
        self._demo.paused = call.body["paused"]
        return self.get_demo(call)

    def wipe_demo_sandboxes(self, call: Call) -> Any:
        return {"deleted": self._demo.wipe()}

    @property
    def _demo(self) -> DemoGuard:
        if self._guard is None:
            raise Problem("not_found", "this server runs no public demo: start it with --demo")
        return self._guard
