"""Calls: one request each, as a handler receives it."""

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


class Call(msgspec.Struct, gc=False):
    """One request as a handler sees it.

    `request`: the request as received, for headers that the spec does not declare.

    `credential`: what `Vendor.credential` returned.

    `random_bytes(purpose)`: returns 32 bytes for random ids, tokens and similar values. They differ between
    calls and purposes, but are the same in every run with the same seed and the same calls.

    `path`, `query`, `headers`: the parameters declared in the spec, by name, validated and converted to their
    types. A parameter that was not sent has its default value, or is missing if it has no default. All three
    are empty in `Vendor.authenticate`. They may be empty in `Vendor.render` and `Vendor.common_headers`,
    because a request can be refused before its parameters are read.

    `body`: the validated JSON body, with decimals as Decimal. None if the operation has no body.

    `quota`: the calls that the vendor's rate limits still allow the client. Empty while rate limits are off.

    `draft` and `base_records` are for internal use; use `records` instead.
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
        """Return a collection's records in the call's sandbox. Raise KeyError if there is no such collection.

        Changes made with `put` and `delete` take effect when the handler returns, and are discarded if it
        raises. Changes are ignored if the spec gives the operation no request body.
        """
        return Records(self.base_records[collection], self.draft)
