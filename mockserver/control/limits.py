"""Rate limit operations of the control API: read and change the limits of a sandbox."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.lookup import sandbox_of
from mockserver.control.sandboxes.document import parse_limits
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.rate_limits import Limit


class LimitControl:
    """Handlers of the rate limit operations. Each method is named after its operationId."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def get_limits(self, call: Call) -> Any:
        return self._limits_json(sandbox_of(self._sandboxes, call))

    def change_limits(self, call: Call) -> Any:
        """Replace all settings, and reset every count to 0."""
        sandbox = sandbox_of(self._sandboxes, call)
        sandbox.set_limits(parse_limits(call.body, self._contracts))
        return self._limits_json(sandbox)

    def _limits_json(self, sandbox: Sandbox) -> dict[str, Any]:
        return {
            "enabled": sandbox.limits.enabled,
            "overrides": sandbox.limits.overrides,
            "vendors": {
                name: {limit.name: _limit_json(sandbox, name, limit) for limit in contract.vendor.limits}
                for name, contract in self._contracts.items()
            },
        }


def _limit_json(sandbox: Sandbox, vendor: str, limit: Limit) -> dict[str, Any]:
    """Return a limit as JSON.

    Each client has its own count. `remaining` is for the client with the fewest calls left.
    """
    limits = sandbox.limits
    return {
        **{name: value for name, value in asdict(limit).items() if name not in ("name", "per")},
        "most": limits.most(vendor, limit),
        "remaining": limits.remaining(vendor, limit, sandbox.clock.now()),
        "per": list(limit.per),
    }
