"""The addresses of clients: which of them are one client."""

from ipaddress import IPv6Address, ip_address

IPV6_NETWORK_BITS = 64  # whoever has one IPv6 address mostly has a network of this size


def client_of(peer: str) -> str:
    """Return the text that stands for a client: its IPv4 address, or the network of its IPv6 address.

    A peer without an address, such as that of a Unix socket, stands for itself.
    """
    if ":" not in peer:  # each request to a public demo comes here
        return peer
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if not isinstance(address, IPv6Address):
        return peer
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> IPV6_NETWORK_BITS << IPV6_NETWORK_BITS)}/{IPV6_NETWORK_BITS}"
