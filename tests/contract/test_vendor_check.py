"""The check of a vendor's files at start reports a mistake in one line, with the file and the fix."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver import app
from mockserver.client import Client
from mockserver.resources import InvalidFile
from mockserver.server.server import serving
from tests.server_process import run

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
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200":
          description: The item
          x-evidence: documented
          x-source: the page of get-item
          content: {application/json: {schema: {$ref: "#/components/schemas/Item"}}}
          links:
            itself: {operationId: get-item, parameters: {id: "$response.body#/id"}}
components:
  headers:
    Trace: {required: true, schema: {type: string}, example: "1"}
  schemas:
    Item:
      x-collection: items
      type: object
      required: [id, sku, stock]
      additionalProperties: false
      properties: {id: {type: integer}, sku: {type: string}, stock: {type: integer, minimum: 0}}
  responses:
    BadRequest: {x-status: 400, description: Refused, x-evidence: inferred, x-source: our own choice}
    Unauthenticated: {x-status: 401, description: Refused, x-evidence: inferred, x-source: our own choice}
    Forbidden: {x-status: 403, description: Refused, x-evidence: inferred, x-source: our own choice}
    NotFound:
      x-status: 404
      description: Refused
      x-evidence: observed
      x-source: a recorded answer
      headers: {X-Trace: {$ref: "#/components/headers/Trace"}}
    NotAllowed: {x-status: 405, description: Refused, x-evidence: inferred, x-source: our own choice}
    Timeout: {x-status: 408, description: Refused, x-evidence: inferred, x-source: our own choice}
    TooLarge: {x-status: 413, description: Refused, x-evidence: inferred, x-source: our own choice}
    Invalid: {x-status: 422, description: Refused, x-evidence: inferred, x-source: our own choice}
    TooMany: {x-status: 429, description: Refused, x-evidence: inferred, x-source: our own choice}
'''.lstrip(),
    FIXTURE: '''
records:
  items:
    - {id: 1, sku: A-1, stock: 3}
'''.lstrip(),
}  # fmt: skip
SECOND_PATH = """  /items/{sku}:
    get:
      operationId: %s
      parameters: [{name: sku, in: path, required: true, schema: {type: string}}]
      responses:
        "200": {description: The item, x-evidence: documented, x-source: a page}
