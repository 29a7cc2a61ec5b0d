"""Causes of statuses: for each status of an operation, requests that yield it.

Most are the exchanges of the vendor's fixture file, so a vendor has them as soon as it has its four files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import parse_qsl

from mockserver.console.pages.docs.refusals import credential_statuses, status_of
from mockserver.console.pages.docs.sample_request import SampleRequest
from mockserver.contract.contract import Contract
from mockserver.contract.fixture_exchanges import FixtureExchange, fixture_exchanges
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.spec import Path
from mockserver.server.http.raw_request import host_name, segments_of
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, DENIED

JSON = {"Content-Type": "application/json"}
READS = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Cause:
    """A request that yields a status: `name` says what is special about it, `source` what it rests on.

    The causes in `given` are sent first.
    """

    name: str
    source: str
    request: SampleRequest
    given: tuple["Cause", ...] = ()

    @property
    def writes(self) -> bool:
        """True if one of the calls may change records."""
        methods = {self.request.method, *(one.request.method for one in self.given)}
        return not methods <= READS


@dataclass(frozen=True)
class Causes:
    """The causes of one vendor's statuses.

    The requests are for the sandbox with this credential. `headers` are those that a client sends with it.
    """

    contract: Contract
    headers: Mapping[str, str]
    credential: str = DEFAULT_SANDBOX

    def of(self, operation: Operation, status: int, *, shared: bool = False) -> list[Cause]:
        """Return the causes of a status of an operation, or of one that all operations share.

        The last resort is the header `Prefer`, which asks for the spec's example.
        """
        found = [
            self._cause(one)
            for one in sorted(self._exchanges.values(), key=lambda one: bool(one.given))
            if one.status == status and self._concerns(one, operation, shared=shared)
        ]
        if not found and not (shared and status in operation.responses):
            found = [*self._derived(operation, status), self._preferred(operation, status)][:1]
        return found

    def of_example(self, operation: Operation, status: int, name: str) -> Cause:
        """Return the cause that asks for an example of the spec by its name."""
        preferred = f"code={status}, example={name}"
        request = self.example(operation).with_headers({"Prefer": preferred})
        return Cause(f"asked for by Prefer: {preferred}", "", request)

    def example(self, operation: Operation) -> SampleRequest:
        """Return a request that succeeds."""
        method, target = operation.method, self.contract.vendor.sample
        if method == "GET" and self._operation_of("GET", target) == operation:
            return SampleRequest(method, target, self.headers)
        for one in self._alone:
            if one.status < 300 and self._operation_of(one.method, one.target) == operation:
                return self._request(one)
        texts = {p.name: "" if p.example is None else str(p.example) for p in operation.parameters}
        return SampleRequest(method, operation.template.format_map(texts), self.headers)

    @cached_property
    def _exchanges(self) -> dict[str, FixtureExchange]:
        """The documented exchanges by name. Raise InvalidFile.

        Those of another dialect would get another answer in a sandbox as it is made.
        """
        file = self.contract.fixtures
        found = fixture_exchanges(file) if file else {}
        return {name: one for name, one in found.items() if one.dialect == "documented"}

    @property
    def _alone(self) -> list[FixtureExchange]:
        """The documented exchanges that need no other one before them."""
        return [one for one in self._exchanges.values() if not one.given]

    def _cause(self, exchange: FixtureExchange) -> Cause:
        given = (self._exchanges[name] for name in exchange.given)
        before = tuple(Cause(one.name, one.source, self._request(one)) for one in given)
        return Cause(exchange.name, exchange.source, self._request(exchange), before)

    def _concerns(self, exchange: FixtureExchange, operation: Operation, *, shared: bool) -> bool:
        if not shared:
            return self._operation_of(exchange.method, exchange.target) == operation
        path = self._path_of(exchange.target)
        return path is None or (path.template == operation.template and exchange.method not in path.methods)

    def _operation_of(self, method: str, target: str) -> Operation | None:
        path = self._path_of(target)
        return path.operations.get(method) if path else None

    def _path_of(self, target: str) -> Path | None:
        found = self.contract.spec.find(segments_of(target.partition("?")[0]))
        return found[0] if found else None

    def _request(self, exchange: FixtureExchange) -> SampleRequest:
        """Return an exchange's request, with the credential of the sandbox instead of the default one.

        The prefix selects the vendor. A Host header stays only if its variables say more than that.
        """
        default = {
            (name.lower(), value)
            for name, value in self.contract.vendor.auth_headers(DEFAULT_SANDBOX).items()
        }
        own = {name.lower(): value for name, value in self.headers.items()}
        headers = {}
        for name, value in exchange.headers.items():
            if name.lower() == "host":
                variables = self.contract.host(host_name(value))
                if variables == self.contract.spec.default_host:
                    continue
            headers[name] = own[name.lower()] if (name.lower(), value) in default else value
        names = {name.lower() for name in headers}
        if exchange.body and "content-type" not in names:
            headers |= JSON
        return SampleRequest(exchange.method, exchange.target, headers, self._body(exchange))

    def _body(self, exchange: FixtureExchange) -> str:
        """Return an exchange's body, with the credential of the sandbox instead of the default one."""
        body, field = exchange.body or "", self.contract.vendor.credential_field
        for before, after in ((f"{field}=", ""), (f'"{field}": "', '"')) if field else ():
            body = body.replace(before + DEFAULT_SANDBOX + after, before + self.credential + after)
        return body

    def _derived(self, operation: Operation, status: int) -> Iterator[Cause]:
        """Yield causes that follow from what is known about the vendor."""
        example, contract = self.example(operation), self.contract
        yield from self._with_body(operation, status)
        denied = contract.vendor.auth_headers(DENIED)
        if operation.secured and status in credential_statuses(contract):
            if status == status_of(contract, "forbidden"):
                yield Cause("a credential without permission", "", example.with_headers(denied))
            yield Cause("no credential", "", example.without_header(next(iter(denied))))
        query = [one.name for one in operation.parameters if one.place == "query"]
        if query and status == status_of(contract, "bad_request"):
            yield Cause("a query that is not UTF-8", "", example.with_query(f"{query[0]}=%FF"))
        if operation.body and status == status_of(contract, "too_large"):
            size = operation.max_body + 1
            yield Cause(f"a body of {size:,} bytes", "", replace(example, body=" " * size))

    def _with_body(self, operation: Operation, status: int) -> Iterator[Cause]:
        """Yield the exchanges that read from an operation's path, with its own method and body.

        One whose query the operation does not read is left out: it would be refused for another reason.
        """
        body = self.example(operation).body
        known = {one.name for one in operation.parameters if one.place == "query"}
        for one in self._alone if operation.body else ():
            path, query = self._path_of(one.target), one.target.partition("?")[2]
            if not known.issuperset(name for name, _ in parse_qsl(query)):
                continue
            if one.status == status and one.method == "GET" and path and path.template == operation.template:
                sent = self._request(one).with_headers({"Content-Type": operation.body_types[0]})
                yield Cause(one.name, one.source, replace(sent, method=operation.method, body=body))

    def _preferred(self, operation: Operation, status: int) -> Cause:
        preferred = self.example(operation).with_headers({"Prefer": f"code={status}"})
        return Cause(f"the spec's example, asked for by Prefer: code={status}", "", preferred)
