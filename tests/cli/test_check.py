"""`mockserver check` prints one line for each mistake that shows in the responses of a vendor."""

import logging
import re
from pathlib import Path

import pytest

from mockserver.cli import main
from mockserver.sandbox.log.values import KEPT
from tests.contract.sample_vendor import FIXTURE, MODULE, SPEC, Damage, replace, write_vendor
from tests.contract.test_vendor_check import observed

ITEM = '200 {"id": 1, "sku": "A-1", "stock": 3}'
SCHEMA = 'schema: {$ref: "#/components/schemas/Item"}'
OK = "/paths/~1items~1{id}/get/responses/200"
UNKNOWN = "  - name: an unknown item"
GET = '    item = call.records("items").get(call.path["id"])\n'


def get_fails(reason: str) -> list[str]:
    """Return the expected lines if every call that reaches the handler of the vendor fails."""
    failed = '500 {"error":"mock_failed","message":"the mock failed%s"}'
    return [
        "{module}: the sample /items/1 must get 200, but gets " + failed % reason,
        "{fixture}: exchange an item: expected " + f"{ITEM}, but got {failed % reason}",
        "{fixture}: exchange an unknown item: expected "
        + f'404 {{"error": "not_found"}}, but got {failed % reason}',
    ]


# For each mistake: the file to damage, the damage, and the lines that are printed.
BROKEN: dict[str, tuple[str, Damage, list[str]]] = {
    "sample does not get 200": (MODULE, replace('sample="/items/1"', 'sample="/items/9"'),
        ['{module}: the sample /items/9 must get 200, but gets 404 {"error":"not_found"}']),
    "example does not fit its schema": (SPEC, replace(SCHEMA, f"{SCHEMA}, example: {{id: 1}}"),
        ["{spec}: get-item 200: the example does not fit: sku: is missing: send a string: "
         "correct the example, or the schema"]),
    "an example of a dialect does not fit": (
        SPEC, observed(f'{{target: "{OK}/content/application~1json", update: {{example: {{id: 1}}}}}}'),
        ["{spec}: get-item 200: the example does not fit: sku: is missing: send a string: "
         "correct the example, or the schema (in the dialect observed)"]),
    "a dialect cannot be compiled": (
        SPEC, observed(f'{{target: "{OK}/x-evidence", value: rumour}}'),
        ["{spec}: x-dialects observed: get /items/{id}: response 200: x-evidence is rumour: "
         "it must be one of documented, observed, inferred"]),
    "a dialect has another operation": (
        SPEC, observed('{target: "/paths/~1items~1{id}/get/operationId", value: get-it}'),
        ["{spec}: x-dialects observed: a change adds or removes a path or an operation: both dialects "
         "must have the same"]),
    "render breaks the spec of a dialect": (SPEC, observed("{target: /x-shared-responses/429, remove: true}"),
        ["{spec}: render answers rate_limited with 429, which is not declared: add it to x-shared-responses "
         "(in the dialect observed)"]),
    "an exchange of a dialect gets another answer": (FIXTURE, replace(UNKNOWN, f"""  - name: an item, observed
    dialect: observed
    request: GET /acme/items/1
    headers: *demo
    status: 404
    response: '{{}}'
{UNKNOWN}"""),
        ['{fixture}: exchange an item, observed: expected 404 {}, '
         'but got 200 {"id":1,"sku":"A-1","stock":3}']),
    "pattern of a schema is not valid": (
        SPEC, lambda text: text.replace(SCHEMA, f"{SCHEMA}, example: {{id: 1, sku: A, stock: 1}}").replace(
            "sku: {type: string}, stock", r"sku: {type: string, pattern: '\p{L}'}, stock"),
        ["{spec}: get-item 200: the example does not fit: " + re.error.__name__ + r": bad escape \p at "
         "position 0: correct the example, or the schema"]),
    "status without exchange": (FIXTURE, replace("status: 405", "status: 404"),
        ["{fixture}: no exchange has status 405, which {spec} declares: add one",
         "{fixture}: exchange a method that the path does not have: expected 404 "
         '{"error": "method_not_allowed"}, but got 405 {"error":"method_not_allowed"}']),
    "exchange gets another body": (FIXTURE, replace('"stock": 3}', '\n      "stock": 4}'),
        ['{fixture}: exchange an item: expected 200 {"id": 1, "sku": "A-1", "stock": 4}, but got 200 '
         '{"id":1,"sku":"A-1","stock":3}']),
    "handler raises": (MODULE, replace(GET, "    1 / 0\n"),
        get_fails(" at acme.py:13: ZeroDivisionError: division by zero")),
    "handler exits": (MODULE, replace(GET, "    raise SystemExit(0)\n"),
        get_fails(" at acme.py:13: RuntimeError: the handler raised SystemExit: 0")),
    "handler raises an exception that cannot be shown": (
        MODULE, replace(GET, "    raise type('Odd', (Exception,), {'__str__': None})\n"),
        get_fails(" at acme.py:13: Odd")),
    "handler raises an unknown kind of problem": (MODULE, replace(GET, '    raise Problem("lost")\n'),
        get_fails(" at acme.py:13: ValueError: there is no kind of problem 'lost': use one of bad_request, "
                  "invalid, unauthenticated, forbidden, not_found, no_such_path, method_not_allowed, "
                  "request_timeout, too_large, rate_limited")),
    "handler names an unknown collection": (MODULE, replace('records("items")', 'records("typo")'),
        get_fails(" at acme.py:13: KeyError: 'typo'")),
    "handler returns None": (MODULE, replace("    return item\n", ""),
        get_fails(": acme 200: top level: must be an object")[:2]),
}  # fmt: skip