components:
"""

Damage = Callable[[str], str] | None


def replace(old: str, new: str) -> Damage:
    def damage(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return damage


def put(text: str) -> Damage:
    return lambda _: text


# For each mistake: the file to damage, the damage (None: remove the file), the file that the message
# names, and the rest of the message.
BROKEN: dict[str, tuple[str, Damage, str, str]] = {
    "spec: missing": (SPEC, None, SPEC, "there is no such file: every vendor needs it, so add it"),
    "spec: not YAML": (SPEC, put("openapi: [\n"), SPEC,
        "line 2: did not find expected node content: correct the YAML there"),
    "spec: a character that YAML forbids": (SPEC, put("openapi: \x01\n"), SPEC,
        'unacceptable character #x0001: control characters are not allowed in "<byte string>", '
        "position 9: correct the YAML"),
    "spec: empty": (SPEC, put(""), SPEC, "the file must be a mapping: write lines such as `name: value`"),
    "spec: not OpenAPI": (SPEC, put("a: 1\n"), SPEC,
        "OpenAPI 3.0 is needed, not None: begin the file with openapi: 3.0.3"),
    "spec: OpenAPI 3.1": (SPEC, replace("3.0.3", "3.1.0"), SPEC,
        "OpenAPI 3.0 is needed, not 3.1.0: begin the file with openapi: 3.0.3"),
    "spec: without paths": (SPEC, replace("paths:", "roads:"), SPEC, "paths is missing: add it"),
    "spec: without a server": (SPEC, replace("servers:", "server:"), SPEC, "servers is missing: add it"),
    "spec: operation without id": (SPEC, replace("operationId: get-item\n", "tags: []\n"), SPEC,
        "get /items/{id}: operationId is missing: add it"),
    "spec: parameter without type": (SPEC, replace("schema: {type: string}}]", "schema: {}}]"), SPEC,
        "get /items/{id}: type is missing: add it"),
    "spec: required is not a boolean": (
        SPEC, replace("required: true, schema", "required: maybe, schema"), SPEC,
        "get /items/{id}: parameter id: required must be true or false"),
    "spec: response without description": (
        SPEC, replace("description: The item\n", "x-note: The item\n"), SPEC,
        "get /items/{id}: response 200: description is missing: add it"),
    "spec: response without x-evidence": (SPEC, replace("          x-evidence: documented\n", ""), SPEC,
        "get /items/{id}: response 200: x-evidence is None: it must be one of documented, observed, "
        "inferred"),
    "spec: unknown x-evidence": (SPEC, replace("x-evidence: documented\n", "x-evidence: guessed\n"), SPEC,
        "get /items/{id}: response 200: x-evidence is guessed: it must be one of documented, "
        "observed, inferred"),
    "spec: response without x-source": (SPEC, replace("          x-source: the page of get-item\n", ""), SPEC,
        "get /items/{id}: response 200: x-source is missing: say where this response is documented or "
        "was observed"),
    "spec: shared response without x-source": (SPEC, replace("      x-source: a recorded answer\n", ""), SPEC,
        "components.responses.NotFound: x-source is missing: say where this response is documented or "
        "was observed"),
    "spec: shared response without status": (
        SPEC, replace("BadRequest: {x-status: 400, ", "BadRequest: {"), SPEC,
        "components.responses.BadRequest: x-status is missing: add it"),
    "spec: $ref to a missing schema": (
        SPEC, replace("#/components/schemas/Item", "#/components/schemas/Thing"), SPEC,
        "get /items/{id}: response 200: $ref #/components/schemas/Thing has no target: correct it, or "
        "add the target"),
    "spec: missing shared header": (SPEC, replace("    Trace:", "    Track:"), SPEC,
        "components.responses.NotFound: $ref #/components/headers/Trace has no target: correct it, or "
        "add the target"),
    "spec: $ref into a string": (SPEC, replace("#/components/schemas/Item", "#/openapi/Item"), SPEC,
        "get /items/{id}: response 200: $ref #/openapi/Item has no target: correct it, or add the target"),
    "spec: missing shared response": (
        SPEC, replace("    TooMany: {x-status: 429", "    TooMany: {x-status: 430"), SPEC,
        "render answers rate_limited with 429, which is not declared: add it to components.responses "
        "with x-status: 429"),
    "spec: link with an unknown operationId": (
        SPEC, replace("itself: {operationId: get-item", "itself: {operationId: get-thing"), SPEC,
        "link itself of get-item has an unknown operationId: correct it"),
    "spec: link with an unknown parameter": (SPEC, replace('{id: "$response', '{key: "$response'), SPEC,
        "link itself of get-item sets key, which is unknown: use a parameter of get-item: id"),
    "spec: links are not a mapping": (
        SPEC,
        replace('itself: {operationId: get-item, parameters: {id: "$response.body#/id"}}', "- itself"),
        MODULE,
        "the vendor cannot be loaded (AttributeError: 'list' object has no attribute 'items'): correct this "
        "file, {spec} or {fixture}"),
    "spec: two paths for the same requests": (SPEC, replace("components:\n", SECOND_PATH % "get-item"), SPEC,
        "/items/{id} and /items/{sku} match the same requests: make them one path"),
    "spec: repeated operationId": (
        SPEC, replace("components:\n", (SECOND_PATH % "get-item").replace("/items/", "/skus/")), SPEC,
        "the operationId get-item is used twice: rename one of them"),
    "spec: collection without schema": (SPEC, replace("      x-collection: items\n", ""), SPEC,
        "no schema has x-collection: items: add it to the schema of these records"),
    "spec: unknown operation": (SPEC, replace("operationId: get-item\n", "operationId: get-thing\n"), SPEC,
        "the vendor has a handler for get-item, but the spec has no such operation: add the operation, "
        "or remove the handler"),
    "module: missing": (MODULE, None, MODULE, "there is no such file: add it, or remove {spec}"),
    "module: without handler": (MODULE, replace('{"get-item": get_item}', "{}"), SPEC,
        "operation get-item has no handler: add one to the vendor's operations"),
    "module: without vendor": (MODULE, replace("vendor = Vendor", "acme = Vendor"), MODULE,
        "`vendor` must be a Vendor whose name is acme, like the file"),
    "module: vendor with another name": (MODULE, replace('name="acme"', 'name="apex"'), MODULE,
        "`vendor` must be a Vendor whose name is acme, like the file"),
    "module: vendor is not a Vendor": (MODULE, put("vendor = 7\n"), MODULE,
        "`vendor` must be a Vendor whose name is acme, like the file"),
    "module: syntax error": (MODULE, put("\nvendor = (\n"), MODULE,
        "line 2: the module cannot be imported (SyntaxError: '(' was never closed (acme.py, line 2)): "
        "correct it"),
    "module: exception": (MODULE, put("\n\n1 / 0\n"), MODULE,
        "line 3: the module cannot be imported (ZeroDivisionError: division by zero): correct it"),
    "module: unknown import": (MODULE, put("import nothing_like_this\n"), MODULE,
        "line 1: the module cannot be imported (ModuleNotFoundError: No module named "
        "'nothing_like_this'): correct it"),
    "module: missing argument of Vendor": (MODULE, replace('    sample="/items/1",\n', ""), MODULE,
        "line 23: the module cannot be imported (TypeError: Vendor.__init__() missing 1 required "
        "positional argument: 'sample'): correct it"),
    "module: kind of problem unknown to render": (MODULE, replace('"too_large": 413,', ""), MODULE,
        "render fails for a problem of kind too_large: KeyError: 'too_large': make it render every kind"),
    "module: render does not return an Answer": (MODULE, replace("return Answer(", "return ("), MODULE,
        "render must return an Answer for a problem of kind bad_request"),
    "module: render returns an undeclared status": (
        MODULE, replace('"forbidden": 403', '"forbidden": 418'), SPEC,
        "render answers forbidden with 418, which is not declared: add it to components.responses with "
        "x-status: 418"),
    "module: render omits a required header": (MODULE, replace('(("X-Trace", "1"),)', "()"), MODULE,
        "render answers not_found with 404, but header X-Trace is missing: add it, or correct {spec}"),
    "module: unknown alias": (MODULE, replace('{"sku": lambda', '{"barcode": lambda'), MODULE,
        "barcode cannot be an alias of items: use an id of a Variant: sku, ean, uuid, object_id"),
    "fixture: missing": (FIXTURE, None, FIXTURE, "there is no such file: every vendor needs it, so add it"),
    "fixture: not YAML": (FIXTURE, put("records: {\n"), FIXTURE,
        "line 2: did not find expected node content: correct the YAML there"),
    "fixture: without records": (FIXTURE, put("exchanges: []\n"), FIXTURE,
        "`records` must hold a list of records for each collection: correct it"),
    "fixture: records is a list": (FIXTURE, put("records: [items]\n"), FIXTURE,
        "`records` must hold a list of records for each collection: correct it"),
    "fixture: collection is not a list": (FIXTURE, put("records: {items: 7}\n"), FIXTURE,
        "`records` must hold a list of records for each collection: correct it"),
    "fixture: without a collection": (FIXTURE, put("records: {}\n"), FIXTURE,
        "`records` has no collection items: add it, or `items: []` if there are no records"),
    "fixture: unknown collection": (FIXTURE, put("records: {items: [], things: []}\n"), FIXTURE,
        "the vendor has no collection things: remove its records, or add the collection"),
    "fixture: record without key": (FIXTURE, replace("id: 1, ", ""), FIXTURE,
        "a record of items has no id: add it"),
    "fixture: record is not a mapping": (FIXTURE, put("records: {items: [1]}\n"), FIXTURE,
        "a record of items has no id: add it"),
    "fixture: record with an invalid value": (FIXTURE, replace("stock: 3", "stock: -3"), FIXTURE,
        "items 1: stock: -3 is less than the minimum of 0: correct the record"),
    "fixture: record with an unknown field": (FIXTURE, replace("stock: 3", "stock: 3, color: red"), FIXTURE,
        "items 1: top level: Additional properties are not allowed ('color' was unexpected): correct "
        "the record"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files of a vendor, without a mistake."""
    for file, text in FILES.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    return tmp_path


