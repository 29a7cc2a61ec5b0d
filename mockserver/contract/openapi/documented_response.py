"""Documented responses: the responses that a spec declares for an operation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mockserver.contract.openapi.schema import References, Schema

EVIDENCE = ("documented", "observed", "inferred")
HeaderPairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DocumentedResponse:
    """A response that a spec declares for one operation, or for all operations of a vendor.

    `evidence` is `documented`, `observed` or `inferred`; `source` says where the evidence was found.
    `headers` maps the names of declared headers to example values, which may be empty. `required_headers`
    names those that every response must have. `examples` maps names to bodies. If `schema` is None, any
    body is valid.
    """

    status: int
    evidence: str
    source: str
    description: str
    schema: Schema | None
    headers: Mapping[str, str]
    required_headers: tuple[str, ...]
    examples: Mapping[str, Any]

    @cached_property
    def field_names(self) -> frozenset[str] | None:
        """The names of all fields that the body may have, at any depth. None if it may have any."""
        return self.schema.field_names if self.schema else None

    def missing_header(self, headers: HeaderPairs) -> str:
        """Return a message if a required header is missing, otherwise an empty string."""
        if not self.required_headers:
            return ""
        given = {name.lower() for name, _ in headers}
        for name in self.required_headers:
            if name.lower() not in given:
                return f"header {name} is missing"
        return ""

    def difference(self, headers: HeaderPairs, body: Any) -> str:
        """Return a message if the headers or the body break the spec, otherwise an empty string."""
        if self.required_headers and (missing := self.missing_header(headers)):
            return missing
        if self.schema is None or self.schema.accepts(body):
            return ""
        return self.schema.difference(body) or "the validators disagree about the body"


def compile_response(status: int, item: dict[str, Any], references: References) -> DocumentedResponse:
    """Compile a response object of a spec. Raise KeyError or ValueError if a part is missing or wrong."""
    content = item.get("content", {}).get("application/json", {})
    headers = {name: references.resolve(header) for name, header in item.get("headers", {}).items()}
    evidence = item.get("x-evidence")
    if evidence not in EVIDENCE:
        raise ValueError(f"x-evidence is {evidence}: it must be one of {', '.join(EVIDENCE)}")
    if not item.get("x-source"):
        raise ValueError("x-source is missing: say where this response is documented or was observed")
    return DocumentedResponse(
        status=status,
        evidence=evidence,
        source=item["x-source"],
        description=" ".join(item["description"].split()),
        schema=references.schema(content["schema"]) if content else None,
        headers={name: str(one.get("example", "")) for name, one in headers.items()},
        required_headers=tuple(name for name, one in headers.items() if one.get("required")),
        examples=dict(_examples(content)),
    )


def _examples(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "example" in content:
        yield "default", content["example"]  # the name that Prism uses
    yield from ((name, example["value"]) for name, example in content.get("examples", {}).items())
