"""Control of rate limits: whether a sandbox keeps the vendors', with which values, and what is left."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.document import load_limits
from mockserver.control.lookup import sandbox_of
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.rate_limits import Limit


class LimitControl:
    """Operations on the rate limits of one server's sandboxes."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def get_limits(self, call: Call) -> Any:
        return self._shown(sandbox_of(self._sandboxes, call))

    def change_limits(self, call: Call) -> Any:
        """Settings are replaced as a whole, and counting begins anew."""
        sandbox = sandbox_of(self._sandboxes, call)
        sandbox.set_limits(load_limits(call.body, self._contracts))
        return self._shown(sandbox)

    def _shown(self, sandbox: Sandbox) -> dict[str, Any]:
        return {
            "enabled": sandbox.limits.enabled,
            "overrides": sandbox.limits.overrides,
            "vendors": {
                name: {limit.name: _shown(sandbox, name, limit) for limit in contract.vendor.limits}
                for name, contract in self._contracts.items()
            },
        }


def _shown(sandbox: Sandbox, vendor: str, limit: Limit) -> dict[str, Any]:
    """A limit with its own fields, the number in force, and the least that any client has left."""
    limits = sandbox.limits
    return {
        **{name: value for name, value in asdict(limit).items() if name not in ("name", "per")},
        "most": limits.most(vendor, limit),
        "remaining": limits.remaining(vendor, limit, sandbox.clock.now()),
        "per": list(limit.per),
    }