def line_for(name: str, folder: Path) -> str:
    """Damage a file as described in BROKEN, and return the expected message."""
    file, damage, named, rest = BROKEN[name]
    if damage is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(damage((folder / file).read_text()))
    for word, other in (("{module}", MODULE), ("{spec}", SPEC), ("{fixture}", FIXTURE)):
        rest = rest.replace(word, str(folder / other))
    return f"{folder / named}: {rest}"


@pytest.mark.parametrize("name", BROKEN)
def test_mistake_is_reported_in_one_line_with_file_and_fix(name: str, folder: Path) -> None:
    line = line_for(name, folder)
    with pytest.raises(InvalidFile) as caught:
        app.build(products=1, names=["acme"], vendors_from=folder)
    assert str(caught.value) == line


@pytest.mark.parametrize("name", ["spec: missing", "module: exception", "fixture: record without key"])
@pytest.mark.parametrize(
    "command", [["check"], ["serve", "--port", "0"], ["serve", "--port", "0", "--wait"]], ids=" ".join
)
def test_command_prints_the_mistake_and_exits_2(name: str, command: list[str], folder: Path) -> None:
    line = line_for(name, folder)
    done = run(*command, "--vendors", "acme", "--vendors-from", str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"mockserver: {line}\n")


@pytest.mark.parametrize(
    "command", [["check"], ["vendors"], ["serve"], ["serve", "--reload"], ["exec", "true"]], ids=" ".join
)
def test_missing_folder_is_a_one_line_error(command: list[str], tmp_path: Path) -> None:
    done = run(command[0], "--vendors-from", str(tmp_path / "none"), *command[1:], MOCKSERVER_PORT="0")
    line = f"mockserver: {tmp_path}/none: the folder of vendors does not exist: choose another\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


def test_spec_without_module_is_ignored_if_its_vendor_is_not_chosen(folder: Path) -> None:
    (folder / MODULE).unlink()
    with pytest.raises(InvalidFile, match=f"{folder / MODULE}: there is no such file"):
        app.build(products=1, vendors_from=folder)
    name = app.vendor_names()[0]
    assert [one.vendor.name for one in app.build(names=[name], vendors_from=folder).contracts] == [name]


def test_correct_vendor_passes_the_check_and_is_served(folder: Path) -> None:
    done = run("check", "--vendors", "acme", "--vendors-from", str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, "checked: acme, control; 0 exchanges\n", "")
    mock = app.build(products=1, names=["acme"], vendors_from=folder)
    with serving(mock.application) as url:
        assert Client(url).sandbox().records("acme", "items").get(1)["stock"] == 3
