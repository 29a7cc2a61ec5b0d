"""The check of a vendor's files at start reports a mistake in one line, with the file and the fix."""

from pathlib import Path

import pytest

from mockserver import app
from mockserver.client import Client
from mockserver.data.resources import InvalidFile
from mockserver.server.server import serving
from tests.contract.sample_vendor import FILES, FIXTURE, MODULE, SPEC, Damage, put, replace, write_vendor
from tests.server_process import run

SECOND_PATH = """  /items/{sku}:
    get:
      operationId: %s
      parameters: [{name: sku, in: path, required: true, schema: {type: string}}]
      responses:
        "200": {description: The item, x-evidence: documented, x-source: a page}
x-shared-responses:
"""

HEADER_CURE = "header names and values must be str, in latin-1 and without line breaks: correct it"


def generated(
    count: str = "10", make: str = "{**MADE, 'id': 100 + n}", locate: str = "int(key) - 100"
) -> Damage:
    """Let the collection have generated records, by these expressions."""
    functions = f"count=lambda c: {count}, make=lambda c, n: {make}, locate=lambda c, key: {locate}"
    made = '\nMADE = {"id": 100, "sku": "A", "stock": 1}\n\nvendor = Vendor('

    def damage(text: str) -> str:
        text = text.replace("\nvendor = Vendor(", made)
        return text.replace('Collection("items", "id", ', f'Collection("items", "id", {functions}, ')

    return damage


def observed(change: str) -> Damage:
    """Add a difference with this change to the spec."""
    difference = f"{{summary: s, evidence: observed, source: a client, changes: [{change}]}}"
    return lambda text: f"{text}x-dialects: {{observed: [{difference}]}}\n"


