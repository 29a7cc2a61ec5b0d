"""A request: an HTTP request to a vendor, decoded but not yet validated."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

MAX_PARAMETERS = 1000  # of a query; PHP and Express have the same limit, and ignore the others too
FORWARDED_PREFIX = "x-forwarded"  # X-Forwarded-For, -Host, -Proto, -Port, -Server, …


class Headers(dict[str, str]):
    """Header values by lower-case name. If a name was sent more than once, the first value counts.

    Spaces and tabs around a value are not part of it (RFC 9110, 5.5). The parser leaves those at its end.

    Only the values of X-Forwarded headers are joined: a proxy may add to what a client has sent by a line of
    its own, as HAProxy does.

    `size` is the total length of all names and values in bytes, including those of repeated headers. `kept`
    is for a store: the same headers without secrets, encoded once they have been needed.
    """

    __slots__ = ("kept", "size")

    def __init__(self, lines: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__()
        self.size = 0
        self.kept: Any = None
        for name, value in lines:
            self.size += len(name) + len(value)
            key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")
            if self.setdefault(key, text) is not text and key.startswith(FORWARDED_PREFIX):
                self[key] += f", {text}"

    def with_value(self, name: str, value: str) -> "Headers":
        """Return these headers with another value of one header. The name is in lower case."""
        changed = Headers()
        changed.update(self)
        changed[name], changed.size = value, self.size
        return changed


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request to a vendor, decoded but not yet validated.

    `method`: the HTTP method, such as `GET`.

    `target`: path and query as sent. If the path began with the vendor's name, this prefix is removed.

    `query`: the query as sent, still percent-encoded; empty if there is none.

    `headers`: the header values, by lower-case name.

    `host_variables`: the variables of the server URL in the spec, by name. If the Host header selected the
    vendor, their values come from this header; a variable that is not in it is an empty string. If the path
    selected the vendor, the values are the defaults in the spec.

    `body`: the bytes of the body. Empty before it is read, and if the operation has no body.

    `scheme`: `http` or `https`.

    `public_url`: the server's URL for clients, if its operator has set one. Only in calls to the control API.

    `peer`: the client's address. Only in calls to the control API.
    """

    method: str
    target: str
    query: str
    headers: Headers
    host_variables: Mapping[str, str]
    body: bytes = b""
    scheme: str = "http"
    public_url: str = ""
    peer: str = ""


def first_parameters(query: str) -> str:
    """Return a query without the parameters after the first `MAX_PARAMETERS`, which are ignored."""
    if query.count("&") < MAX_PARAMETERS:
        return query
    return "&".join(query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS])
