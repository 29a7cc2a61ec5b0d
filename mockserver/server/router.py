"""The router: finds the vendor and the operation for a request."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import SCOPES, Operation
from mockserver.contract.openapi.spec import Path, Spec
from mockserver.sandbox.dialects import Dialects
from mockserver.server.http.errors import MockError
from mockserver.server.http.raw_request import host_name, segments_of
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Request

Owner = tuple[Contract, Path]
Candidates = dict[int, list[tuple[Contract, Path, tuple[Owner, ...]]]]
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

    def in_dialect(self, dialects: Dialects) -> "Route":
        """Return the route in the dialect that its vendor speaks. Its path and its operation are the same."""
        contract = self.contract.in_dialect(dialects.of(self.contract.vendor.name))
        if contract is self.contract or self.path is None:
            return replace(self, contract=contract)
        path = contract.spec.paths[self.contract.spec.paths.index(self.path)]
        operation = contract.spec.operations[self.operation.id] if self.operation else None
        return replace(self, contract=contract, path=path, operation=operation)


class Router:
    """Finds the vendor, or the control API, for a request."""

    def __init__(self, contracts: Sequence[Contract], control: Contract) -> None:
        self.contracts, self.control = tuple(contracts), control
        self._by_name = {contract.vendor.name: contract for contract in contracts}
        self._contract_of_host = memoized(self._find_host)
        self._candidates = _candidates(self.contracts)

    def route(self, raw: RawRequest) -> Route:
        """Return the route of a request. Raise NoVendor.

        Find the vendor by its host name in the Host header. If that fails, find it by a path of its spec,
        then by its name as the first segment, then by a path that the vendor has, but the mock does not
        emulate, and finally by the most similar path. If several vendors have path and method, it is the one
        whose kind of credential the request carries, or the first one.
        """
        segments = segments_of(raw.path)
        if host := self._contract_of_host(raw.headers.get("host", "")):
            contract, variables = host
            return _route(raw.method, contract, variables, raw.path, segments)
        if segments[0] == CONTROL_SEGMENT:
            return _route(raw.method, self.control, {}, raw.path, segments)
        for contract, template, others in self._candidates.get(len(segments), ()):
            if (values := template.match(segments)) is not None:
                operation = template.operations.get("GET" if raw.method == "HEAD" else raw.method)
                route = Route(contract, contract.spec.default_host, raw.path, template, values, operation)
                if operation and not others and not template.others:
                    return route
                return self._chosen(raw, segments, [(contract, template), *others])
        if named := self._by_name.get(segments[0]):
            below, segments = "/" + "/".join(raw.path.split("/")[2:]), segments[1:] or ("",)
            return _route(raw.method, named, named.spec.default_host, below, segments)
        if near := self._lacking(raw) or self._nearest(raw, segments):
            return Route(near, near.spec.default_host, raw.path, None, {}, None)
        names = ", ".join(f"/{name}" for name in self._by_name)
        raise NoVendor(f"use a vendor's own path or Host header, or begin the path with one of {names}")

    def route_within(self, contract: Contract, raw: RawRequest) -> Route:
        """Return the route of a request to a vendor that is already known."""
        return _route(raw.method, contract, contract.spec.default_host, raw.path, segments_of(raw.path))

    def _chosen(self, raw: RawRequest, segments: tuple[str, ...], owners: Sequence[Owner]) -> Route:
        """Return the route to one of the vendors whose paths match. The first of `owners` is one of them.

        If none of them has the method, another vendor may have it, although the mock does not emulate it.
        """
        routes = []
        for contract, template in owners:
            if (values := template.match(segments)) is not None:
                path, operation = template.operation_for(raw.method, segments)
                host = contract.spec.default_host
                routes.append(Route(contract, host, raw.path, path, values, operation))
        if able := [route for route in routes if route.operation]:
            routes = able
        elif real := self._lacking(raw):
            elsewhere = Route(real, real.spec.default_host, raw.path, None, {}, None)
            return next((route for route in routes if route.contract is real), elsewhere)
        chosen = _of_credential(raw, [route.contract for route in routes])
        return next(route for route in routes if route.contract is chosen)

    def _lacking(self, raw: RawRequest) -> Contract | None:
        """Return the vendor that has a path and method that the mock does not emulate, or None."""
        return _of_credential(raw, [one for one in self.contracts if one.spec.lacks(raw.method, raw.path)])

    def _find_host(self, host: str) -> tuple[Contract, dict[str, str]] | None:
        """Return (vendor, host variables) for a Host header, or None if no vendor has this host name."""
        name = host_name(host)
        for contract in self.contracts:
            if (variables := contract.host(name)) is not None:
                return contract, variables
        return None

    def _nearest(self, raw: RawRequest, segments: tuple[str, ...]) -> Contract | None:
        """Return the vendor with the path that has the most leading segments in common with a request.

        If several vendors have equally many, return the one that the credential or the headers tell. Return
        None if they do not tell, or if no path has any segment in common.
        """
        common = {c.vendor.name: _common_prefix(c.spec, segments) for c in self.contracts}
        longest = max(common.values(), default=0)
        nearest = [self._by_name[name] for name, count in common.items() if longest and count == longest]
        return nearest[0] if len(nearest) == 1 else _told(raw, nearest)


def _route(
    method: str, contract: Contract, host: Mapping[str, str], target_path: str, segments: tuple[str, ...]
) -> Route:
    template, values = contract.spec.find(segments) or (None, {})
    if template is None or template.others:
        path, operation = template.operation_for(method, segments) if template else (None, None)
    else:
        path, operation = template, template.operations.get("GET" if method == "HEAD" else method)
    return Route(contract, host, target_path, path, values, operation)


def _candidates(contracts: Sequence[Contract]) -> Candidates:
    """Return the paths of all vendors by the number of a request's segments, in the order of the vendors.

    With each path come those of later vendors that match some of the same requests. First come the paths of
    the vendors' pages that share no request with any other path: most calls are to these.
    """
    paths = [(contract, path) for contract in contracts for path in contract.spec.paths]
    first: Candidates = {}
    then: Candidates = {}
    for number, (contract, path) in enumerate(paths):
        sharing = [one for one in paths if one[1] is not path and path.overlaps(one[1])]
        others = tuple(one for one in paths[number + 1 :] if one[0] is not contract and one in sharing)
        of_page = any(operation.scope == SCOPES[0] for operation in path.operations.values())
        found = first if of_page and not sharing else then
        for length in range(len(path.pattern), len(path.pattern) + 1 + path.slash_may_follow):
            found.setdefault(length, []).append((contract, path, others))
    return {length: [*first.get(length, ()), *then.get(length, ())] for length in first.keys() | then.keys()}


def _of_credential(raw: RawRequest, contracts: Sequence[Contract]) -> Contract | None:
    """Return the vendor that a request tells. If it tells none, return the first of all."""
    told = _told(raw, contracts) if len(contracts) > 1 else None
    return told or (contracts[0] if contracts else None)


def _told(raw: RawRequest, contracts: Sequence[Contract]) -> Contract | None:
    """Return the first vendor whose kind of credential or further headers a request carries, or None."""
    for contract in contracts:
        host = contract.spec.default_host
        request = Request(raw.method, raw.target, raw.query, raw.headers, host, b"", raw.scheme)
        if contract.vendor.credential(request).text:  # empty if the header holds another kind of credential
            return contract
    for contract in contracts:
        if any(name.lower() in raw.headers for name in [*contract.vendor.auth_headers("demo")][1:]):
            return contract
    return None


def _common_prefix(spec: Spec, segments: tuple[str, ...]) -> int:
    return max(path.common_prefix(segments) for path in spec.paths)
