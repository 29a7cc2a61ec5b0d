"""A vendor's contract: turns its handlers' answers into responses, and checks them against its spec."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from msgspec.structs import replace

from mockserver.contract.openapi.documented_response import DocumentedResponse, HeaderPairs
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.page_template import page_template_of
from mockserver.contract.openapi.spec import Path, Spec
from mockserver.contract.response import ContractBroken, Response, is_header
from mockserver.store.base_records import BaseRecords, Page
from mockserver.vendor_api.answer import Answer, RawAnswer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.vendor import Vendor

TOO_MANY_REQUESTS = 429


class Contract:
    """A vendor with its spec and its collections.

    `aliases` are additional host names of the vendor. `fixtures` is the vendor's fixture file, or None if it
    has none. If `page_templates` is False, the records of a page are validated and encoded one by one, which
    is slower but gives the same bytes.
    """

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
        self.aliases: frozenset[str] = frozenset()
        self._content_type = _valid((("Content-Type", vendor.content_type),))
        self._use_templates = page_templates
        templates = (
            (name, page_template_of(one.responses.get(200))) for name, one in spec.operations.items()
        )
        self._templates = {name: template for name, template in templates if template}

    def host(self, name: str) -> dict[str, str] | None:
        """Return the server variables for a host name, or None if the vendor has no such host."""
        return self.spec.default_host if name in self.aliases else self.spec.host(name)

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
        if template and type(page := body.get(template.name)) is Page:  # ten times as fast as isinstance
            text = template.render(body, page) if self._use_templates else None
            if text is not None and not documented.missing_header(headers):
                return Response(status, headers, text)
            body = {**body, template.name: list(page)}
        if wrong := documented.difference(headers, body):
            raise ContractBroken(f"{self.vendor.name} {status}: {wrong}")
        return Response(status, headers, b"" if status == 204 else encode(body))

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
