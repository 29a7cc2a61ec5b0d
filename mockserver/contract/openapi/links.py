"""Links: the answers of one operation have values that another operation takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mockserver.contract.openapi.schema import References


@dataclass(frozen=True)
class Link:
    """One link of a response: from the operation `source` to `target`, both by `operationId`.

    `parameters` and `body` are those of the target: constants, and expressions such as `$response.body#/id`.
    """

    name: str
    source: str
    target: str
    parameters: dict[str, Any]
    body: Any


def links_of(document: dict[str, Any]) -> Iterator[Link]:
    """Yield the links in the responses of a spec. The target of one that names none is an empty string."""
    resolve = References(document).resolve
    for path in document["paths"].values():
        for item in path.values():
            if not isinstance(item, dict) or "responses" not in item:
                continue
            for response in item["responses"].values():
                for name, found in resolve(response).get("links", {}).items():
                    link = resolve(found)
                    target, parameters = link.get("operationId", ""), link.get("parameters", {})
                    yield Link(name, item["operationId"], target, parameters, link.get("requestBody"))
