"""Routing: whose request it is."""

from collections.abc import Mapping

import msgspec

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Path, Spec
from mockserver.server.http.errors import MockError
from mockserver.server.http.raw_request import RawRequest
from mockserver.server.recorder import REMARK
from mockserver.vendor_api.request import Request

CONTROL_GROUND = "_mock"


class NoVendor(MockError):
    """No vendor has the path that was asked for; `mend` says what to ask for instead."""

    def __init__(self, mend: str) -> None:
        super().__init__(404, "no_vendor", f"{REMARK}: {mend}")
        self.mend = mend


class Route(msgspec.Struct, frozen=True, gc=False):
    """Whose ground a request is on: host variables, the path below any prefix, where the spec has it."""

    contract: Contract
    host: Mapping[str, str]
    path: str
    found: tuple[Path, dict[str, str]] | None

    def request(self, asked: RawRequest, body: bytes = b"") -> Request:
        """What was asked, as it is seen on this ground."""
        query, headers = asked.query, asked.headers
        target = f"{self.path}?{query}" if query else self.path
        return Request(asked.method, target, query, headers, self.host, body, asked.scheme)


def _common(spec: Spec, segments: tuple[str, ...]) -> int:
    return max(path.common(segments) for path in spec.paths)
