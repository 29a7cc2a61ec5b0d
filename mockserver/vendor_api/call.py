"""Calls and answers: what a handler gets and what it returns."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from mockserver.store.base_records import BaseRecords
from mockserver.store.records import Records
from mockserver.store.state import Draft
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.rate_limits import UNLIMITED, Quota
from mockserver.vendor_api.request import Request

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, body and headers, as returned by a handler or by `Vendor.render`.

    A handler may also return a body alone, which means status 200.

    `status`: the HTTP status. The spec must document it for the operation or under `components.responses`.

    `body`: anything that can be written as JSON. A Decimal becomes a number with its digits as they are.

    `headers`: name and value of further headers. `Content-Type` and the headers from
    `Vendor.common_headers` are added to every answer.
    """

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


class Call(msgspec.Struct, gc=False):
    """One request as a handler sees it.

    `request`: the request as it came, for headers that the spec does not declare.

    `credential`: what `Vendor.credential` returned.

    `random_bytes(purpose)`: returns 32 bytes for ids, tokens and the like. They differ between calls and
    purposes, and are the same in every run with the same seed and the same calls.

    `path`, `query`, `headers`: the parameters declared in the spec, by name, converted to the type in the
    spec and valid. A parameter that was not sent has its default, or is missing. They are empty in
    `Vendor.authenticate`, and may be empty in `Vendor.render` and `Vendor.common_headers`, because a
    request can be refused before its parameters are read.

    `body`: the JSON body, valid under the spec, with decimals as Decimal. None if the operation has no body.

    `quota`: what the client has left under the vendor's rate limits. It is empty while they are off.

    `draft` and `base_records` belong to the mock; use `records` instead.
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

    def records(self, collection: str) -> Records:
        """Return the records of a collection in the sandbox of this call. Raise KeyError if there is none.

        Changes made with `put` and `delete` take effect when the handler returns, and are dropped if it
        raises. They have no effect in an operation without a request body in the spec.
        """
        return Records(self.base_records[collection], self.draft)
