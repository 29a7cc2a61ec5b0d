"""Schemathesis' hook: the refusals that it forgives are real, and it forgives nothing else."""

import json
import os
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.core.mutations import Mutation, MutationChannel, OperatorKind
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoverageScenario, PhaseInfo
from schemathesis.openapi.checks import RejectedPositiveData

from mockserver import app
from mockserver.client import Sandbox
from mockserver.contract.vendor_files import VendorFiles
from mockserver.control.spec import control_spec
from mockserver.data.resources import floats
from mockserver.embedding.schemathesis_hooks import filter_failure
from mockserver.vendors.shoplazza.goods.records import INVENTORY_ITEM, related_id
from tests.conftest import ROOT
from tests.receiver import receiving
from tests.vendors.highlevel.shop import LOCATION
from tests.vendors.shoplazza.conftest import PAGE_VARIANT, V1, V2
from tests.vendors.shoplazza.test_levels import CATALOG, PAGE_LOCATION

DOCUMENTS: dict[str, Any] = {name: floats(VendorFiles().spec(name).document) for name in app.vendor_names()}
DOCUMENTS["control"] = floats(control_spec().document)
ST = Path(sys.executable).parent / "st"
COOKER = "/api/v2/inventory/id/10003"  # it has warehouses
WASHER = "/api/v2/inventory/id/10001"
SHOP = {"shopdomain": "inactive", "active": True}
RESET = {"fault": {"type": "reset"}}
HOOK = {"vendor": "shoplazza", "url": "http://127.0.0.1:9/"}
PRODUCTS = "/api/v2/products"
PARENT, BASIC = f"{PRODUCTS}/20000000", f"{PRODUCTS}/10001"
LEVEL = {"inventory_item_id": related_id(PAGE_VARIANT, INVENTORY_ITEM), "location_id": PAGE_LOCATION}
TWINS = [PAGE_VARIANT, CATALOG.variant(0)[1].uuid]  # variants that get the same SKU
LAST_SECOND = {"action": "set", "instant": "9999-12-31T23:59:59Z"}


def inventory(product_id: str) -> tuple[str, str, Any]:
    return "GET", f"/openapi/2022-01/products/{product_id}/inventory", None


def document(ahead: float = 0, **changes: Any) -> tuple[str, str, Any]:
    """Return the import of a document with changed shops."""
    shops = {"changed": {}, "added": [], "deleted": [], **changes}
    return "PUT", "import", {
        "format": "mockserver sandbox", "version": 1, "seed": 42, "products": 1, "calls": 0,
        "clock": {"frozen": False, "ahead": ahead}, "records": {"shoplazza": {"shops": shops}},
    }  # fmt: skip


