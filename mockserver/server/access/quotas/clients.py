"""The clients of the public demo, one for each address.

Addresses are not kept, only hashes of them with a key, and those for an hour after the last request.
"""

import asyncio
from collections import OrderedDict

from mockserver.server.access.quotas.counters import Bucket
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.access.shared import Shared

KEPT_SECONDS = 3600.0
MAX_CLIENTS = 20_000  # about 1 KB each; if there are more, the one that was seen longest ago is forgotten
# Of one client: less than a server makes, so that another client's page need not wait for all.
PAGES_AT_ONCE = 2


class Client:
    """The requests of one address to one server. It does not know its address."""

    __slots__ = ("calls", "concurrent", "control", "noted", "pages", "seen")

    def __init__(self, quotas: DemoQuotas) -> None:
        self.calls = Bucket(quotas.address_calls_per_second, quotas.address_burst)
        self.control = Bucket(quotas.control_calls_per_second, quotas.address_burst)
        self.concurrent = 0
        self.pages = asyncio.Semaphore(PAGES_AT_ONCE)
        self.seen = self.noted = float("-inf")


class Clients:
    """The clients that one server has seen in the last hour, by the hash of their address."""

    def __init__(self, quotas: DemoQuotas, shared: Shared) -> None:
        self._quotas, self._shared = quotas, shared
        self._clients: OrderedDict[str, Client] = OrderedDict()

    def __len__(self) -> int:
        return len(self._clients)

    def at(self, address: str, now: float) -> Client:
        """Return the client at an address. All addresses of a /64 network of IPv6 are one."""
        key, clients = self._shared.client(address), self._clients
        client = clients.get(key)
        if client is None:
            self.forget_old(now)
            if len(clients) >= MAX_CLIENTS:
                clients.popitem(last=False)
            client = clients[key] = Client(self._quotas)
        else:
            clients.move_to_end(key)
        client.seen = now
        return client

    def seconds_since(self, key: str, now: float) -> float:
        """Return how long ago the client with a hash was seen here, or infinity if it was not."""
        client = self._clients.get(key)
        return float("inf") if client is None else now - client.seen

    def forget_old(self, now: float) -> None:
        """Forget the clients that were last seen an hour ago."""
        clients = self._clients
        while clients and now - next(iter(clients.values())).seen >= KEPT_SECONDS:
            clients.popitem(last=False)
