"""What the peers are given: one OpenAPI document of the measured operations, and WireMock's stubs.

Made from our own specs, and reduced where a peer would stumble or do other work than we do:
what is reduced is said in `REDUCED`, and stands in the results.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mockserver.contract.openapi.schema import References, floats
from mockserver.resources import read, spec_file
from tests.bench.operations import ACCOUNT, OPERATIONS, PAGE

REDUCED = (
    "both specs are joined into one document, with references put in place",
    "the page is fixed to 20 items, so that who makes up answers makes as many",
    "examples of 200 are one of our own answers, at the media type and in the schema (for Mockoon)",
    "optional response headers are left out, as we do not send them either",
    "links are left out",
)


def document(bodies: Mapping[str, Any]) -> dict[str, Any]:
    """One OpenAPI document of all measured operations; `bodies` are our own answers by operation."""
    joined: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {"title": "benchmark", "version": "1"},
        "paths": {},
        "components": {"securitySchemes": {}},
    }
    for operation in OPERATIONS:
        spec = floats(read(spec_file(operation.vendor)))
        joined["components"]["securitySchemes"] |= spec["components"]["securitySchemes"]
        for template, item in spec["paths"].items():
            kept = joined["paths"].setdefault(template, {"parameters": item.get("parameters", [])})
            method = operation.method.lower()
            if method in item:
                kept[method] = {"security": spec["security"], **_placed(item[method], References(spec))}
                _answer_with(kept[method]["responses"]["200"], bodies[operation.name])
    return joined


def _placed(node: Any, references: References) -> Any:
    """The same with references put in place, less what `REDUCED` tells of."""
    node = references.resolve(node)
    if isinstance(node, list):
        return [_placed(item, references) for item in node]
    if not isinstance(node, dict):
        return node
    drop = ("headers", "links") if "x-evidence" in node else ()
    return {name: _placed(value, references) for name, value in node.items() if name not in drop}


def _answer_with(response: dict[str, Any], body: Any) -> None:
    content = response["content"]["application/json"]
    content.pop("examples", None)
    content["example"] = content["schema"]["example"] = body
    if listed := content["schema"]["properties"].get("inventory"):
        listed |= {"minItems": PAGE, "maxItems": PAGE}


def stubs(bodies: Mapping[str, Any]) -> list[dict[str, Any]]:
    """WireMock's mappings: they check headers, query, path and body as far as matchers can."""
    number = {"matches": "[0-9]+"}
    record = {
        "urlPathPattern": "/api/v2/inventory/(id|sku|ean)/[^/]+",
        "basicAuthCredentials": {"username": "demo", "password": "demo"},
    }
    page = {
        "method": "GET",
        "urlPath": "/products/inventory",
        "headers": {"Authorization": {"matches": "Bearer .+"}, "Version": {"equalTo": "2021-07-28"}},
        "queryParameters": {"altId": {"equalTo": ACCOUNT}, "limit": number, "offset": number},
    }
    body = {"bodyPatterns": [{"matchesJsonPath": "$[?(@.price_net >= 0)]"}]}
    requests = {
        "page": page,
        "read": {"method": "GET", **record},
        "write": {"method": "PATCH", **record, **body},
    }
    return [
        {
            "request": request,
            "response": {
                "status": 200,
                "headers": {"Content-Type": "application/json"},
                "body": json.dumps(bodies[name], separators=(",", ":")),
            },
        }
        for name, request in requests.items()
    ]


def write(folder: Path, contents: Mapping[str, tuple[str, str]]) -> None:
    """The files that peers read; `contents` are type and text of our own answers by operation."""
    bodies = {name: json.loads(text) for name, (_, text) in contents.items()}
    (folder / "openapi.json").write_text(json.dumps(document(bodies)))
    (folder / "wiremock" / "mappings").mkdir(parents=True, exist_ok=True)
    for stub, name in zip(stubs(bodies), bodies, strict=True):
        (folder / "wiremock" / "mappings" / f"{name}.json").write_text(json.dumps(stub))
    answers = {
        f"{operation.method} {operation.path.split('/')[1]}": dict(
            zip(("type", "body"), contents[operation.name], strict=True)
        )
        for operation in OPERATIONS
    }
    (folder / "answers.json").write_text(json.dumps(answers))