# Calls to vendors, which become {sandbox}.1 to {sandbox}.4 in the journal: accepted, too large, not emulated,
# and one that a webhook tells as {sandbox}.5.
CALLED = [
    ("merchantpro", "GET", WASHER, None),
    ("merchantpro", "PATCH", WASHER, {"stock": "x" * 100_000}),
    ("highlevel", "GET", "/products/collections", None),
    ("shoplazza", "PUT", f"{V1}/variants/{PAGE_VARIANT}", {"variant": {"price": "12.50"}}),
]
# Requests of the control API that must succeed first. A path without a slash at its beginning is below the
# sandbox's own.
GIVEN = [
    ("PUT", "faults", [RESET] * 100),
    *[("POST", "webhooks", HOOK)] * 9,
    ("PUT", "clock", LAST_SECOND),
    ("POST", "/_mock/sandboxes", {"name": "{sandbox}-gone"}),
    ("DELETE", "/_mock/sandboxes/{sandbox}-gone", None),
]
# (spec, status) -> requests that fit the schema, and are refused.
REFUSED: dict[tuple[str, int], list[tuple[str, str, Any]]] = {
    ("merchantpro", 400): [
        ("PATCH", COOKER, {"stock": 7}),
        ("PATCH", WASHER, {"stock": {"adjust_by": -1000}}),
        ("PATCH", WASHER, {"stock": {"adjust_by": 1_000_000_000}}),
        ("PATCH", WASHER, {"warehouses": [{"name": "Depozit central", "stock": 1}]}),
        ("PATCH", COOKER, {"warehouses": [{"name": "Depozit central", "stock": 1}] * 2}),
        ("PATCH", COOKER, {"warehouses": [{"name": "another", "stock": 1}]}),
        ("PATCH", WASHER, {"price_net": 1, "price_gross": 5}),
        ("PATCH", WASHER, {"old_price_net": 1, "old_price_gross": 5}),
        ("GET", f"{PRODUCTS}?created[gt]=2026-02-31", None),
        ("PATCH", BASIC, {"colour": "red"}),
        ("PATCH", BASIC, {"url": "x"}),
        ("PATCH", PARENT, {"stock": 1}),
        ("PATCH", BASIC, {"variants": [{"sku": "x"}]}),
        ("PATCH", BASIC, {"sku": "TShirt.Blk.XL"}),
        ("POST", PRODUCTS, {"name": "Mug"}),
        ("PATCH", f"{PRODUCTS}/10003", {"stock": 1}),
        ("PATCH", PARENT, {"variants": [{"sku": "x", "stock": -1}]}),
        ("PATCH", BASIC, {"cost_net": 1, "cost_gross": 5}),
        ("PATCH", PARENT, {"variants": [{"id": 10001}]}),
        ("PATCH", PARENT, {"variants": [{"sku": "x", "variant_options": [{"value": "x"}]}]}),
        ("PATCH", BASIC, {"tax_id": 99}),
    ],
    ("highlevel", 400): [("GET", f"/products/{'0' * 24}?locationId={LOCATION}", None)],
    ("sabi", 400): [("GET", "/api/v1/products?productDateRange=2026-02-01,2026-01-01", None)],
    ("shoplazza", 500): [inventory("1"), inventory("x" * 32), inventory("x" * 45)],
    ("shoplazza", 400): [
        ("GET", f"{V2}/inventory_levels?cursor=x", None),
        ("POST", "/admin/oauth/token", {
            "client_id": "app", "client_secret": "sbx_{sandbox}", "grant_type": "refresh_token",
            "refresh_token": "x", "redirect_uri": "https://example.com/",
        }),
    ],
    ("shoplazza", 404): [
        ("GET", f"{V2}/locations/1", None),
        ("GET", f"{V1}/products/00000000-0000-4000-8000-000000000000", None),
    ],
    ("shoplazza", 422): [
        ("GET", f"{V1}/products?ids=x", None),
        ("GET", f"{V1}/products?cursor=x", None),
        ("PUT", f"{V2}/inventory_levels", {**LEVEL, "stock_adjustment": 0}),
        ("PUT", f"{V2}/inventory_levels", {**LEVEL, "stock_adjustment": -1000}),
        ("PUT", f"{V1}/variants/sku/SAME", {"refuse_multi_result": True}),
    ],
    ("control", 400): [
        ("POST", "records/shoplazza/shops", {"shopdomain": "x"}),
        ("PUT", "records/shoplazza/shops/x", SHOP),
        document(deleted=["x"]),
        document(changed={"x": {**SHOP, "shopdomain": "x"}}),
        document(added=[SHOP]),
        document(ahead=4e11),
        ("PUT", "clock", {"action": "advance", "seconds": 1}),
        ("POST", "faults", {"from": "2016-12-31T23:59:60Z", **RESET}),  # a leap second
        ("POST", "faults", {"vendor": "acme", **RESET}),
        ("POST", "faults", {"operation": "get-nothing", **RESET}),
        ("PUT", "dialect", {"dialect": "spoken"}),
        ("PUT", "dialect", {"dialect": " "}),
        ("PUT", "dialect", {"dialect": "observed,documented"}),
        ("PUT", "dialect", {"dialect": "observed,"}),
        ("PUT", "dialect", {"dialect": "sabi="}),
        ("POST", "/_mock/sandboxes", {"name": "another", "fork": "default", "seed": 1}),
        ("POST", "/_mock/requests/verify", {"match": {}, "at_least": 2, "at_most": 1}),
        ("POST", "/_mock/requests/{sandbox}.1/send", {"smallest_change": True}),
        ("POST", "/_mock/requests/{sandbox}.2/send", {}),
        ("POST", "/_mock/requests/{sandbox}.3/send", {"smallest_change": True}),
        ("POST", "/_mock/requests/{sandbox}.5/send", {}),
        ("POST", "webhooks", {**HOOK, "url": "ftp://127.0.0.1/"}),
        ("POST", "webhooks", {**HOOK, "url": "http://user@127.0.0.1/"}),
        ("POST", "webhooks", {**HOOK, "vendor": "sabi"}),
        ("POST", "webhooks", {**HOOK, "topics": ["x"]}),
    ],
    ("control", 410): [
        ("GET", "/_mock/requests/{sandbox}-gone.1", None),
        ("GET", "/_mock/requests/har?request={sandbox}-gone.1", None),
        ("POST", "/_mock/requests/{sandbox}-gone.1/send", {}),
    ],
    ("control", 406): [("POST", "/_mock/requests/verify", {"match": {"path": "/never"}})],
    ("control", 503): [("POST", "faults", RESET), ("POST", "webhooks", HOOK)],
}  # fmt: skip


