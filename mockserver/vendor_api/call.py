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

    `random_bytes(purpose)`: return 32 bytes for random ids, tokens and similar values. Every call and every
    purpose gets different bytes. A second run with the same seed and the same calls gets the same bytes.

    `path`, `query`, `headers`: the parameters declared in the spec, by name, validated and converted to their
    types. A parameter that was not sent has its default value, or is missing if it has no default. All three
    are empty in `Vendor.authenticate`. They may be empty in `Vendor.render` and `Vendor.common_headers`,
    because a request can be refused before its parameters are read.

    `body`: the validated JSON body, with decimals as Decimal. None if the operation has no body.

    `quota`: how many calls the client has left under each rate limit. Empty while rate limits are off.

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

        `put` and `delete` take effect when the handler returns. If the handler raises, its changes are
        discarded. A GET request cannot change records: its changes are ignored.
        """
        return Records(self.base_records[collection], self.draft)
