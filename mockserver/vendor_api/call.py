"""Calls: one request each, as a handler receives it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.rate_limits import UNLIMITED, Quota
from mockserver.vendor_api.request import Request

ACCESS = "access"  # the use of a token that opens its sandbox
EMPTY: Mapping[str, Any] = MappingProxyType({})
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Tokens(Protocol):
    """Issues the tokens of a call's vendor and sandbox, and reads them. Nobody else can issue such tokens."""

    def issue(self, use: str, seconds: int, claims: Mapping[str, Any], *, opaque: bool = False) -> str:
        """Return a new token that can be used for `seconds`, by the sandbox's clock.

        `use` says for what: a token for ACCESS opens the sandbox, as a credential. `claims` are what the
        token shall say, as JSON values; the names `iat`, `exp`, `use`, `vendor` and `sandbox` are added. By
        `client_id` and `sub`, rate limits tell clients apart. The token is a JSON Web Token, which clients
        can read, unless it is `opaque`.
        """

    def read(self, text: str, use: str) -> Mapping[str, Any] | None:
        """Return what a token says, or None if it has expired, or is not of this vendor, sandbox and use."""


class Parts(Protocol):
    """Answers the parts of a call. Only calls that write have one."""

    def answer_part(self, call: "Call", method: str, target: str, body: Any = None) -> Answer: ...


class Call(msgspec.Struct, gc=False):
    """One request as a handler sees it.

    `request`: the request as received, for headers that the spec does not declare.

    `credential`: what `Vendor.credential` returned.

    `random_bytes(purpose)`: return 32 bytes for random ids, tokens and similar values. Every call and every
    purpose gets different bytes. A second run with the same seed and the same calls gets the same bytes.

    `path`, `query`, `headers`: the parameters declared in the spec, by name, validated and converted to their
    types. A parameter that was not sent has its default value, or is missing if it has no default. All three
    are empty in `Vendor.authenticate`. They may be empty in `Vendor.render` and `Vendor.common_headers`,
    because a request can be refused before its parameters are read.

    `body`: the validated body. In JSON, decimals are Decimals. A form is an object whose values are strings.
    None if the operation has no body.

    `quota`: how many calls the client has left under each rate limit. Empty while rate limits are off.

    `now`: the time at which the call began, in UTC, by the clock of its sandbox.

    `tokens`: issues tokens that open the call's sandbox, and reads them. Only in calls that may write, of a
    vendor that has operations with `security: []`; otherwise None.

    `parts`: answers the parts of this call; use `answer_part` instead. It is None in a call that only reads,
    and in a part of a call, so a part has no parts.

    `draft`, `base_records` and `part_count` are for internal use; use `records` instead.
    """

    request: Request
    credential: Credential
    random_bytes: Callable[[str], bytes]
    draft: Draft
    base_records: Mapping[str, BaseRecords]
    path: Mapping[str, Any] = EMPTY
    query: Mapping[str, Any] = EMPTY
    headers: Mapping[str, Any] = EMPTY
    body: Any = None
    quota: Quota = UNLIMITED
    now: datetime = NO_TIME
    tokens: Tokens | None = None
    parts: Parts | None = None
    part_count: int = 0

    def records(self, collection: str) -> Records:
        """Return a collection's records in the call's sandbox. Raise KeyError if there is no such collection.

        `put` and `delete` take effect when the handler returns. If the handler raises, its changes are
        discarded. A GET request cannot change records: its changes are ignored.
        """
        return Records(self.base_records[collection], self.draft)

    @property
    def catalog(self) -> Catalog:
        """The goods of the call's sandbox, to find what belongs to a product without reading all records."""
        return self.draft.catalog

    def new_object_id(self, purpose: str) -> str:
        """Return an ObjectId as MongoDB makes them: four bytes of time, then eight that are random here."""
        return f"{int(self.now.timestamp()) & 0xFFFFFFFF:08x}{self.random_bytes(purpose)[:8].hex()}"

    def answer_part(self, method: str, target: str, body: Any = None) -> Answer:
        """Answer another request of the same client as part of this call, for a batch of requests.

        `target` is a path, with its query. The request is checked and handled as if it was sent alone, but it
        counts against no rate limit. If it is refused, the answer is the refusal, and only its own changes
        are discarded. Calls with GET have no parts.
        """
        assert self.parts is not None
        return self.parts.answer_part(self, method, target, body)
