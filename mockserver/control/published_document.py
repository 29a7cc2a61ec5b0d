"""Published documents: a spec as other people's tools get it from this server."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mockserver.contract.openapi.schema import References
from mockserver.contract.openapi.spec import METHODS, Spec
from mockserver.data.resources import floats

OWN = (
    "x-shared-responses",
    "x-collections",
    "x-not-emulated",
    "x-webhook-topics",
    "x-dialects",
)  # for the mock itself


def published_document(spec: Spec, *, injected: bool) -> dict[str, Any]:
    """Return a spec's OpenAPI document without the parts that only the mock itself reads, as plain JSON.

    If `injected` is True, each operation also declares the shared responses: faults and `Prefer` cause them.
    """
    document = msgspec.json.decode(msgspec.json.encode(floats(spec.document)))  # dates become strings
    shared = document.get("x-shared-responses", {}) if injected else {}
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                item[method]["responses"] = dict(sorted({**shared, **item[method]["responses"]}.items()))
    return {name: part for name, part in document.items() if name not in OWN}


def record_schema(spec: Spec, collection: str) -> dict[str, Any]:
    """Return the OpenAPI schema of a collection's records, with the target in place of each reference."""
    resolve = References(spec.document).resolve

    def whole(node: Any) -> Any:
        node = resolve(node)
        if isinstance(node, Mapping):
            return {name: whole(part) for name, part in node.items()}
        return [*map(whole, node)] if isinstance(node, list) else node

    schema: dict[str, Any] = floats(whole(spec.document["x-collections"][collection]))
    return schema


def with_server(document: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Return a document with this URL as its only server."""
    return {name: [{"url": url}] if name == "servers" else part for name, part in document.items()}
