"""The clients of a public demo: which addresses are one client, and what is kept of them."""

import gc
from typing import Any

import pytest

from mockserver.server.access.quotas.clients import MAX_CLIENTS, Clients
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.access.shared import Shared


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("", "", True),
        ("/run/mock.sock:1", "/run/mock.sock:1", True),
    ],
)
def test_addresses_that_are_one_client(one: str, other: str, same: bool) -> None:
    clients = Clients(DemoQuotas(), Shared())
    assert (clients.at(one, 0) is clients.at(other, 0)) is same


def test_client_is_forgotten_an_hour_after_its_last_request() -> None:
    clients = Clients(DemoQuotas(), Shared())
    first = clients.at("192.0.2.1", 0)
    assert clients.at("192.0.2.1", 3599) is first
    clients.forget_old(7198)
    assert len(clients) == 1
    clients.forget_old(7199)
    assert len(clients) == 0


def test_number_of_clients_is_bounded_and_the_one_seen_longest_ago_is_forgotten() -> None:
    clients = Clients(DemoQuotas(), Shared())
    seen = [clients.at(f"10.0.{n // 256}.{n % 256}", n / 1000) for n in range(MAX_CLIENTS)]
    clients.at("192.0.2.1", 30)
    assert len(clients) == MAX_CLIENTS
    assert clients.at("10.0.0.1", 30) is seen[1]
    assert clients.at("10.0.0.0", 30) is not seen[0]


def test_no_address_is_kept() -> None:
    """Whoever reads the memory of the server learns no address: all that is kept is a hash with a key."""
    clients, address = Clients(DemoQuotas(), Shared()), "198.51.100.77"
    client = clients.at(address, 0)
    assert address not in str(everything_in(clients) + everything_in(client))
    assert Clients(DemoQuotas(), Shared())._clients.keys() != clients._clients.keys()


def everything_in(value: Any) -> list[Any]:
    """Return all that an object refers to, but not classes and modules."""
    found, waiting = [], [value]
    seen = set()
    while waiting:
        for one in gc.get_referents(waiting.pop()):
            if id(one) not in seen and not isinstance(one, type) and "mockserver" not in str(type(one))[:8]:
                seen.add(id(one))
                found.append(one)
                waiting.append(one)
        if len(found) > 1000:
            break
    return found