def send(sandbox: Sandbox, spec: str, base_url: str, *request: Any) -> httpx.Response:
    method, path, body = request
    path, body = json.loads(json.dumps([path, body]).replace("{sandbox}", sandbox.name))
    if spec == "control":
        base = base_url if path.startswith("/") else f"{base_url}/_mock/sandboxes/{sandbox.name}/"
        return httpx.request(method, base + path, json=body)
    access = sandbox.vendors[spec]
    headers = {**access.headers, "tenantId": "a", "userId": "b", "countryCode": "c"}
    return httpx.request(method, access.base_url + path, headers=headers, json=body)


def is_kept(spec: str, status: int, text: str) -> bool:
    """Return True if the hook keeps the failure that a refusal causes."""
    failure: Any = ServerError(operation="", status_code=status)
    if status < 500:
        failure = RejectedPositiveData(operation="", message="", status_code=status, allowed_statuses=[])
    operation = SimpleNamespace(schema=schemathesis.openapi.from_dict(DOCUMENTS[spec]))
    case = SimpleNamespace(operation=operation, path="/", formatted_path="/")
    return filter_failure(None, failure, case, SimpleNamespace(status_code=status, text=text, headers={}))


def is_kept_after(spec: str, path: str, *mutations: Mutation, status: int = 200) -> bool:
    """Return True if the hook keeps the failure that a request with these mutations causes."""
    return is_kept_in_phase(spec, path, SimpleNamespace(mutations=mutations), status)


def is_kept_in_phase(spec: str, path: str, data: Any, status: int = 200, query: str = "") -> bool:
    failure = AcceptedNegativeData(operation="", message="", status_code=status, expected_statuses=[])
    operation = schemathesis.openapi.from_dict(DOCUMENTS[spec])[path]["GET"]
    meta = SimpleNamespace(phase=SimpleNamespace(data=data))
    request = httpx.Request(
        "GET", f"http://localhost{path}?{query}", headers={"Authorization": "Bearer demo"}
    )
    response = SimpleNamespace(request=request, status_code=status, headers={})
    case = SimpleNamespace(operation=operation, meta=meta, path=path, formatted_path=path)
    return filter_failure(None, failure, case, response)


def prepare(sandbox: Sandbox, base_url: str) -> None:
    """Make the calls to vendors, with a webhook, and the requests that must succeed first."""
    with receiving() as receiver:
        sandbox.webhooks.create("shoplazza", receiver.url)
        for called in CALLED:
            send(sandbox, called[0], base_url, *called[1:])
        sandbox.webhooks.wait_for(count=1)
    for request in GIVEN:
        assert send(sandbox, "control", base_url, *request).is_success


@pytest.mark.finding("D9")
@pytest.mark.parametrize(("spec", "status"), REFUSED)
def test_each_forgiven_refusal_is_real(mock_sandbox: Sandbox, base_url: str, spec: str, status: int) -> None:
    if spec == "control":
        prepare(mock_sandbox, base_url)
    for twin in TWINS if spec == "shoplazza" else ():
        change = "PUT", f"{V1}/variants/{twin}", {"variant": {"sku": "SAME"}}
        assert send(mock_sandbox, spec, base_url, *change).is_success
    patterns = set(DOCUMENTS[spec]["x-undescribed-refusals"][str(status)])
    for request in REFUSED[spec, status]:
        response = send(mock_sandbox, spec, base_url, *request)
        assert response.status_code == status, response.text
        assert not is_kept(spec, status, response.text), response.text
        assert is_kept(spec, status + 1, response.text)
        patterns -= {pattern for pattern in patterns if re.search(pattern, response.text)}
    assert not patterns, "no request is refused so"


