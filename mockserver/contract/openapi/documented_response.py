"""Documented responses: what an operation may answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.contract.openapi.schema import References, Schema

EVIDENCE = {name: name for name in ("documented", "observed", "inferred")}


HeaderPairs = tuple[tuple[str, str], ...]  # headers, each a name and a text


@dataclass(frozen=True)
class DocumentedResponse:
    """One documented answer of an operation, or of the vendor's ground as a whole.

    `headers` are the required ones with an example of each, `examples` the bodies by name.
    """

    status: int
    evidence: str
    source: str
    description: str
    schema: Schema | None
    headers: Mapping[str, str]
    examples: Mapping[str, Any]

    def lacks(self, headers: HeaderPairs) -> str:
        """Which header is missing among these; empty if none is."""
        if self.headers:
            given = {name.lower() for name, _ in headers}
            for name in self.headers:
                if name.lower() not in given:
                    return f"header {name} is missing"
        return ""

    def difference(self, headers: HeaderPairs, body: Any) -> str:
        """How an answer with these headers differs from this; empty if it does not."""
        if lacking := self.lacks(headers):
            return lacking
        if self.schema is None or self.schema.accepts(body):
            return ""
        return self.schema.difference(body) or "the validators disagree about it"


def compile_response(status: int, item: dict[str, Any], references: References) -> DocumentedResponse:
    content = item.get("content", {}).get("application/json", {})
    headers = {name: references.resolve(header) for name, header in item.get("headers", {}).items()}
    return DocumentedResponse(
        status=status,
        evidence=EVIDENCE[item["x-evidence"]],
        source=item.get("x-source", ""),
        description=" ".join(item["description"].split()),
        schema=references.schema(content["schema"]) if content else None,
        headers={name: str(one.get("example", "")) for name, one in headers.items() if one.get("required")},
        examples=dict(_examples(content)),
    )


def _examples(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "example" in content:
        yield "default", content["example"]  # as Prism calls the one that has no name
    yield from ((name, example["value"]) for name, example in content.get("examples", {}).items())
