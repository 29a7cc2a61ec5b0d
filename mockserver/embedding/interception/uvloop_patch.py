"""The patches for uvloop, which looks up names without the `socket` module.

So `name_lookups` does not see them, and these patches check the same names.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from mockserver.embedding.interception.name_lookups import check_lookup
from mockserver.embedding.interception.patch import Patch, ServerFor


def patches(library: ModuleType, server_for: ServerFor) -> Iterator[Patch]:
    """Yield the patches for uvloop."""
    loop: Any = library.Loop
    getaddrinfo, create_connection = loop.getaddrinfo, loop.create_connection
    create_datagram_endpoint = loop.create_datagram_endpoint

    async def checked_getaddrinfo(self: Any, host: Any, *args: Any, **kwargs: Any) -> Any:
        check_lookup(host)
        return await getaddrinfo(self, host, *args, **kwargs)

    async def checked_connection(self: Any, factory: Any, host: Any = None, *args: Any, **kwargs: Any) -> Any:
        check_lookup(host)
        return await create_connection(self, factory, host, *args, **kwargs)

    async def checked_datagram_endpoint(
        self: Any, factory: Any, local_addr: Any = None, remote_addr: Any = None, **kwargs: Any
    ) -> Any:
        check_lookup(remote_addr)
        return await create_datagram_endpoint(self, factory, local_addr, remote_addr, **kwargs)

    yield Patch(loop, "getaddrinfo", checked_getaddrinfo)
    yield Patch(loop, "create_connection", checked_connection)
    yield Patch(loop, "create_datagram_endpoint", checked_datagram_endpoint)