PUT = """
    put:
      operationId: put-item
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200":
          description: The item
          x-evidence: documented
          x-source: the page of put-item
          content: {application/json: {schema: {$ref: "#/components/schemas/Item"}}}
x-shared-responses:"""
PUT_ITEM = """
def put_item(call):
    call.records("items").put({"id": 1, "sku": "A-1", "stock": 3, "ratio": complex(1, 2)})
    return {"id": 1, "sku": "A-1", "stock": 3}


def render("""


def test_value_that_no_store_keeps_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_vendor(tmp_path)
    for file, old, new in (
        (MODULE, "def render(", PUT_ITEM),
        (MODULE, '"get-item": get_item', '"get-item": get_item, "put-item": put_item'),
        (SPEC, "\nx-shared-responses:", PUT),
        (FIXTURE, "GET /acme/items/1\n    headers: &demo", "PUT /acme/items/1\n    headers: &demo"),
    ):
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(SystemExit):
        main(["check", "--vendors", "acme", "--vendors-from", str(folder)])
    logging.disable(logging.NOTSET)  # the command switches all logs off
    line = f"record 1 of items has a complex in its field ratio: a store (--store) keeps only {KEPT}"
    assert capsys.readouterr().err == f"mockserver: {folder / MODULE}: {line}\n"


@pytest.mark.parametrize("name", BROKEN)
def test_mistake_is_one_line_for_each_response(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, damage, lines = BROKEN[name]
    folder = write_vendor(tmp_path)
    assert damage is not None
    (folder / file).write_text(damage((folder / file).read_text()))
    with pytest.raises(SystemExit) as exit:
        main(["check", "--vendors", "acme", "--vendors-from", str(folder)])
    logging.disable(logging.NOTSET)  # the command switches all logs off
    output, errors = capsys.readouterr()
    expected = "".join(f"mockserver: {line}\n" for line in lines)
    for word, other in (("{module}", MODULE), ("{spec}", SPEC), ("{fixture}", FIXTURE)):
        expected = expected.replace(word, str(folder / other))
    assert (errors, output, exit.value.code) == (expected, "", 2)
