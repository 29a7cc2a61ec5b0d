"""`mockserver.flask_app`: one vendor as a Connexion application, with its test client and mounted."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import connexion
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import mockserver
from mockserver import app
from mockserver.contract.contract import Contract
from mockserver.contract.vendor_files import UnknownVendor
from tests.conftest import exact
from tests.contract.sample_vendor import MODULE, write_vendor

WASHER = "/api/v2/inventory/id/10001"
AUTH = {"Authorization": "Basic ZGVtbzpkZW1v"}


@pytest.fixture
def flask_client() -> Iterator[TestClient]:
    """Yield the test client of a new MerchantPro application."""
    with mockserver.flask_app("merchantpro").test_client() as client:
        yield client


def test_flask_app_gives_no_warnings() -> None:
    code = "import mockserver; mockserver.flask_app('merchantpro')"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_flask_app_answers_as_the_server_does(flask_client: TestClient) -> None:
    assert isinstance(mockserver.flask_app("narvar"), connexion.FlaskApp)
    assert flask_client.patch(WASHER, headers=AUTH, json={"stock": 3}).json()["stock"] == 3
    assert flask_client.get(WASHER, headers=AUTH).json()["stock"] == 3
    refused = flask_client.get(WASHER)
    assert (refused.status_code, exact(refused.text)) == (
        401,
        exact('{"error":{"name":"unauthorized","message":"Invalid credentials","details":{}}}'),
    )
    assert flask_client.get("/nowhere").status_code == 404
    assert flask_client.delete(WASHER).headers["allow"] == "GET, HEAD, OPTIONS, PATCH"


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_flask_app_of_every_vendor_answers_the_sample_call(vendor: str) -> None:
    contract: Contract = app.load_contract(vendor)
    with mockserver.flask_app(vendor).test_client() as client:
        response = client.get(contract.vendor.sample, headers=contract.vendor.auth_headers("demo"))
    assert response.status_code == 200, response.text


def test_each_flask_app_has_its_own_records(flask_client: TestClient) -> None:
    flask_client.patch(WASHER, headers=AUTH, json={"stock": 3})
    with mockserver.flask_app("merchantpro").test_client() as other:
        assert other.get(WASHER, headers=AUTH).json()["stock"] == 10


def test_flask_app_can_be_mounted() -> None:
    routes = [
        Mount("/my shop", mockserver.flask_app("merchantpro")),
        Mount("/", mockserver.flask_app("narvar")),
    ]
    with TestClient(Starlette(routes=routes)) as client:
        assert client.get(f"/my%20shop{WASHER}", headers=AUTH).json()["stock"] == 10
        assert client.get("/exchanges/inventory/9999", headers=AUTH).json()["id"] == "9999"


def test_client_of_the_inner_flask_app_fails() -> None:
    """Connexion's own limit: the inner application lacks the context that Connexion's middleware sets."""
    application = mockserver.flask_app("merchantpro")
    application.test_client().get(WASHER)
    with pytest.raises(RuntimeError, match="context"):
        application.app.test_client().get(WASHER)


def test_exception_in_a_handler_is_logged_once(
    flask_client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mockserver.vendors.merchantpro._find", lambda *_: 1 / 0)
    assert flask_client.get(WASHER, headers=AUTH).status_code == 500
    (record,) = caplog.records
    assert record.exc_info and record.exc_info[0] is ZeroDivisionError


def test_invalid_sandbox_name_is_refused_by_the_mock(flask_client: TestClient) -> None:
    response = flask_client.get(WASHER, headers={**AUTH, "X-Mock-Sandbox": "a b"})
    assert (response.status_code, response.headers["x-mock-error"]) == (400, "bad_sandbox_name")


def test_flask_app_of_an_unknown_vendor_raises() -> None:
    with pytest.raises(UnknownVendor, match="acme"):
        mockserver.flask_app("acme")


def test_handler_that_exits_gets_500(tmp_path: Path) -> None:
    folder = write_vendor(tmp_path)
    (folder / MODULE).write_text((folder / MODULE).read_text().replace("    return item\n", "    exit(0)\n"))
    with mockserver.flask_app("acme", vendors_from=folder).test_client() as client:
        assert client.get("/items/1", headers={"Authorization": "Bearer demo"}).status_code == 500