@pytest.mark.finding("D9")
def test_no_other_refusal_is_forgiven() -> None:
    declared = {
        (name, int(status))
        for name, document in DOCUMENTS.items()
        for status in document.get("x-undescribed-refusals", ())
    }
    assert declared == REFUSED.keys()
    assert is_kept("merchantpro", 400, '{"error":{"details":{"stock":"is not valid"}}}')
    assert is_kept("shoplazza", 500, '{"errors":["invalid UUID length: 1"],"more":1}')
    assert is_kept("control", 500, '{"error":"mock_failed","message":"there is no vendor x"}')


def mutation(place: str, keyword: str, name: str | None = None, original: Any = None) -> Mutation:
    pointer = f"/properties/{name}" if name else ""
    location, operator = ParameterLocation(place), OperatorKind.NEGATE_CONSTRAINTS
    return Mutation((), location, pointer, MutationChannel.SCHEMA, operator, (keyword,), name, original, None)


UNKNOWN = mutation("query", "additionalProperties")
TEXT = mutation("query", "type", "productIds", "array")
REMOVED = mutation("header", "required", "Authorization", ["Authorization"])
# What Schemathesis did to a request that was accepted: is the failure kept?
ACCEPTED: dict[str, tuple[bool, tuple[Mutation, ...]]] = {
    "unknown query parameter": (False, (UNKNOWN,)),
    "text instead of a list": (False, (TEXT,)),
    "credential that was sent after all": (False, (REMOVED,)),
    "credential by its name": (False, (mutation("header", "required", "Authorization"),)),
    "header by its name": (True, (mutation("header", "required", "tenantId"),)),
    "all three": (False, (UNKNOWN, TEXT, REMOVED)),
    "nothing known": (True, ()),
    "unknown header": (True, (mutation("header", "additionalProperties"),)),
    "list with a rule for its items": (True, (mutation("query", "type", "productDateRange", "array"),)),
    "text instead of a number": (True, (mutation("query", "type", "limit", "integer"),)),
    "parameter that the spec lacks": (True, (mutation("query", "type", "other", "array"),)),
    "too short": (True, (mutation("query", "minItems", "productIds", 2),)),
    "header that was not sent": (
        True,
        (mutation("header", "required", None, ["Authorization", "tenantId"]),),
    ),
    "required query parameter": (True, (mutation("query", "required", "page", ["page"]),)),
    "body": (True, (mutation("body", "additionalProperties"),)),
    "one harmless, one not": (True, (UNKNOWN, mutation("query", "type", "limit", "integer"))),
}


