"""The Prefer header, which selects the response to one call, as in Prism."""

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from mockserver import app
from mockserver.client import Sandbox
from mockserver.contract.vendor_files import VendorFiles
from tests.conftest import NO_CERTIFICATES, TIMEOUT

WASHER = "/api/v2/inventory/id/10001"
MISSING = {"error": {"name": "not_found", "message": "Resource not found", "details": {}}}
DEMO = httpx.BasicAuth("demo", "demo")


def call(client: httpx.Client, prefer: str, method: str = "GET") -> httpx.Response:
    return client.request(method, WASHER, auth=DEMO, headers={"Prefer": prefer})


@pytest.mark.parametrize(
    ("prefer", "status", "words"),
    [
        ("code=404", 404, "Resource not found"),
        ('code="404"', 404, "Resource not found"),
        ("Code = 404", 404, "Resource not found"),
        ("code=200", 200, '"id":10001'),
        ("example=bySku", 200, '"id":10002'),
        ("code=200, example=byEan", 200, '"id":10003'),
        ("code=200 example=byEan", 200, '"id":10003'),
        ("respond-async, code=400; example=invalidField", 400, "must not be negative"),
        ("example=notJson", 400, "not valid JSON"),
        ("code=401, example=default", 401, "Invalid credentials"),
        ("code=404, code=401", 404, "Resource not found"),
    ],
)
def test_prefer_header_selects_the_response(
    client: httpx.Client, prefer: str, status: int, words: str
) -> None:
    response = call(client, prefer)
    assert (response.status_code, words in response.text) == (status, True)
    assert response.headers["content-type"] == "application/json"
    assert "x-mock-error" not in response.headers


@pytest.mark.parametrize("prefer", ["return=minimal", "respond-async", "", "dynamic=true", "wait=100", "=;,"])
def test_other_preferences_are_ignored(client: httpx.Client, prefer: str) -> None:
    assert call(client, prefer).text == client.get(WASHER, auth=DEMO).text


@pytest.mark.parametrize(
    ("prefer", "listed"),
    [
        ("code=999", "get-inventory answers with 200, 400, 401, 403, 404"),
        ("code=abc", "get-inventory answers with 200"),
        ("example=nope", "200: byId, bySku, byEan; 400: notJson, unknownFilter, invalidField; 401: default"),
        ("code=200, example=notJson", "get-inventory has the examples 200: byId, bySku, byEan"),
    ],
)
def test_unknown_response_is_refused_with_a_list_of_choices(
    client: httpx.Client, prefer: str, listed: str
) -> None:
    response = call(client, prefer)
    assert (response.status_code, response.headers["x-mock-error"]) == (422, "not_offered")
    assert listed in response.json()["message"]


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "a=" * 50_000, 'a="' * 50_000, "a " * 90_000, "a" + " " * 200_000]
)
def test_long_prefer_header_is_parsed_quickly(client: httpx.Client, text: str) -> None:
    assert client.get(WASHER, auth=DEMO, headers={"Prefer": text + "="}, timeout=20).status_code == 200


def test_preferred_405_lists_the_methods_of_the_path(client: httpx.Client) -> None:
    assert call(client, "code=405").headers["allow"] == "GET, HEAD, OPTIONS, PATCH"


def test_write_with_a_prefer_header_changes_nothing(client: httpx.Client) -> None:
    before = client.get(WASHER, auth=DEMO).text
    preferred = client.patch(WASHER, auth=DEMO, json={"stock": 1}, headers={"Prefer": "code=200"})
    assert preferred.status_code == 200
    assert client.get(WASHER, auth=DEMO).text == before


def test_call_without_credential_cannot_use_prefer(client: httpx.Client) -> None:
    assert client.get(WASHER, headers={"Prefer": "code=200"}).status_code == 401
    sample, token = app.load_contract("highlevel").vendor.sample, {"Authorization": "Bearer demo"}
    response = client.get(sample, headers={**token, "Prefer": "code=422"})
    assert response.json()["message"] == "version header was not found."


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_every_documented_response_can_be_preferred(client: httpx.Client, vendor: str) -> None:
    spec, emulated = VendorFiles().spec(vendor), app.load_contract(vendor).vendor
    for operation in (one for one in spec.operations.values() if one.method == "GET"):
        for status in {*operation.responses, *spec.shared_responses}:
            headers = {**emulated.auth_headers("demo"), "Prefer": f"code={status}"}
            response = client.get(f"/{vendor}{example_path(operation)}", headers=headers)
            assert response.status_code == status
            assert "x-mock-error" not in response.headers, response.text


def example_path(operation: Any) -> str:
    """Return the operation's path with the spec's examples of its parameters."""
    examples = {one.name: one.example for one in operation.parameters if one.place == "path"}
    return str(operation.template.format_map(examples))


def declared_headers() -> Iterator[Any]:
    """Yield (vendor, status, headers) for each response that declares headers, by its vendor's sample."""
    for vendor in app.vendor_names():
        spec = VendorFiles().spec(vendor)
        (item, *_) = spec.document["paths"].values()
        for status, response in {**spec.document["x-shared-responses"], **item["get"]["responses"]}.items():
            if headers := resolved(spec.document, response).get("headers"):
                schemas = {name: resolved(spec.document, header) for name, header in headers.items()}
                yield pytest.param(vendor, int(status), schemas, id=f"{vendor} {status}")


def resolved(document: Any, node: Any) -> Any:
    while "$ref" in node:
        found = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


INJECTED: dict[str, Any] = {
    "prefer": None,
    "status fault": {"type": "status"},
    "problem fault": {"type": "problem", "kind": "rate_limited"},
}


@pytest.mark.finding("D4")
@pytest.mark.parametrize("limited", [False, True], ids=["no limits", "limits"])
@pytest.mark.parametrize("how", INJECTED)
@pytest.mark.parametrize(("vendor", "status", "headers"), [*declared_headers()])
def test_injected_status_carries_the_headers_that_its_spec_declares(
    mock_sandbox: Sandbox, vendor: str, status: int, headers: dict[str, Any], how: str, limited: bool
) -> None:  # fmt: skip
    if how == "problem fault" and status != 429:
        return  # the other kinds of problem have the headers that the vendor gives
    access = mock_sandbox.vendors[vendor]
    sent = dict(access.headers)
    if limited:
        mock_sandbox.limits.on()
    if how == "prefer":
        sent["Prefer"] = f"code={status}"
    else:
        fault = {**INJECTED[how], **({"status": status} if how == "status fault" else {})}
        mock_sandbox.faults.set({"fault": fault})
    response = httpx.get(
        access.base_url + app.load_contract(vendor).vendor.sample,
        headers=sent,
        verify=NO_CERTIFICATES,
        timeout=TIMEOUT,
    )
    assert response.status_code == status
    for name, declared in headers.items():
        text = response.headers[name]
        value = text if declared["schema"]["type"] == "string" else float(text)
        jsonschema.validate(value, declared["schema"])
    if status == 429 and "X-RateLimit-Remaining" in headers:
        assert response.headers["X-RateLimit-Remaining"] == "0"
    if "Retry-After" in headers:
        assert float(response.headers["Retry-After"]) > 0
