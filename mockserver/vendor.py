"""What a vendor's module is made of: requests, calls, problems, answers, and the vendor itself."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from mockserver.goods import EAN, OBJECT_END, SKU_END, Goods, Location, Product, Variant, dated
from mockserver.limits import UNLIMITED, LeakyBucket, Limit, Quota, Standing, Window
from mockserver.memory import remembered
from mockserver.shelf import Collection, Locate, Record, Shelf
from mockserver.store import Draft, Records

__all__ = [
    "EAN", "OBJECT_END", "SKU_END", "Answer", "Call", "Collection", "Credential", "Goods", "LeakyBucket",
    "Location", "Problem", "Product", "Quota", "Record", "Records", "Request", "Standing", "Variant",
    "Vendor", "Violation", "Window", "admit", "basic_header", "basic_user", "bearer_header",
    "bearer_token", "counted_from", "dated", "remembered",
]  # fmt: skip

Kind = Literal[
    "bad_request", "invalid", "unauthenticated", "forbidden", "not_found", "no_such_path",
    "method_not_allowed", "request_timeout", "too_large", "exists", "full", "overflow",
    "rate_limited",
]  # fmt: skip

DEFAULT_SANDBOX = "demo"
DENIED = "forbidden"
NOTHING: Mapping[str, Any] = MappingProxyType({})
SANDBOX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


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

    `target` is path and query as sent; `query` is still encoded; `host` holds the variables of the
    server name (a shop's, say).
    """

    method: str
    target: str
    query: str
    headers: Headers
    host: Mapping[str, str]
    body: bytes = b""
    scheme: str = "http"


@dataclass(frozen=True)
class Credential:
    """What a client says it is: `demo`, `sbx_<name>`, `forbidden`, anything else, or nothing."""

    text: str | None

    @cached_property
    def sandbox(self) -> str | None:
        """The sandbox that the credential opens, or None if it opens none."""
        if self.text is None or self.text == DEFAULT_SANDBOX:
            return self.text
        name = self.text.removeprefix("sbx_")
        return name if name != self.text and SANDBOX_NAME.fullmatch(name) else None

    @cached_property
    def standing(self) -> Literal["missing", "unknown", "denied", "accepted"]:
        if self.text is None:
            return "missing"
        if self.text == DENIED:
            return "denied"
        return "accepted" if self.sandbox else "unknown"


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a request breaks the contract.

    `rule` is the JSON Schema keyword that failed, or `undeclared`, or `repeated`; `expected` is
    what the keyword asked for; `value` what came.
    """

    place: Literal["path", "query", "header", "body"]
    name: str
    rule: str
    expected: Any = None
    value: Any = None


class Problem(Exception):
    """A refusal in the vendor's meaning; the vendor renders it.

    `message` replaces the vendor's usual words; `status` its usual status; `fields` says what is
    wrong with which field.
    """

    def __init__(
        self,
        kind: Kind,
        message: str | None = None,
        *,
        status: int | None = None,
        violations: tuple[Violation, ...] = (),
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind, message)
        self.kind: Kind = kind
        self.message, self.status = message, status
        self.violations, self.fields = violations, dict(fields or {})


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, JSON body, and headers beside the ones that every answer has."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


class Call(msgspec.Struct, frozen=True, gc=False):
    """One request as a handler sees it.

    `path`, `query` and `headers` hold the declared parameters as Python values, `body` the JSON
    body with decimals as `Decimal`. `stamp(purpose)` gives 32 bytes that are this call's own and
    the same in every run with the same seed and the same calls. `quota` is where the client stands
    under the vendor's rate limits; it is empty while they are off.
    """

    request: Request
    credential: Credential
    stamp: Callable[[str], bytes]
    draft: Draft
    shelves: Mapping[str, Shelf]
    path: Mapping[str, Any] = NOTHING
    query: Mapping[str, Any] = NOTHING
    headers: Mapping[str, Any] = NOTHING
    body: Any = None
    quota: Quota = UNLIMITED

    def records(self, collection: str) -> Records:
        return Records(self.shelves[collection], self.draft)


@dataclass(frozen=True)
class Vendor:
    """One emulated API, of the same name as its spec, fixture file and test file.

    `credential` reads who the client says it is, `authenticate` refuses with a Problem,
    `operations` are handlers by operationId, `render` turns a Problem into the vendor's answer,
    `stamps` gives the headers that every answer of the vendor carries. `sample` is the path and
    query of a request that works with the headers that `grant` makes for a credential. `limits`
    are the vendor's rate limits, told apart by name. `lengthy` says, by operationId, which calls
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
    grant: Callable[[str], Mapping[str, str]]
    stamps: Callable[[Call], Mapping[str, str]] = lambda call: {}
    content_type: str = "application/json"
    limits: tuple[Limit, ...] = ()
    lengthy: Mapping[str, Callable[[Call], bool]] = field(default_factory=dict)


def admit(call: Call) -> None:
    """Refuse every credential but an accepted one: `forbidden` or `unauthenticated`."""
    if call.credential.standing == "denied":
        raise Problem("forbidden")
    if call.credential.standing != "accepted":
        raise Problem("unauthenticated")


def counted_from(first: int) -> Locate:
    """The number behind an id, where ids count up from `first`; None for any other text."""

    def locate(goods: Goods, key: str) -> int | None:
        plain = key.isascii() and key.isdecimal() and len(key) < 12 and key[0] != "0"
        return int(key) - first if plain else None

    return locate


def bearer_token(request: Request) -> Credential:
    """The token of `Authorization: Bearer …`."""
    return _token(request.headers.get("authorization", ""))


@remembered
def _token(header: str) -> Credential:
    return Credential(_authorization(header, "bearer"))


def bearer_header(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def basic_header(credential: str) -> dict[str, str]:
    """Basic, with the credential for user name and a password that nobody looks at."""
    return {"Authorization": "Basic " + base64.b64encode(f"{credential}:demo".encode()).decode()}


def basic_user(request: Request) -> Credential:
    """The user name of `Authorization: Basic …`; empty text if it cannot be read."""
    return _user(request.headers.get("authorization", ""))


@remembered
def _user(header: str) -> Credential:
    encoded = _authorization(header, "basic")
    if not encoded:
        return Credential(encoded)
    try:
        user, colon, _ = base64.b64decode(encoded, validate=True).partition(b":")
        return Credential(user.decode() if colon else "")
    except (binascii.Error, ValueError):
        return Credential("")


def _authorization(header: str, scheme: str) -> str | None:
    """What follows the scheme; None without the header, empty text under another scheme."""
    if not header.strip():
        return None
    name, _, value = header.strip().partition(" ")
    return value.strip() if name.lower() == scheme else ""
