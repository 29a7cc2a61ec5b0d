"""The deliverer of a server, made when the first webhook is registered: most servers never need one."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from mockserver.contract.contract import Contract
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.webhooks.webhook import Changes, Delivery

if TYPE_CHECKING:
    from mockserver.control.webhooks.deliverer import Deliverer, Keeper


class DelivererOnDemand:
    """Makes the deliverer on demand. `hosts` are those that webhooks may call besides this machine.

    `keeper` is that of the deliverer.
    """

    def __init__(
        self, contracts: Mapping[str, Contract], sandboxes: Sandboxes, hosts: Collection[str]
    ) -> None:
        self._contracts, self._sandboxes, self._hosts = contracts, sandboxes, hosts
        self.made: Deliverer | None = None
        self.keeper: Keeper | None = None

    def get(self) -> "Deliverer":
        """Return the deliverer."""
        if self.made is None:
            from mockserver.control.webhooks.addresses import AllowedHosts
            from mockserver.control.webhooks.deliverer import (
                Deliverer,  # takes 8 ms to import, with the above
            )

            self.made = Deliverer(self._contracts, self._sandboxes, AllowedHosts(self._hosts), self.keeper)
        return self.made

    def wake(self, outbox: Outbox) -> None:
        """Deliver what is due, in the background. Call this from any thread."""
        self.get().wake(outbox)

    def make(self, outbox: Outbox, changes: Changes) -> list[Delivery]:
        """Return the deliveries of changes."""
        return self.get().make(outbox, changes)

    def close(self) -> None:
        """End the thread of the deliverer, if there is one. The next delivery starts another."""
        if self.made is not None:
            self.made.close()
