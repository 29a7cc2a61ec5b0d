"""What a vendor's module is made of: requests, calls, problems, answers, and the vendor itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.catalog.products import Catalog
from mockserver.store.base_records import Collection, Locate
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import Limit
from mockserver.vendor_api.request import Request


@dataclass(frozen=True)
class Vendor:
    """One emulated API, of the same name as its spec, fixture file and test file.

    `credential` reads who the client says it is, `authenticate` refuses with a Problem,
    `operations` are handlers by operationId, `render` turns a Problem into the vendor's answer,
    `common_headers` gives the headers that every answer of the vendor carries. `sample` is the path and
    query of a request that works with the headers that `auth_headers` makes for a credential. `limits`
    are the vendor's rate limits, told apart by name. `slow` says, by operationId, which calls
    may take so long that others must not wait for them.
    """

    name: str
    title: str
    credential: Callable[[Request], Credential]
    authenticate: Callable[[Call], None]
    operations: Mapping[str, Callable[[Call], Any]]
    render: Callable[[Problem, Call], Answer]
    collections: tuple[Collection, ...]
    sample: str
    auth_headers: Callable[[str], Mapping[str, str]]
    common_headers: Callable[[Call], Mapping[str, str]] = lambda call: {}
    content_type: str = "application/json"
    limits: tuple[Limit, ...] = ()
    slow: Mapping[str, Callable[[Call], bool]] = field(default_factory=dict)


def numbered_from(first: int) -> Locate:
    """The number behind an id, where ids count up from `first`; None for any other text."""

    def locate(catalog: Catalog, key: str) -> int | None:
        plain = key.isascii() and key.isdecimal() and len(key) < 12 and key[0] != "0"
        return int(key) - first if plain else None

    return locate