def with_observed(fields: str) -> Damage:
    """Let the vendor have this as `observed`."""
    return replace("    render=render,", f"    render=render,\n    observed={fields},")


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
    "spec: parameter without type": (SPEC, replace("schema: {type: string}}\n", "schema: {}}\n"), SPEC,
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
    "spec: unknown x-scope": (
        SPEC, replace("operationId: get-item\n", "operationId: get-item\n      x-scope: neighbor\n"), SPEC,
        "get /items/{id}: x-scope is neighbor: it must be page or neighbour"),
    "spec: response without x-source": (SPEC, replace("          x-source: the page of get-item\n", ""), SPEC,
        "get /items/{id}: response 200: x-source is missing: say where this response is documented or "
        "was observed"),
    "spec: shared response without x-source": (SPEC, replace("    x-source: a recorded answer\n", ""), SPEC,
        "x-shared-responses 404: x-source is missing: say where this response is documented or "
        "was observed"),
    "spec: shared response without status": (SPEC, replace('"400": {desc', "BadRequest: {desc"), SPEC,
        "x-shared-responses BadRequest: the key of a response must be its status, such as 404: correct it"),
    "spec: $ref to a missing schema": (
        SPEC, replace("#/components/schemas/Item", "#/components/schemas/Thing"), SPEC,
        "get /items/{id}: response 200: $ref #/components/schemas/Thing has no target: correct it, or "
        "add the target"),
    "spec: missing shared header": (SPEC, replace("    Trace:", "    Track:"), SPEC,
        "x-shared-responses 404: $ref #/components/headers/Trace has no target: correct it, or "
        "add the target"),
    "spec: $ref into a string": (SPEC, replace("#/components/schemas/Item", "#/openapi/Item"), SPEC,
        "get /items/{id}: response 200: $ref #/openapi/Item has no target: correct it, or add the target"),
    "spec: missing shared response": (
        SPEC, replace('  "429": {desc', '  "430": {desc'), SPEC,
        "render answers rate_limited with 429, which is not declared: add it to x-shared-responses"),
    "spec: link with an unknown operationId": (
        SPEC, replace("itself: {operationId: get-item", "itself: {operationId: get-thing"), SPEC,
        "link itself of get-item has an unknown operationId: correct it"),
    "spec: link with an unknown parameter": (SPEC, replace('{id: "$response', '{key: "$response'), SPEC,
        "link itself of get-item sets key, which is unknown: use a parameter of get-item (id, limit)"),
    "spec: links are not a mapping": (
        SPEC,
        replace('itself: {operationId: get-item, parameters: {id: "$response.body#/id"}}', "- itself"),
        MODULE,
        "the vendor cannot be loaded (AttributeError: 'list' object has no attribute 'items'): correct this "
        "file, {spec} or {fixture}"),
    "spec: two paths for the same requests": (
        SPEC, replace("x-shared-responses:\n", SECOND_PATH % "get-item"), SPEC,
        "/items/{id} and /items/{sku} match the same requests: make them one path"),
    "spec: repeated operationId": (
        SPEC, replace("x-shared-responses:\n", (SECOND_PATH % "get-item").replace("/items/", "/skus/")), SPEC,
        "the operationId get-item is used twice: rename one of them"),
    "spec: collection without schema": (SPEC, replace("  items: {$ref", "  things: {$ref"), SPEC,
        "x-collections has no items: add the schema of its records"),
    "spec: unknown operation": (SPEC, replace("operationId: get-item\n", "operationId: get-thing\n"), SPEC,
        "get-thing has no handler, and {module} has a handler for get-item, which is not in the spec: use "
        "the operationId of the spec"),
    "spec: file is too large": (SPEC, put("openapi: 3.0.3\n" + "#" * 6 * 1024**2), SPEC,
        "the file is larger than 5 MiB: make it smaller"),
    "spec: deeply nested": (SPEC, put("a:\n - " + "[" * 200_000), SPEC,
        "line 2: more than 100 levels: nest the YAML less"),
    "spec: invalid date": (SPEC, put("openapi: 3.0.3\nx: 2020-13-45\n"), SPEC,
        "line 2: '2020-13-45' looks like a number or a date, but is not one: correct the YAML there"),
    "spec: invalid number": (SPEC, put("x: 0x_\n"), SPEC,
        "line 1: '0x_' looks like a number or a date, but is not one: correct the YAML there"),
    "spec: variable with a suffix": (SPEC, replace("/items/{id}", "/items/{id}.json"), SPEC,
        "path /items/{id}.json: a variable must be a whole segment, unlike {id}.json: correct it"),
    "spec: variable with a prefix": (SPEC, replace("/items/{id}", "/items/x-{id}"), SPEC,
        "path /items/x-{id}: a variable must be a whole segment, unlike x-{id}: correct it"),
    "spec: path without slash": (SPEC, replace("/items/{id}", "items/{id}"), SPEC,
        "path items/{id}: a path must begin with a slash: correct it"),
    "spec: parameter in a cookie": (SPEC, replace("in: query", "in: cookie"), SPEC,
        "get /items/{id}: parameter limit: in must be path, query or header, not cookie"),
    "module: missing": (MODULE, None, MODULE, "there is no such file: add it, or remove {spec}"),
    "module: without handler": (MODULE, replace('{"get-item": get_item}', "{}"), SPEC,
        "operation get-item has no handler: add one to the operations of {module}"),
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
        "render answers forbidden with 418, which is not declared: add it to "
        "x-shared-responses"),
    "module: render omits a required header": (MODULE, replace('(("X-Trace", "1"),)', "()"), MODULE,
        "render answers not_found with 404, but header X-Trace is missing: add it, or correct {spec}"),
    "module: invalid content type": (
        MODULE, replace('title="Acme"', 'title="Acme", content_type="a\\nb"'), MODULE,
        "the vendor cannot be loaded (ContractBroken: header 'Content-Type' is not valid: its name must be a "
        "token, and its value a str of Latin-1 without control characters, not 'a\\nb'): correct this file, "
        "{spec} or {fixture}"),
    "module: unknown alias": (MODULE, replace('{"sku": lambda', '{"barcode": lambda'), MODULE,
        "barcode cannot be an alias of items: use an id of a Variant (sku, ean, uuid, object_id)"),
    "module: handler without operation": (
        MODULE, replace('{"get-item": get_item}', '{"get-item": get_item, "set-item": get_item}'), MODULE,
        "the vendor has a handler for set-item, but {spec} has no such operation: add the operation, or "
        "remove the handler"),
    "module: misnamed handler": (MODULE, replace('{"get-item":', '{"get-itm":'), SPEC,
        "get-item has no handler, and {module} has a handler for get-itm, which is not in the spec: use the "
        "operationId of the spec"),
    "module: exits": (MODULE, put("import sys\nsys.exit(0)\n"), MODULE,
        "line 2: the module cannot be imported (SystemExit: 0): correct it"),
    "module: exception that cannot be shown": (
        MODULE, put("class Odd(Exception):\n    def __str__(self):\n        1 / 0\n\n\nraise Odd\n"), MODULE,
        "line 6: the module cannot be imported (Odd): correct it"),
    "module: render exits": (MODULE, replace("    return Answer(", "    exit(0)\n    return Answer("), MODULE,
        "render fails for a problem of kind bad_request: SystemExit: 0: make it render every kind"),
    "module: render with a line break in a header": (MODULE, replace('"X-Trace", "1"', r'"X-Trace", "1\n2"'),
        MODULE, "the answer to a problem of kind bad_request has the header 'X-Trace' with the value "
        f"'1\\n2': {HEADER_CURE}"),
    "module: render with a number in a header": (MODULE, replace('"X-Trace", "1"', '"X-Trace", 1'),
        MODULE, "the answer to a problem of kind bad_request has the header 'X-Trace' with the value 1: "
        + HEADER_CURE),
    "module: common header that is not latin-1": (
        MODULE,
        replace("    render=render,", '    render=render,\n    common_headers=lambda call: {"X-A": "ł"},'),
        MODULE, f"the answer to a problem of kind bad_request has the header 'X-A' with the value 'ł': "
        f"{HEADER_CURE}"),
    "module: common_headers is not a dict": (
        MODULE,
        replace("    render=render,", "    render=render,\n    common_headers=lambda call: None,"), MODULE,
        "render fails for a problem of kind bad_request: AttributeError: 'NoneType' object has no attribute "
        "'items': make it render every kind"),
    "module: credential needs a header": (
        MODULE,
        replace("credential=bearer_token", 'credential=lambda request: request.headers["x-key"]'), MODULE,
        "the function credential raises an error for a request without headers: KeyError: 'x-key': return "
        "Credential(None) or "
        "Credential('')"),
    "module: credential fails for odd texts": (
        MODULE,
        replace("credential=bearer_token", "credential=lambda request: (request.headers.get('authorization', "
                "'Bearer x').split()[1], bearer_token(request))[1]"),
        MODULE, "the function credential raises an error for a request with Authorization '': IndexError: "
        "list index out of range: return Credential(None) or Credential('')"),
    "module: credential returns a text": (
        MODULE, replace("credential=bearer_token", "credential=lambda request: 'demo'"), MODULE,
        "credential must return a Credential for a request without headers, not 'demo'"),
    "module: auth_headers fails": (
        MODULE, replace("lambda credential: {", "lambda credential: {**None, "), MODULE,
        "auth_headers fails: TypeError: 'NoneType' object is not a mapping: make it return a dict of "
        "headers"),
    "module: auth_headers with a line break": (MODULE, replace('f"Bearer', r'f"Bearer\n'), MODULE,
        f"auth_headers returns the header 'Authorization' with the value 'Bearer\\n demo': {HEADER_CURE}"),
    "module: count fails": (MODULE, generated(count="1 // 0"), MODULE,
        "count of items: ZeroDivisionError: integer division or modulo by zero: correct the collection"),
    "module: make fails": (MODULE, generated(make="1 // 0"), MODULE,
        "generated record 0 of items: ZeroDivisionError: integer division or modulo by zero: correct the "
        "collection"),
    "module: make fails for the last record": (MODULE, generated(make="{**MADE, 'id': 100 + n // (n < 9)}"),
        MODULE, "generated record 9 of items: ZeroDivisionError: integer division or modulo by zero: correct "
        "the collection"),
    "module: generated record breaks its schema": (MODULE, generated(make="{**MADE, 'stock': -1}"), MODULE,
        "generated record 0 of items: stock: must be at least 0, not -1: correct make, or the schema"),
    "module: generated record without key": (MODULE, generated(make="{}"), MODULE,
        "generated record 0 of items: it has no id: make must return a dict with it"),
    "module: locate does not find a record": (MODULE, generated(locate="None"), MODULE,
        "generated record 0 of items: locate returns None for its id 100: make it return 0"),
    "module: locate finds another record": (MODULE, generated(locate="0"), MODULE,
        "generated record 9 of items: locate returns 0 for its id 109: make it return 9"),
    "spec: x-dialects changes what is not there": (
        SPEC, observed("{target: /paths/~1item/get, remove: true}"), SPEC,
        "x-dialects observed, difference 1, target /paths/~1item/get: there is nothing in this spec at that "
        "place: correct the target"),
    "spec: x-dialects is a list": (SPEC, lambda text: f"{text}x-dialects: []\n", SPEC,
        "x-dialects: it must be an object with the list `observed`: correct it"),
    "module: observed has another credential": (
        MODULE, with_observed('{"credential": bearer_token}'), MODULE,
        "observed cannot have credential: use one of authenticate, operations, render, sample, auth_headers, "
        "common_headers, content_type, etag, limits, slow, remove: correct observed"),
    "module: observed is not in the spec": (
        MODULE, with_observed('{"sample": "/items/1?limit=1"}'), SPEC,
        "{module} has observed, but x-dialects lists no difference: add what differs"),
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
        "items 1: stock: must be at least 0, not -3: correct the record"),
    "fixture: record with an unknown field": (FIXTURE, replace("stock: 3", "stock: 3, color: red"), FIXTURE,
        "items 1: color: is not known: use one of id, sku, stock: correct "
        "the record"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files of a vendor, without a mistake."""
    return write_vendor(tmp_path)


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


@pytest.mark.parametrize("name", ["spec: deeply nested", "module: exits", "fixture: record without key"])
@pytest.mark.parametrize(
    "command", [["check"], ["serve", "--port", "0"], ["serve", "--port", "0", "--wait"]], ids=" ".join
)
def test_command_prints_the_mistake_and_exits_2(name: str, command: list[str], folder: Path) -> None:
    line = line_for(name, folder)
    done = run(*command, "--vendors", "acme", "--vendors-from", str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"mockserver: {line}\n")


# What only Connexion refuses: the text in the spec, what replaces it, and the message.
REFUSED_BY_CONNEXION: dict[str, tuple[str, str, str]] = {
    "version is a number": ('version: "1"', "version: 1", "info.version: must be a string, not 1"),
    "tags is a number": ("paths:", "tags: 5\npaths:", "tags: must be a list, not 5"),
    "unknown field": (
        'version: "1"', 'version: "1", color: red',
        "info.color: is not known: use one of title, description, termsOfService, contact, license, version",
    ),
    "key is a number": (
        "paths:", "1: a\npaths:",
        "1: is not known: use one of openapi, info, externalDocs, servers, security, tags, paths, components",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_BY_CONNEXION)
def test_refusal_by_connexion_is_one_line_with_file_and_place(name: str, folder: Path) -> None:
    old, new, message = REFUSED_BY_CONNEXION[name]
    (folder / SPEC).write_text(FILES[SPEC].replace(old, new, 1))
    mock = app.build(products=1, names=["acme"], vendors_from=folder)
    with pytest.raises(InvalidFile) as caught:
        mock.check_specs()
    assert str(caught.value) == f"{folder / SPEC}: {message}"


@pytest.mark.parametrize(
    "command", [["check"], ["serve", "--port", "0", "--engine", "connexion"]], ids=lambda one: one[0]
)
def test_command_exits_2_if_connexion_refuses_a_spec(command: list[str], folder: Path) -> None:
    (folder / SPEC).write_text(FILES[SPEC].replace('version: "1"', "version: 1"))
    done = run(*command, "--vendors", "acme", "--vendors-from", str(folder))
    line = f"mockserver: {folder / SPEC}: info.version: must be a string, not 1\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


def test_correct_vendor_passes_the_check_and_is_served(folder: Path) -> None:
    done = run("check", "--vendors", "acme", "--vendors-from", str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, "checked: acme, control; 7 exchanges\n", "")
    mock = app.build(products=1, names=["acme"], vendors_from=folder)
    with serving(mock.application) as url:
        assert Client(url).sandbox().records("acme", "items").get(1)["stock"] == 3