@pytest.mark.finding("D9")
@pytest.mark.parametrize(("kept", "mutations"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted_request_is_forgiven_if_it_is_valid_as_sent(
    kept: bool, mutations: tuple[Mutation, ...]
) -> None:
    assert is_kept_after("sabi", "/api/v1/products", *mutations) == kept


@pytest.mark.finding("D9")
@pytest.mark.parametrize(
    ("query", "kept"),
    [("ids=,,,", False), ("ids=%2C+%2C", False), ("ids=", False), ("ids=,x,", True), ("title=,", True)],
)
@pytest.mark.parametrize("rule", ["format", "minLength", "pattern"])
def test_list_of_commas_is_forgiven_because_it_has_no_wrong_item(query: str, kept: bool, rule: str) -> None:
    data = SimpleNamespace(mutations=(mutation("query", rule, query.partition("=")[0]),))
    path = "/openapi/2022-01/products/count"
    assert is_kept_in_phase("shoplazza", path, data, query=query) == kept


@pytest.mark.finding("D9")
def test_body_that_is_too_large_is_not_taken_for_accepted() -> None:
    assert not is_kept_after("sabi", "/api/v1/products", mutation("body", "maxItems"), status=413)
    assert is_kept_after("sabi", "/api/v1/products", mutation("body", "maxItems"), status=418)


@pytest.mark.finding("D9")
def test_unknown_query_parameter_is_not_forgiven_where_the_spec_refuses_it() -> None:
    assert is_kept_after("highlevel", "/products/inventory", UNKNOWN)
    assert is_kept_after("control", "/_mock/sandboxes", UNKNOWN)


def added_by_coverage(place: ParameterLocation, scenario: CoverageScenario) -> Any:
    return PhaseInfo.coverage(scenario, "", parameter_location=place).data


@pytest.mark.finding("D9")
def test_unknown_query_parameter_of_the_coverage_phase_is_forgiven_likewise() -> None:
    unexpected = CoverageScenario.OBJECT_UNEXPECTED_PROPERTIES
    unknown = added_by_coverage(ParameterLocation.QUERY, unexpected)
    assert not is_kept_in_phase("shoplazza", "/openapi/2026-01/locations", unknown)
    assert is_kept_in_phase("highlevel", "/products/inventory", unknown)
    other_place = added_by_coverage(ParameterLocation.HEADER, unexpected)
    assert is_kept_in_phase("shoplazza", "/openapi/2026-01/locations", other_place)
    other_scenario = added_by_coverage(ParameterLocation.QUERY, CoverageScenario.INVALID_ENUM_VALUE)
    assert is_kept_in_phase("shoplazza", "/openapi/2026-01/locations", other_scenario)


@pytest.mark.finding("D9")
@pytest.mark.parametrize(("value", "kept"), [("count", False), ("counts", True), ("7", True)])
def test_answer_of_another_operation_is_forgiven(value: str, kept: bool) -> None:
    path = schemathesis.openapi.from_dict(DOCUMENTS["shoplazza"])[f"{V2}/locations/{{location_id}}"]
    case = path["GET"].Case(path_parameters={"location_id": value})
    response = SimpleNamespace(status_code=400, text="{}", headers={})
    failure = RejectedPositiveData(operation="", message="", status_code=400, allowed_statuses=[])
    assert filter_failure(None, failure, case, response) == kept
    assert filter_failure(None, ServerError(operation="", status_code=500), case, response)


@pytest.mark.finding("D9")
@pytest.mark.parametrize(("length", "kept"), [("x", False), ("0", True)])
def test_answer_to_what_is_not_http_is_forgiven(base_url: str, length: str, kept: bool) -> None:
    operation = schemathesis.openapi.from_dict(DOCUMENTS["sabi"])["/api/v1/products"]["GET"]
    case = operation.Case(headers={"Content-Length": length})
    response = case.call(base_url=base_url)
    assert response.status_code >= 400
    failure = RejectedPositiveData(operation="", message="", status_code=400, allowed_statuses=[])
    assert filter_failure(None, failure, case, response) == kept


@pytest.mark.finding("D9")
def test_distrust_of_an_invented_proxy_header_is_forgiven(base_url: str, mock_sandbox: Sandbox) -> None:
    operation = schemathesis.openapi.from_dict(DOCUMENTS["sabi"])["/api/v1/products"]["GET"]
    failure = RejectedPositiveData(operation="", message="", status_code=403, allowed_statuses=[])
    credential = mock_sandbox.vendors["sabi"].headers["Authorization"]
    headers = {"Authorization": credential, "X-Mock-Sandbox": "another", "Fly-Client-IP": "x"}
    case = operation.Case(headers=headers)
    response = case.call(base_url=base_url)
    assert response.headers["x-mock-error"] == ["sandbox_header_not_trusted"]
    assert not filter_failure(None, failure, case, response)
    del response.request.headers["Fly-Client-IP"]  # then a proxy on the way has added it
    assert filter_failure(None, failure, case, response)


@pytest.mark.finding("D9")
@pytest.mark.parametrize("hooks", [True, False])
def test_st_run_finds_nothing_but_what_the_hook_forgives(
    mock_sandbox: Sandbox, base_url: str, tmp_path: Path, hooks: bool
) -> None:
    """With this seed refusals and mutations come that the hook forgives: all kinds in 60 examples."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if hooks:
        environment["SCHEMATHESIS_HOOKS"] = "mockserver.embedding.schemathesis_hooks"
    _, _, credential = mock_sandbox.vendors["merchantpro"].headers["Authorization"].partition(" ")
    examples = os.environ.get("MOCKSERVER_EXAMPLES", "20")
    words = [
        ST, "run", f"{base_url}/_mock/vendors/merchantpro/openapi.json", "-a", b64decode(credential),
        *("--phases", "stateful", "--seed", "4", "--max-examples", examples),
    ]  # fmt: skip
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == (0 if hooks else 1), done.stdout + done.stderr
    assert ("Schema-valid request rejected" in done.stdout) != hooks
