"""A small vendor in a folder of its own, to be damaged by tests."""

from collections.abc import Callable
from pathlib import Path

MODULE, SPEC, FIXTURE = "vendors/acme.py", "specs/acme.yaml", "fixtures/acme.yaml"
FILES = {
    MODULE: '''
"""Acme's inventory API."""

from mockserver.vendor_api import Answer, Collection, Problem, Vendor, bearer_token, require_accepted

STATUS = {
    "bad_request": 400, "invalid": 422, "unauthenticated": 401, "forbidden": 403, "not_found": 404,
    "no_such_path": 404, "method_not_allowed": 405, "request_timeout": 408, "too_large": 413,
    "rate_limited": 429,
}


def get_item(call):
    item = call.records("items").get(call.path["id"])
    if item is None:
        raise Problem("not_found")
    return item


def render(problem, call):
    return Answer(STATUS[problem.kind], {"error": problem.kind}, (("X-Trace", "1"),))


vendor = Vendor(
    name="acme",
    title="Acme",
    credential=bearer_token,
    authenticate=require_accepted,
    operations={"get-item": get_item},
    render=render,
    collections=(Collection("items", "id", aliases={"sku": lambda catalog, sku: None}),),
    sample="/items/1",
    auth_headers=lambda credential: {"Authorization": f"Bearer {credential}"},
)
'''.lstrip(),
    SPEC: '''
openapi: 3.0.3
info: {title: Acme, version: "1"}
servers: [{url: https://api.acme.example}]
paths:
  /items/{id}:
    get:
      operationId: get-item
      parameters:
        - {name: limit, in: query, schema: {type: integer}}
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        "200":
          description: The item
          x-evidence: documented
          x-source: the page of get-item
          content: {application/json: {schema: {$ref: "#/components/schemas/Item"}}}
          links:
            itself: {operationId: get-item, parameters: {id: "$response.body#/id"}}
x-shared-responses:
  "400": {description: Refused, x-evidence: inferred, x-source: our own choice}
  "401": {description: Refused, x-evidence: inferred, x-source: our own choice}
  "403": {description: Refused, x-evidence: inferred, x-source: our own choice}
  "404":
    description: Refused
    x-evidence: observed
    x-source: a recorded answer
    headers: {X-Trace: {$ref: "#/components/headers/Trace"}}
  "405": {description: Refused, x-evidence: inferred, x-source: our own choice}
  "408": {description: Refused, x-evidence: inferred, x-source: our own choice}
  "413": {description: Refused, x-evidence: inferred, x-source: our own choice}
  "422": {description: Refused, x-evidence: inferred, x-source: our own choice}
  "429": {description: Refused, x-evidence: inferred, x-source: our own choice}
x-collections:
  items: {$ref: "#/components/schemas/Item"}
components:
  headers:
    Trace: {required: true, schema: {type: string}, example: "1"}
  schemas:
    Item:
      type: object
      required: [id, sku, stock]
      additionalProperties: false
      properties: {id: {type: integer}, sku: {type: string}, stock: {type: integer, minimum: 0}}
'''.lstrip(),
    FIXTURE: '''
records:
  items:
    - {id: 1, sku: A-1, stock: 3}
exchanges:
  - name: an item
    request: GET /acme/items/1
    headers: &demo {Authorization: Bearer demo}
    status: 200
    response: '{"id": 1, "sku": "A-1", "stock": 3}'
  - name: a query that cannot be read
    request: GET /acme/items/1?limit=%FF
    headers: *demo
    status: 400
    response: '{"error": "bad_request"}'
  - name: an invalid parameter
    request: GET /acme/items/1?limit=many
    headers: *demo
    status: 422
    response: '{"error": "invalid"}'
  - name: no token
    request: GET /acme/items/1
    status: 401
    response: '{"error": "unauthenticated"}'
  - name: a token without permission
    request: GET /acme/items/1
    headers: {Authorization: Bearer forbidden}
    status: 403
    response: '{"error": "forbidden"}'
  - name: an unknown item
    request: GET /acme/items/2
    headers: *demo
    status: 404
    response: '{"error": "not_found"}'
  - name: a method that the path does not have
    request: DELETE /acme/items/1
    headers: *demo
    status: 405
    response: '{"error": "method_not_allowed"}'
'''.lstrip(),
}  # fmt: skip

Damage = Callable[[str], str] | None


def replace(old: str, new: str) -> Damage:
    def damage(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return damage


def put(text: str) -> Damage:
    return lambda _: text


def write_vendor(folder: Path) -> Path:
    """Write the vendor's files into a folder, and return the folder."""
    for file, text in FILES.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text)
    return folder
