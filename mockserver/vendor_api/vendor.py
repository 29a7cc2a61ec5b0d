"""The definition of a vendor: the one object that a vendor's module provides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.catalog.products import Catalog
from mockserver.store.base_records import Collection, Locate
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import Limit
from mockserver.vendor_api.request import Request


@dataclass(frozen=True)
class Vendor:
    """One emulated API. Its module, spec, fixture file and test file all have its name.

    Its functions must not read a clock, and must get random values from the `Call`, so that every run gives
    the same answers.

    `name`: the name of the module, and the prefix of its paths.

    `title`: the vendor's name as shown to users.

    `credential(request)`: return the credential of a request, or `Credential(None)` if it has none. This
    function must not raise an exception. See `bearer_token` and `basic_user`.

    `authenticate(call)`: raise Problem if the vendor refuses the credential. This function may also check
    headers that the vendor checks before everything else. The parameters have not been read yet. See
    `require_accepted`.

    `operations`: the handlers by `operationId`. Every operation in the spec needs a handler. A handler takes
    a Call whose parameters and body are valid. It returns a body (with status 200) or an Answer, or raises
    Problem. If it raises, its changes to records are discarded.

    `render(problem, call)`: return the vendor's answer to a refused request. It must handle every `Kind`
    except `exists`, `full`, `gone` and `overflow`. The spec must document every answer.

    `collections`: the vendor's kinds of record.

    `sample`: path and query of a GET request that is answered with status 200. Users see it as an example.

    `auth_headers(credential)`: return all headers that a client with this credential must send. The first
    one must contain the credential.

    `common_headers(call)`: return the headers that every answer has, including refusals. Default: none.

    `content_type`: the `Content-Type` of every answer with a body.

    `limits`: the vendor's rate limits, each a `Window` or `LeakyBucket` with its own name. Default: none.

    `slow`: for each operation with slow calls, a function by `operationId`. It takes a Call whose parameters
    have been read. It returns True if the call may take more than a few milliseconds. Slow calls run in a
    thread, so that other calls do not wait for them. Default: no call is slow.
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
    """Return a `Collection.locate` function for keys that are decimal numbers, counted from `first`.

    Keys in any other form, for example with leading zeros, are not found.
    """

    def locate(catalog: Catalog, key: str) -> int | None:
        plain = key.isascii() and key.isdecimal() and len(key) < 12 and key[0] != "0"
        return int(key) - first if plain else None

    return locate
