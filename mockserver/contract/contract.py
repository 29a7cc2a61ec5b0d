"""A vendor's contract: turns its handlers' answers into responses, and checks them against its spec."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec.structs import replace

from mockserver.contract.openapi.documented_response import DocumentedResponse, HeaderPairs
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.page_template import page_template_of
from mockserver.contract.openapi.spec import Path, Spec
from mockserver.contract.response import ContractBroken, Response, is_header, tagged
from mockserver.data.store.base_records import BaseRecords, Page
from mockserver.sandbox.dialects import Dialect
from mockserver.vendor_api.answer import Answer, RawAnswer
from mockserver.vendor_api.auth import credential_in_body
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Headers, Request
from mockserver.vendor_api.vendor import Vendor

TOO_MANY_REQUESTS = 429


class Contract:
    """A vendor with its spec and its collections.

    `aliases` are additional host names of the vendor. `fixtures` is the vendor's fixture file, or None if it
    has none. If `page_templates` is False, the records of a page are validated and encoded one by one, which
    is slower but gives the same bytes. `documented` is the contract in the dialect `documented`, which is the
    contract itself unless it is one of another dialect.
    """

    dialect: Dialect = "documented"

    def __init__(
        self,
        vendor: Vendor,
        spec: Spec,
        base_records: Mapping[str, BaseRecords],
        *,
        fixtures: FilePath | None = None,
        page_templates: bool = True,
    ) -> None:
        self.vendor, self.spec, self.base_records, self.fixtures = vendor, spec, base_records, fixtures
        self.documented = self
        self.aliases: frozenset[str] = frozenset()
        self._content_type = _valid((("Content-Type", vendor.content_type),))
        self._use_templates, self._etag = page_templates, vendor.etag
        self.issues_tokens = not all(operation.secured for operation in spec.operations.values())
        templates = (
            (name, page_template_of(one.responses.get(200))) for name, one in spec.operations.items()
        )
        self._templates = {name: template for name, template in templates if template}

    def host(self, name: str) -> dict[str, str] | None:
        """Return the server variables for a host name, or None if the vendor has no such host."""
        return self.spec.default_host if name in self.documented.aliases else self.spec.host(name)

    def in_dialect(self, dialect: Dialect) -> "Contract":
        """Return the contract in a dialect, which is made when it is first used.

        Return the same one if nothing differs. Raise InvalidFile if the spec of the dialect is wrong.
        """
        return self.documented if dialect == "documented" else self.documented._observed

    @cached_property
    def _observed(self) -> "Contract":
        spec, vendor = self.spec.observed, self.vendor
        if spec is self.spec and not vendor.observed:
            return self
        vendor = vendor.in_observed()  # `check_vendor` has tried it
        templates = self._use_templates
        found = Contract(vendor, spec, self.base_records, fixtures=self.fixtures, page_templates=templates)
        found.documented, found.dialect = self, "observed"
        return found

    def credential(self, request: Request, operation: Operation | None) -> Credential:
        """Return the credential of a request. If the operation needs none in a header, it is in the body."""
        if operation is None or operation.secured:
            return self.vendor.credential(request)
        return credential_in_body(request, self.vendor.credential_field, *self.vendor.credential_spellings)

    def respond(self, answer: Any, call: Call, operation: Operation) -> Response:
        """Turn a handler's answer into a response. If the answer is only a body, the status is 200.

        Raise ContractBroken if the spec does not declare the response.
        """
        if type(answer) is dict:
            return self._checked(200, answer, (), call, operation)
        if isinstance(answer, Answer):
            return self.response(answer, call, operation)
        if isinstance(answer, RawAnswer):
            headers = _valid((("Content-Type", answer.content_type), ("Cache-Control", "no-store")))
            return Response(200, headers, answer.body, answer.stream)
        return self._checked(200, answer, (), call, operation)

    def response(self, answer: Answer, call: Call, operation: Operation | None) -> Response:
        """Turn an answer into a response. Raise ContractBroken if the spec does not declare it."""
        return self._checked(answer.status, answer.body, answer.headers, call, operation)

    def _checked(
        self, status: int, body: Any, more_headers: HeaderPairs, call: Call, operation: Operation | None
    ) -> Response:
        headers = self._content_type if status != 204 else ()
        if more_headers or self.vendor.common_headers:
            headers = (*headers, *self._own_headers(call, more_headers))
        documented = operation.responses.get(status) if operation else None
        documented = documented or self.spec.shared_responses.get(status)
        if documented is None:
            raise ContractBroken(f"{self.vendor.name} {status}: the spec does not declare this status")
        template = self._templates.get(operation.id) if operation and status == 200 else None
        text = None
        if template and type(page := body.get(template.name)) is Page:  # ten times as fast as isinstance
            text = template.render(body, page) if self._use_templates else None
            if text is None or documented.missing_header(headers):
                text, body = None, {**body, template.name: list(page)}
        if text is None:
            if wrong := documented.difference(headers, body):
                raise ContractBroken(f"{self.vendor.name} {status}: {wrong}")
            text = b"" if status == 204 else encode(body)
        response = Response(status, headers, text)
        return response if self._etag is None else tagged(response, self._etag(text), call.request)

    def _own_headers(self, call: Call, headers: HeaderPairs = ()) -> HeaderPairs:
        """Return an answer's own headers and the vendor's common ones. Raise ContractBroken."""
        if common := self.vendor.common_headers:
            headers = (*headers, *common(call).items())
        return _valid(headers) if headers else ()

    def refusal(
        self, problem: Problem, call: Call, operation: Operation | None, path: Path | None
    ) -> Response:
        """Return the vendor's response to a problem; a 405 lists the path's methods in `Allow`."""
        answer = self.vendor.render(problem, call)
        if problem.kind == "method_not_allowed" and path:
            answer = replace(answer, headers=(*answer.headers, ("Allow", ", ".join(path.methods))))
        return self.response(answer, call, operation)

    def answer_part(self, call: Call, method: str, target: str, body: Any = None) -> Answer:
        """Answer a request that is part of a call: see `Call.answer_part`. Raise ContractBroken."""
        path, _, query = target.partition("?")
        request = replace(
            call.request, method=method, target=target, query=query, headers=Headers(),
            body=b"" if body is None else encode(body),
        )  # fmt: skip
        call.part_count += 1
        part = replace(
            call, request=request, path={}, query={}, headers={}, body=None, parts=None,
            random_bytes=partial(_random_bytes_of_part, call.random_bytes, call.part_count),
        )  # fmt: skip
        draft = call.draft
        state, changed, last_read = draft.state, dict(draft.changed), draft.last_read
        operation = None
        try:
            found = self.spec.find(_segments(path))
            if found is None:
                raise Problem("no_such_path")
            operation = found[0].operations.get(method)
            if operation is None:
                raise Problem("method_not_allowed")
            if operation.secured:
                self.vendor.authenticate(part)
            values = operation.read(request, found[1])
            part.path, part.query, part.headers = values["path"], values["query"], values["header"]
            part.body = operation.read_body(request)
            answer = self.vendor.operations[operation.id](part)
            answer = answer if isinstance(answer, Answer) else Answer(200, answer)
            self.response(answer, part, operation)
        except Problem as problem:
            draft.state, draft.changed, draft.last_read = state, changed, last_read
            answer = self.vendor.render(problem, part)
        return answer

    def without_body(self, call: Call, status: int, *headers: tuple[str, str]) -> Response:
        """Return a response without a body. The spec does not have to declare this response."""
        return Response(status, self._own_headers(call, headers), b"")

    def documented_responses(self, operation: Operation) -> dict[int, DocumentedResponse]:
        """Map each status of an operation to its documented response, shared responses included."""
        return dict(sorted({**self.spec.shared_responses, **operation.responses}.items()))

    def example(self, status: int, call: Call, operation: Operation, path: Path) -> Response:
        """Return the spec's first example for a status, or an empty body if there is no example."""
        documented = self.documented_responses(operation).get(status)
        if documented and documented.examples:
            answer = Answer(status, next(iter(documented.examples.values())))
            return self.with_declared_headers(answer, call, operation, path)
        headers = self._undelivered(Answer(status, None), call, operation, path)
        return self.without_body(call, status, *headers)

    def with_declared_headers(self, answer: Answer, call: Call, operation: Operation, path: Path) -> Response:
        """Turn an injected answer into a response with all headers that the spec declares for its status.

        Take the values of headers that the vendor does not give from the spec's examples.
        """
        if answer.status == TOO_MANY_REQUESTS:
            call.quota = call.quota.used_up()
        missing = self._undelivered(answer, call, operation, path)
        return self.response(replace(answer, headers=(*answer.headers, *missing)), call, operation)

    def _undelivered(self, answer: Answer, call: Call, operation: Operation, path: Path) -> HeaderPairs:
        """Return the declared headers of an answer that neither the answer nor the vendor gives."""
        documented = self.documented_responses(operation).get(answer.status)
        if documented is None:
            return ()
        declared = dict(documented.headers)
        if "Allow" in declared:
            declared["Allow"] = ", ".join(path.methods)
        given = {name.lower() for name, _ in (*answer.headers, *self._own_headers(call))}
        return tuple(
            (name, value)
            for name, value in declared.items()
            if name.lower() not in given and (value or name in documented.required_headers)
        )


def _random_bytes_of_part(random_bytes: Callable[[str], bytes], number: int, purpose: str) -> bytes:
    return random_bytes(f"part {number}: {purpose}")


def _segments(path: str) -> tuple[str, ...]:
    parts = path.split("/")[1:]
    return tuple(unquote_to_bytes(part).decode("utf-8", "surrogateescape") for part in parts) or ("",)


def _valid(headers: HeaderPairs) -> HeaderPairs:
    """Return the headers. Raise ContractBroken if HTTP does not allow one of them.

    See RFC 9110, 5.1 and 5.5: a line break in a value would add a header, or end the head.
    """
    for name, value in headers:
        if not is_header(name, value):
            raise ContractBroken(
                f"header {name!r} is not valid: its name must be a token, and its value a str of Latin-1"
                f" without control characters, not {value!r}"
            )
    return headers
