"""Input files for the peers: one OpenAPI document of the measured operations, and WireMock's stubs.

They are made from our own specs, and simplified where a peer would fail or would do different work.
`SIMPLIFICATIONS` lists the changes, and is stored with the results.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mockserver.contract.openapi.schema import References
from mockserver.data.resources import floats, read, spec_file
from tests.bench.operations import ACCOUNT, OPERATIONS, PAGE_SIZE

SIMPLIFICATIONS = (
    "both specs are joined into one document, with references resolved",
    "the page always has 20 items, so that peers that generate responses generate as many items",
    "the example of each 200 is our own response, at the media type and (for Mockoon) in the schema",
    "optional response headers are left out, because we do not send them either",
    "links are left out",
)


def openapi_document(bodies: Mapping[str, Any]) -> dict[str, Any]:
    """Return one OpenAPI document of all measured operations.

    `bodies` maps the name of each operation to the JSON of our own response.
    """
    joined: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {"title": "benchmark", "version": "1"},
        "paths": {},
        "components": {"securitySchemes": {}},
    }
    for operation in OPERATIONS:
        spec = floats(read(spec_file(operation.vendor)))
        joined["components"]["securitySchemes"] |= spec["components"]["securitySchemes"]
        method = operation.method.lower()
        for template, source in spec["paths"].items():
            if source.get(method, {}).get("x-scope") == "page":  # of each method, only one is measured
                path_item = joined["paths"].setdefault(template, {"parameters": source.get("parameters", [])})
                resolved = _resolved(source[method], References(spec))
                path_item[method] = {"security": spec["security"], **resolved}
                _set_example(path_item[method]["responses"]["200"], bodies[operation.name])
    return joined


def _resolved(node: Any, references: References) -> Any:
    """Return a node with resolved references, without the parts that must be left out."""
    node = references.resolve(node)
    if isinstance(node, list):
        return [_resolved(item, references) for item in node]
    if not isinstance(node, dict):
        return node
    left_out = ("headers", "links") if "x-evidence" in node else ()  # only responses have x-evidence
    return {name: _resolved(value, references) for name, value in node.items() if name not in left_out}


def _set_example(response: dict[str, Any], body: Any) -> None:
    content = response["content"]["application/json"]
    content.pop("examples", None)
    content["example"] = content["schema"]["example"] = body
    if page := content["schema"]["properties"].get("inventory"):
        page |= {"minItems": PAGE_SIZE, "maxItems": PAGE_SIZE}


def wiremock_stubs(bodies: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return WireMock's mappings, which check headers, query, path and body as far as matchers allow."""
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


def write_peer_files(folder: Path, contents: Mapping[str, tuple[str, str]]) -> None:
    """Write the files that peers read.

    `contents` maps the name of each operation to (Content-Type, text) of our own response.
    """
    bodies = {name: json.loads(text) for name, (_, text) in contents.items()}
    (folder / "openapi.json").write_text(json.dumps(openapi_document(bodies)))
    (folder / "wiremock" / "mappings").mkdir(parents=True, exist_ok=True)
    for stub, name in zip(wiremock_stubs(bodies), bodies, strict=True):
        (folder / "wiremock" / "mappings" / f"{name}.json").write_text(json.dumps(stub))
    bare_responses = {
        f"{operation.method} {operation.path.split('/')[1]}": dict(
            zip(("type", "body"), contents[operation.name], strict=True)
        )
        for operation in OPERATIONS
    }
    (folder / "answers.json").write_text(json.dumps(bare_responses))
