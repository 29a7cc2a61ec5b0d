"""The definition of a vendor: the one object that a vendor's module provides."""

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
    """One emulated API. Its module, spec, fixture file and test file all have its name.

    Functions must take time, chance and ids from the `Call` only, so that a run can be repeated.

    `name`: the name of the module, and the prefix of its paths.

    `title`: the name as people write it.

    `credential(request)`: return the credential of a request, `Credential(None)` if it has none. It must not
    raise. See `bearer_token` and `basic_user`.

    `authenticate(call)`: raise Problem if the call is refused because of its credential or of headers that
    come before all other checks. Parameters have not been read yet. See `require_accepted`.

    `operations`: the handlers, by the `operationId` of the spec; every operation needs one. A handler takes
    a Call whose parameters and body are valid, and returns a body (status 200) or an Answer, or raises
    Problem. Its changes to records are kept only if it returns.

    `render(problem, call)`: return the answer to a refused request, in the vendor's words. It must know
    every `Kind` except `exists`, `full` and `overflow`. The spec must document every answer.

    `collections`: the vendor's kinds of record.

    `sample`: path and query of a GET request that is answered with 200, shown to users as a first call.

    `auth_headers(credential)`: return all headers that let a client in with this credential, the one with
    the credential first.

    `common_headers(call)`: return the headers that every answer has, refusals included. Left out: none.

    `content_type`: the `Content-Type` of every answer with a body.

    `limits`: the vendor's rate limits, each a `Window` or `LeakyBucket` with its own name. Left out: none.

    `slow`: by `operationId`, a function that returns True for a call, with its parameters read, that may take
    more than a few milliseconds. Such a call is handled in a thread so that other calls need not wait.
    Left out: no call is slow.
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
    common_headers: Callable[[Call], Mapping[str, str]] | None = None
    content_type: str = "application/json"
    limits: tuple[Limit, ...] = ()
    slow: Mapping[str, Callable[[Call], bool]] = field(default_factory=dict)


def numbered_from(first: int) -> Locate:
    """Return a `Collection.locate` for keys that count up from `first`, written in decimal.

    Texts that are not such a number, such as one with leading zeros, are not found.
    """

    def locate(catalog: Catalog, key: str) -> int | None:
        plain = key.isascii() and key.isdecimal() and len(key) < 12 and key[0] != "0"
        return int(key) - first if plain else None

    return locate
