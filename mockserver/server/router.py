"""The router: finds the vendor and the operation for a request."""

from collections.abc import Mapping, Sequence

import msgspec

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.spec import Path, Spec
from mockserver.server.http.errors import MockError
from mockserver.server.http.raw_request import host_name, segments_of
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Request

CONTROL_SEGMENT = "_mock"
NO_VENDOR_REMARK = "no vendor has this path"


class NoVendor(MockError):
    """Raised if no vendor has the path of a request. `advice` says what to send instead."""

    def __init__(self, advice: str) -> None:
        super().__init__(404, "no_vendor", f"{NO_VENDOR_REMARK}: {advice}")
        self.advice = advice


class Route(msgspec.Struct, frozen=True, gc=False):
    """The vendor and the operation for a request.

    - `host`: the values of the variables in the vendor's host name.
    - `target_path`: the request's path, without the vendor's name if the path begins with it.
    - `path`: the path in the spec that matches, or None.
    - `values`: the values of the variables in `path`.
    - `operation`: the operation of `path` for the request's method, or None. HEAD uses GET's operation.
    """

    contract: Contract
    host: Mapping[str, str]
    target_path: str
    path: Path | None
    values: Mapping[str, str]
    operation: Operation | None

    def request(self, raw: RawRequest) -> Request:
        """Return the request as the vendor sees it. Drop its body if the operation takes no body."""
        target = f"{self.target_path}?{raw.query}" if raw.query else self.target_path
        body = raw.body if raw.body and self.operation and self.operation.body else b""
        return Request(raw.method, target, raw.query, raw.headers, self.host, body, raw.scheme)


class Router:
    """Finds the vendor, or the control API, for a request."""

    def __init__(self, contracts: Sequence[Contract], control: Contract) -> None:
        self.contracts, self.control = tuple(contracts), control
        self._by_name = {contract.vendor.name: contract for contract in contracts}
        self._contract_of_host = memoized(self._find_host)
        self._paths: dict[int, list[tuple[Contract, Path]]] = {}
        for contract in contracts:
            for path in contract.spec.paths:
                self._paths.setdefault(len(path.pattern), []).append((contract, path))

    def route(self, raw: RawRequest) -> Route:
        """Return the route of a request. Raise NoVendor.

        Find the vendor by its host name in the Host header. If that fails, find it by a path of its spec,
        then by its name as the first segment, then by a path that the vendor has, but the mock does not
        emulate, and finally by the most similar path.
        """
        segments = segments_of(raw.path)
        if host := self._contract_of_host(raw.headers.get("host", "")):
            contract, variables = host
            return _route(raw.method, contract, variables, raw.path, segments)
        if segments[0] == CONTROL_SEGMENT:
            return _route(raw.method, self.control, {}, raw.path, segments)
        for contract, path in self._paths.get(len(segments), ()):
            if (values := path.match(segments)) is not None:
                operation = path.operations.get("GET" if raw.method == "HEAD" else raw.method)
                return Route(contract, contract.spec.default_host, raw.path, path, values, operation)
        if named := self._by_name.get(segments[0]):
            below, segments = "/" + "/".join(raw.path.split("/")[2:]), segments[1:] or ("",)
            return _route(raw.method, named, named.spec.default_host, below, segments)
        real = (contract for contract in self.contracts if contract.spec.lacks(raw.method, raw.path))
        if near := next(real, None) or self._nearest(segments):
            return Route(near, near.spec.default_host, raw.path, None, {}, None)
        names = ", ".join(f"/{name}" for name in self._by_name)
        raise NoVendor(f"use a vendor's own path or Host header, or begin the path with one of {names}")

    def route_within(self, contract: Contract, raw: RawRequest) -> Route:
        """Return the route of a request to a vendor that is already known."""
        return _route(raw.method, contract, contract.spec.default_host, raw.path, segments_of(raw.path))

    def _find_host(self, host: str) -> tuple[Contract, dict[str, str]] | None:
        """Return (vendor, host variables) for a Host header, or None if no vendor has this host name."""
        name = host_name(host)
        for contract in self.contracts:
            if (variables := contract.host(name)) is not None:
                return contract, variables
        return None

    def _nearest(self, segments: tuple[str, ...]) -> Contract | None:
        """Return the vendor with the path that has the most leading segments in common with a request.

        Return None if several vendors have equally many, or if none has any.
        """
        common = {c.vendor.name: _common_prefix(c.spec, segments) for c in self.contracts}
        longest = max(common.values(), default=0)
        names = [name for name, count in common.items() if count == longest]
        return self._by_name[names[0]] if longest and len(names) == 1 else None


def _route(
    method: str, contract: Contract, host: Mapping[str, str], target_path: str, segments: tuple[str, ...]
) -> Route:
    path, values = contract.spec.find(segments) or (None, {})
    operation = path.operations.get("GET" if method == "HEAD" else method) if path else None
    return Route(contract, host, target_path, path, values, operation)


def _common_prefix(spec: Spec, segments: tuple[str, ...]) -> int:
    return max(path.common_prefix(segments) for path in spec.paths)
