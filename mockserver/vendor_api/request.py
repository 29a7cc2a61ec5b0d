"""One HTTP request, decoded."""

from collections.abc import Iterable, Mapping

import msgspec


class Headers(dict[str, str]):
    """Header texts by name in lower case; of several with one name the first. `size`: bytes of all."""

    __slots__ = ("size",)

    def __init__(self, lines: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__()
        self.size = 0
        for name, value in lines:
            self.size += len(name) + len(value)
            self.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request on a vendor's ground, decoded but not yet judged.

    `target` is path and query as sent; `query` is still encoded; `host_variables` holds the variables of the
    server name (a shop's, say).
    """

    method: str
    target: str
    query: str
    headers: Headers
    host_variables: Mapping[str, str]
    body: bytes = b""
    scheme: str = "http"
