"""A sandbox as the JSON of the control API."""

from collections.abc import Mapping
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.lookup import base_url
from mockserver.data.catalog.products import iso_timestamp
from mockserver.sandbox.clock import LAST_MOMENT, Clock
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Call


class SandboxJson:
    """Describes the sandboxes of a server, with what a client needs to call each vendor."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def with_new_token(self, sandbox: Sandbox, call: Call) -> dict[str, Any]:
        """Return a sandbox with a new token for its control, which is told only here."""
        token = self._sandboxes.secrets.new_control_token(sandbox)
        return self.of(sandbox, call, control_token=token)

    def of(self, sandbox: Sandbox, call: Call, **secrets: str) -> dict[str, Any]:
        world = sandbox.world
        base = base_url(call)
        ends = {} if sandbox.ends is LAST_MOMENT else {"ends": iso_timestamp(sandbox.ends)}
        return {
            "name": sandbox.name,
            "seed": sandbox.catalog.seed,
            "products": sandbox.products,
            "created": iso_timestamp(sandbox.created),
            "used": iso_timestamp(sandbox.used),
            "expires": iso_timestamp(sandbox.expires) if sandbox.expires else None,
            **ends,
            "dialect": str(world.dialects),
            "clock": clock_json(world.clock),
            "calls": world.calls,
            "changes": world.state.changes,
            "snapshots": sorted(sandbox.snapshots),
            "credential": sandbox.credential,
            **secrets,
            "credentials": {
                name: {
                    "base_url": f"{base}/{name}",
                    "headers": contract.vendor.auth_headers(sandbox.credential),
                }
                for name, contract in self._contracts.items()
            },
        }


def clock_json(clock: Clock) -> dict[str, Any]:
    return {"now": iso_timestamp(clock.now()), "frozen": clock.frozen is not None}
