"""The content of the page of one operation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mockserver.console.pages.docs.causes import Cause, Causes
from mockserver.console.pages.docs.schema_rows import SchemaRow, rules_in_words, schema_rows
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.body_types import BODY_KINDS
from mockserver.contract.openapi.documented_response import DocumentedResponse
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.schema import References
from mockserver.vendor_api.credential import DEFAULT_SANDBOX


@dataclass(frozen=True)
class StatusDoc:
    """A status that an operation may answer with, and the requests that yield it."""

    response: DocumentedResponse
    causes: list[Cause]
    shared: bool
    headers: list[tuple[str, str, str]]  # name, description, example
    rows: list[SchemaRow]
    by_example: dict[str, Cause]  # of each example, if there are several

    @property
    def key(self) -> str:
        """The name of the status in forms and anchors."""
        return f"{'any' if self.shared else 'own'}-{self.response.status}"


@dataclass(frozen=True)
class ParameterDoc:
    """A parameter, with its rules in words."""

    place: str
    name: str
    required: bool
    rules: str
    description: str
    example: str
    marks: list[str]


@dataclass(frozen=True)
class OperationPage:
    """One operation of a vendor, for the sandbox with this credential, which is in `headers` too."""

    contract: Contract
    operation: Operation
    headers: Mapping[str, str]
    credential: str = DEFAULT_SANDBOX

    @cached_property
    def causes(self) -> Causes:
        return Causes(self.contract, self.headers, self.credential)

    @cached_property
    def item(self) -> dict[str, Any]:
        """The operation object of the spec."""
        document = self.contract.spec.document
        found: dict[str, Any] = document["paths"][self.operation.template][self.operation.method.lower()]
        return found

    @property
    def title(self) -> str:
        return str(self.item.get("summary", self.operation.id))

    @cached_property
    def statuses(self) -> list[StatusDoc]:
        """The statuses of the operation, then those that all operations share."""
        own = [self._status(one, shared=False) for one in self.operation.responses.values()]
        shared = self.contract.spec.shared_responses.items()
        known = self.operation.responses
        return own + [
            self._status(one, shared=True)
            for status, one in shared
            if status not in known or one.source != known[status].source
        ]

    def cause(self, name: str) -> tuple[StatusDoc, Cause] | None:
        """Return the cause that a button names, such as `own-401-2` or `own-401-noShop`, with its status."""
        for status in self.statuses:
            which = name.removeprefix(f"{status.key}-")
            if which == name:
                continue
            if which in status.by_example:
                return status, status.by_example[which]
            if which.isdecimal() and int(which) < len(status.causes):
                return status, status.causes[int(which)]
        return None

    @cached_property
    def parameters(self) -> list[ParameterDoc]:
        shared = self.contract.spec.document["paths"][self.operation.template].get("parameters", [])
        items = [self._references.resolve(one) for one in (*shared, *self.item.get("parameters", []))]
        return [self._parameter(item) for item in items]

    @cached_property
    def body_rows(self) -> list[SchemaRow]:
        """The fields of the body of a request; none if it takes no body."""
        body = self._references.resolve(self.item.get("requestBody"))
        content = body["content"][self.operation.body_types[0]] if body else {}
        return schema_rows(content["schema"], self._references) if body else []

    @property
    def body_kinds(self) -> str:
        """The types of body that the operation takes, in words."""
        kinds = " or ".join(BODY_KINDS[name] for name in self.operation.body_types)
        return kinds[:1].upper() + kinds[1:]

    @cached_property
    def _references(self) -> References:
        return References(self.contract.spec.document)

    def _status(self, response: DocumentedResponse, *, shared: bool) -> StatusDoc:
        group = self.contract.spec.document["x-shared-responses"] if shared else self.item["responses"]
        by_status = {int(status): item for status, item in group.items()}
        item = self._references.resolve(by_status[response.status])
        content = item.get("content", {}).get("application/json", {})
        names = response.examples if len(response.examples) > 1 and not shared else ()
        return StatusDoc(
            response,
            self.causes.of(self.operation, response.status, shared=shared),
            shared,
            [*self._headers(item)],
            schema_rows(content["schema"], self._references) if content else [],
            {one: self.causes.of_example(self.operation, response.status, one) for one in names},
        )

    def _headers(self, item: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        for name, header in item.get("headers", {}).items():
            found = self._references.resolve(header)
            yield name, " ".join(found.get("description", "").split()), str(found.get("example", ""))

    def _parameter(self, item: Mapping[str, Any]) -> ParameterDoc:
        schema = self._references.resolve(item["schema"])
        compiled = next(
            one for one in self.operation.parameters if (one.place, one.name) == (item["in"], item["name"])
        )
        example = compiled.example
        text = ",".join(map(str, example)) if isinstance(example, list) else example
        marks = {
            "required": compiled.required,
            "usually sent": compiled.usual,
            "deprecated": compiled.deprecated,
            "empty counts as not sent": compiled.empty_is_absent,
        }
        return ParameterDoc(
            compiled.place,
            compiled.name,
            compiled.required,
            rules_in_words(schema),
            compiled.description,
            "" if text is None else str(text),
            [mark for mark, applies in marks.items() if applies],
        )
