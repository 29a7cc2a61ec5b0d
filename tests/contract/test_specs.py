"""The specs of this package: what other people's tools need of them, found without those tools."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from mockserver import app
from mockserver.client import Sandbox
from mockserver.contract.openapi.schema import References
from mockserver.contract.vendor_files import VendorFiles
from mockserver.control.spec import control_spec
from mockserver.data.resources import floats, spec_file

NAMES = [*app.vendor_names(), "control"]
FOLDER = spec_file("control").parent


def document_of(name: str) -> dict[str, Any]:
    spec = control_spec() if name == "control" else VendorFiles().spec(name)
    document: dict[str, Any] = floats(spec.document)
    return document


def nodes(node: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, object) for each JSON object in a document."""
    if isinstance(node, dict):
        yield place, node
        for key, value in node.items():
            yield from nodes(value, f"{place}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, f"{place}/{index}")


def test_every_spec_is_tested_here() -> None:
    assert sorted(NAMES) == sorted(file.stem for file in FOLDER.glob("*.yaml"))


@pytest.mark.finding("D2")
@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_spec_is_yaml_that_all_openapi_tools_read(file: Path) -> None:
    """Dredd and orval refuse merge keys; other tools refuse tags, or lose what stands behind an alias."""
    for event in yaml.parse(file.read_text()):
        where = f"{file.name}: line {event.start_mark.line + 1}"
        assert not isinstance(event, yaml.AliasEvent), f"{where}: an alias"
        if isinstance(event, yaml.NodeEvent):
            assert event.anchor is None, f"{where}: an anchor"
            assert getattr(event, "tag", None) is None, f"{where}: a tag"


@pytest.mark.parametrize("name", app.vendor_names())
def test_every_operation_states_its_scope_and_every_scope_its_day(name: str) -> None:
    spec = VendorFiles().spec(name)
    for operation in spec.operations.values():
        item = spec.document["paths"][operation.template][operation.method.lower()]
        assert "x-scope" in item, f"{operation.method} {operation.template}"
        assert re.fullmatch(r"2026-\d\d-\d\d", spec.read_on[operation.scope])
    assert sum(len(VendorFiles().spec(one).of_scope("page")) for one in app.vendor_names()) == 6


@pytest.mark.finding("D1")
@pytest.mark.parametrize("name", NAMES)
def test_nullable_stands_beside_a_type(name: str) -> None:
    """OpenAPI 3.0.3 gives `nullable` no meaning without `type`, and Prism then checks nothing at all."""
    alone = [place for place, node in nodes(document_of(name)) if node.get("nullable") and "type" not in node]
    assert not alone


@pytest.mark.finding("D1")
@pytest.mark.parametrize("name", NAMES)
def test_spec_says_what_linters_ask_for(name: str) -> None:
    """Spectral and Redocly themselves run in `make conform`."""
    document = document_of(name)
    assert {"contact", "license", "description"} <= document["info"].keys()
    assert all(tag.get("description") for tag in document["tags"])
    for _, node in nodes(document["paths"]):
        if "operationId" in node and "responses" in node:
            assert node.get("description") and node.get("tags"), node["operationId"]


@pytest.mark.finding("D1")
@pytest.mark.parametrize("name", NAMES)
def test_paths_use_every_component(name: str) -> None:
    document = document_of(name)
    used, waiting = set[str](), [document["paths"]]
    while waiting:
        for _, node in nodes(waiting.pop()):
            if (reference := node.get("$ref")) and reference not in used:
                used.add(reference)
                _, _, kind, component = reference.split("/")
                waiting.append(document["components"][kind][component])
    kinds = {kind: parts for kind, parts in document["components"].items() if kind != "securitySchemes"}
    declared = {f"#/components/{kind}/{component}" for kind, parts in kinds.items() for component in parts}
    assert declared == used


def text(value: Any) -> str:
    """Return a value as it is written in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def requests_with_examples(vendor: str) -> Iterator[Any]:
    """Yield (vendor, request, response) for each example of a body, or once for an operation without a body.

    The response is the first example of the status 200.
    """
    document = document_of(vendor)
    resolve = References(document).resolve
    for template, item in document["paths"].items():
        for method in (name for name in ("get", "patch") if name in item):
            parameters = map(resolve, [*item.get("parameters", ()), *item[method].get("parameters", ())])
            values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
            for one in parameters:
                value = one["example"]
                values[one["in"]][one["name"]] = ",".join(value) if isinstance(value, list) else text(value)
            content = resolve(item[method]["responses"]["200"])["content"]["application/json"]
            examples = content.get("examples") or {"": {"value": content["example"]}}
            body = resolve(item[method].get("requestBody", {})).get("content", {}).get("application/json", {})
            for name, json in body.get("examples", {"": {"value": body.get("example")}}).items():
                request = {
                    "method": method, "url": template.format(**values["path"]), "params": values["query"],
                    "headers": values["header"], "json": json["value"],
                }  # fmt: skip
                response = next(iter(examples.values()))["value"]
                yield pytest.param(vendor, request, response, id=f"{vendor} {method} {name}")


@pytest.mark.finding("D7")
@pytest.mark.parametrize(
    ("vendor", "request_", "response"),
    [example for vendor in app.vendor_names() for example in requests_with_examples(vendor)],
)
def test_examples_of_an_operation_fit_together(
    mock_sandbox: Sandbox, vendor: str, request_: dict[str, Any], response: Any
) -> None:
    """The request examples, sent together to a fresh sandbox, get a response like the first example."""
    access = mock_sandbox.vendors[vendor]
    headers = {**request_["headers"], **access.headers}
    got = httpx.request(**{**request_, "headers": headers, "url": access.base_url + request_["url"]})
    assert got.status_code == 200, got.text
    assert like(got.json()) == like(response)


def like(value: Any) -> Any:
    """Return the shape of a JSON value: its field names, and the first item of each list."""
    if isinstance(value, dict):
        return {name: like(part) for name, part in value.items()}
    return [like(value[0])] if isinstance(value, list) and value else type(value).__name__


@pytest.mark.finding("D7")
def test_examples_of_the_control_api_name_the_same_record() -> None:
    document = control_spec().document
    components, path = document["components"], "/_mock/sandboxes/{sandbox}/records/{vendor}/{collection}"
    key = components["parameters"]["key"]["example"]
    for body, same in ((components["requestBodies"]["Record"], True),
                       (document["paths"][path]["post"]["requestBody"], False)):  # fmt: skip
        (example,) = body["content"]["application/json"]["examples"].values()
        assert (example["value"]["shopdomain"] == key) == same


@pytest.mark.finding("D10")
@pytest.mark.parametrize("name", NAMES)
def test_free_fields_have_no_type_beside_optional_ones(name: str) -> None:
    """In TypeScript, an index signature must fit the optional fields too, or a client does not compile."""
    for place, node in nodes(document_of(name)["components"]["schemas"]):
        optional = node.get("properties", {}).keys() - set(node.get("required", ()))
        assert not (optional and isinstance(node.get("additionalProperties"), dict)), place


@pytest.mark.finding("D10")
@pytest.mark.parametrize("name", NAMES)
def test_schemas_have_only_keywords_of_openapi(name: str) -> None:
    """An unquoted comma in `{description: a, b}` makes a keyword of `b`; orval refuses the whole document."""
    for place, node in nodes(document_of(name)):
        if isinstance(node.get("type"), str) and "in" not in node and "/example" not in place:
            assert not [key for key in node if " " in key or node[key] is None], place


@pytest.mark.finding("D10")
@pytest.mark.parametrize("name", NAMES)
def test_shared_request_bodies_have_schemas_of_their_own(name: str) -> None:
    """For a shared body whose schema is a reference, orval writes the same type once for each operation."""
    for body in document_of(name)["components"].get("requestBodies", {}).values():
        assert "$ref" not in body["content"]["application/json"]["schema"]


@pytest.mark.finding("D1")
@pytest.mark.parametrize("name", NAMES)
def test_excluded_fields_are_named_as_properties(name: str) -> None:
    """Redocly takes a name in `not: {required: …}` for a mistake, unless `properties` beside it has it."""
    for _, node in nodes(document_of(name)):
        if isinstance(excluded := node.get("not"), dict):
            assert set(excluded.get("required", ())) <= excluded.get("properties", {}).keys()
