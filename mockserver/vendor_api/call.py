"""Calls and answers, as handlers see them."""

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

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, JSON body, and headers beside the ones that every answer has."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


class Call(msgspec.Struct, gc=False):
    """One request as a handler sees it.

    `path`, `query` and `headers` hold the declared parameters as Python values, `body` the JSON
    body with decimals as `Decimal`. `random_bytes(purpose)` gives 32 bytes that are this call's own and
    the same in every run with the same seed and the same calls. `quota` is where the client stands
    under the vendor's rate limits; it is empty while they are off.
    """

    request: Request
    credential: Credential
    random_bytes: Callable[[str], bytes]
    draft: Draft
    base_records: Mapping[str, BaseRecords]
    path: Mapping[str, Any] = NOTHING
    query: Mapping[str, Any] = NOTHING
    headers: Mapping[str, Any] = NOTHING
    body: Any = None
    quota: Quota = UNLIMITED

    def records(self, collection: str) -> Records:
        return Records(self.base_records[collection], self.draft)
