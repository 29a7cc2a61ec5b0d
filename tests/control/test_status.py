"""Status operations: the specs that the server gives to other tools."""

from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.contract.openapi.spec import METHODS
from mockserver.contract.vendor_files import VendorFiles
from mockserver.embedding.pytest_plugin.fixtures import RunningServer


def get(url: str, **headers: str) -> Any:
    response = httpx.get(url, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.finding("B6")
def test_specs_name_the_server_that_gives_them(mockserver: RunningServer) -> None:
    assert get(f"{mockserver.url}/_mock/openapi.json")["servers"] == [{"url": mockserver.url}]
    vendors = get(f"{mockserver.url}/_mock/vendors")["vendors"]
    assert [vendor["name"] for vendor in vendors] == app.vendor_names()
    for vendor in vendors:
        assert vendor["openapi_url"] == f"{mockserver.url}/_mock/vendors/{vendor['name']}/openapi.json"
        assert get(vendor["openapi_url"])["servers"] == [{"url": vendor["base_url"]}]


@pytest.mark.finding("B6")
@pytest.mark.parametrize("vendor", app.vendor_names())
def test_spec_of_a_vendor_is_valid_and_complete(mockserver: RunningServer, vendor: str) -> None:
    document, spec = get(f"{mockserver.url}/_mock/vendors/{vendor}/openapi.json"), VendorFiles().spec(vendor)
    pytest.importorskip("openapi_spec_validator").validate(document)  # `make lowest` has none
    assert {name for name in document if name.startswith("x-")} <= {"x-undescribed-refusals"}
    items = document["paths"].values()
    operations = [item[name] for item in items for name in METHODS if name in item]
    assert [operation["operationId"] for operation in operations] == [*spec.operations]
    for operation in operations:
        declared = {*spec.operations[operation["operationId"]].responses, *spec.shared_responses}
        assert [*operation["responses"]] == [str(status) for status in sorted(declared)]


def test_spec_of_an_unknown_vendor_is_missing(mockserver: RunningServer) -> None:
    response = httpx.get(f"{mockserver.url}/_mock/vendors/nobody/openapi.json")
    assert response.status_code == 404
    assert response.json()["message"].startswith("there is no vendor nobody: use one of highlevel, ")


@pytest.mark.finding("B6")
@pytest.mark.parametrize("vendor", app.vendor_names())
def test_sample_of_a_vendor_is_reached_by_its_spec(mockserver: RunningServer, vendor: str) -> None:
    """A client that takes server and path from the served spec reaches the vendor."""
    emulated = app.load_contract(vendor).vendor
    (server,) = get(f"{mockserver.url}/_mock/vendors/{vendor}/openapi.json")["servers"]
    answer = httpx.get(server["url"] + emulated.sample, headers=dict(emulated.auth_headers("demo")))
    assert answer.status_code == 200


def test_settings_are_the_data_and_the_limits_of_the_server(mockserver: RunningServer) -> None:
    settings = mockserver.client.settings()
    assert (settings["seed"], settings["products"], settings["engine"]) == (42, 100, "compiled")
    assert settings["version"] == mockserver.client.health()["version"]
    assert settings["sandbox_ttl"] == 86_400
    assert (settings["journal_calls"], settings["journal_bytes"]) == (1000, 4 * 1024 * 1024)
