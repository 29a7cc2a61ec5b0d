"""`mockserver.flask_app`: one vendor as a Connexion application, in a test client or mounted."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import connexion
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import mockserver
from mockserver import app
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import MAX_BODY_BYTES
from mockserver.contract.vendor_files import UnknownVendor
from mockserver.server.http.asgi import Receive, Send
from mockserver.server.server import serving
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


def test_flask_app_answers_like_the_server(flask_client: TestClient) -> None:
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


@pytest.mark.parametrize(("dialect", "total"), [("documented", {"total": 0}), ("observed", [])])
def test_flask_app_speaks_the_dialect_that_is_chosen(dialect: str, total: Any) -> None:
    headers = {"Authorization": "Bearer sbx_any", "Version": "2021-07-28"}
    with mockserver.flask_app("highlevel", dialect=dialect).test_client() as client:
        nothing = client.get("/products/inventory?altId=x&altType=location&search=zzz", headers=headers)
    assert nothing.json() == {"inventory": [], "total": total}


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_flask_app_of_every_vendor_answers_the_sample_call(vendor: str) -> None:
    contract: Contract = app.load_contract(vendor)
    with mockserver.flask_app(vendor).test_client() as client:
        response = client.get(contract.vendor.sample, headers=contract.vendor.auth_headers("demo"))
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("path", ["/products", "/products/"])
def test_slash_may_follow_a_path_where_the_spec_says_so(path: str) -> None:
    headers = {"Authorization": "Bearer demo", "Version": "v3"}
    with mockserver.flask_app("highlevel").test_client() as client:
        answer = client.get(f"{path}?locationId=x&limit=1", headers=headers, follow_redirects=False)
    assert (answer.status_code, len(answer.json()["products"])) == (200, 1)


def test_each_flask_app_has_its_own_records(flask_client: TestClient) -> None:
    flask_client.patch(WASHER, headers=AUTH, json={"stock": 3})
    with mockserver.flask_app("merchantpro").test_client() as other:
        assert other.get(WASHER, headers=AUTH).json()["stock"] == 10


@pytest.mark.parametrize("raw_path", [{}, {"raw_path": None}], ids=["left out", "None"])
@pytest.mark.parametrize("prefix", ["", "/my shop"])
def test_scope_without_raw_path_is_answered(raw_path: dict[str, Any], prefix: str) -> None:
    """The key is optional in ASGI."""
    pipeline = app.build(names=["merchantpro"]).application
    routes = [Mount("/my shop", mockserver.flask_app("merchantpro")), Mount("/", pipeline)]
    mounted = Starlette(routes=routes)

    async def without_raw_path(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await mounted({key: scope[key] for key in scope if key != "raw_path"} | raw_path, receive, send)

    with TestClient(without_raw_path) as client:
        assert client.get(f"{prefix}{WASHER}", headers=AUTH).json()["stock"] == 10


def test_flask_app_can_be_mounted() -> None:
    routes = [
        Mount("/my shop", mockserver.flask_app("merchantpro")),
        Mount("/", mockserver.flask_app("narvar")),
    ]
    with TestClient(Starlette(routes=routes)) as client:
        assert client.get(f"/my%20shop{WASHER}", headers=AUTH).json()["stock"] == 10
        assert client.get("/exchanges/inventory/9999", headers=AUTH).json()["id"] == "9999"


def test_client_of_the_inner_flask_app_fails() -> None:
    """Connexion does not support this: its middleware sets a context that the inner application needs."""
    application = mockserver.flask_app("merchantpro")
    application.test_client().get(WASHER)
    with pytest.raises(RuntimeError, match="context"):
        application.app.test_client().get(WASHER)


def test_exception_in_a_handler_is_logged_once(
    flask_client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mockserver.vendors.merchantpro.inventory._find", lambda *_: 1 / 0)
    assert flask_client.get(WASHER, headers=AUTH).status_code == 500
    (record,) = caplog.records
    assert record.exc_info and record.exc_info[0] is ZeroDivisionError


def test_invalid_sandbox_name_is_refused_by_the_mock(flask_client: TestClient) -> None:
    response = flask_client.get(WASHER, headers={**AUTH, "X-Mock-Sandbox": "a b"})
    assert (response.status_code, response.headers["x-mock-error"]) == (400, "bad_sandbox_name")


def test_flask_app_of_an_unknown_vendor_raises() -> None:
    with pytest.raises(UnknownVendor, match="acme"):
        mockserver.flask_app("acme")


@pytest.mark.parametrize(
    "headers", [{"Upgrade": "websocket", "Connection": "Upgrade"}, {"Host": ".."}, {"Host": "a" * 64}]
)
def test_connexion_sees_neither_host_nor_upgrade(flask_client: TestClient, headers: dict[str, str]) -> None:
    assert flask_client.get(WASHER, headers=AUTH | headers).json()["stock"] == 10


ORIGIN = {"Origin": "https://shop.example"}
PREFLIGHT = ORIGIN | {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "x-a"}
REQUESTS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "read": ("GET", WASHER, {}, b""),
    "read with an Origin": ("GET", WASHER, ORIGIN, b""),
    "HEAD": ("HEAD", WASHER, {}, b""),
    "body on GET": ("GET", WASHER, {}, b"{}"),
    "write": ("PATCH", WASHER, {"Content-Type": "application/json"}, b'{"stock": 3}'),
    "text/plain": ("PATCH", WASHER, {"Content-Type": "text/plain"}, b'{"stock": 3}'),
    "form": ("PATCH", WASHER, {"Content-Type": "application/x-www-form-urlencoded"}, b'{"stock": 3}'),
    "multipart": ("PATCH", WASHER, {"Content-Type": "multipart/form-data; boundary=x"}, b'{"stock": 3}'),
    "no body": ("PATCH", WASHER, {"Content-Type": "application/json"}, b""),
    "no body, text/plain": ("PATCH", WASHER, {"Content-Type": "text/plain"}, b""),
    "largest body": ("PATCH", WASHER, {"Content-Type": "application/json"}, b" " * MAX_BODY_BYTES),
    "body too large": ("PATCH", WASHER, {"Content-Type": "application/json"}, b" " * (MAX_BODY_BYTES + 1)),
    "body too large, no credential": ("PATCH", WASHER, {"Authorization": ""}, b" " * (MAX_BODY_BYTES + 1)),
    "OPTIONS": ("OPTIONS", WASHER, {}, b""),
    "OPTIONS with an Origin": ("OPTIONS", WASHER, ORIGIN, b""),
    "preflight": ("OPTIONS", WASHER, PREFLIGHT, b""),
    "preflight of an unknown path": ("OPTIONS", "/api/v2/nowhere", PREFLIGHT, b""),
    "OPTIONS of an unknown path": ("OPTIONS", "/api/v2/nowhere", {}, b""),
    "unknown path": ("GET", "/api/v2/nowhere", ORIGIN, b""),
    "unknown method": ("DELETE", WASHER, ORIGIN, b""),
    "slash at the end": ("GET", f"{WASHER}/", {}, b""),
    "slash at the end of a write": ("PATCH", f"{WASHER}/", {"Content-Type": "application/json"}, b"{}"),
    "double slash": ("GET", "/api/v2/inventory//id/10001", {}, b""),
    "no credential": ("GET", WASHER, {"Authorization": ""} | ORIGIN, b""),
    "unknown record": ("GET", "/api/v2/inventory/id/77", {}, b""),
}
OF_THE_SERVER = ("date", "server", "keep-alive")  # headers


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    with serving(app.build(names=["merchantpro"]).application) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize("name", REQUESTS)
def test_flask_app_answers_as_the_server(name: str, server: httpx.Client) -> None:
    method, path, headers, body = REQUESTS[name]
    headers = AUTH | {"X-Mock-Sandbox": f"test-{[*REQUESTS].index(name)}"} | headers
    replies = []
    with mockserver.flask_app("merchantpro").test_client(follow_redirects=False) as flask_client:
        for client in (server, flask_client):
            response = client.request(method, path, headers=headers, content=body)
            lines = sorted(
                one
                for one in response.headers.multi_items()
                if one[0] not in ("date", "server", "keep-alive")
            )
            replies.append((response.status_code, lines, response.content))
    assert replies[0] == replies[1]


def test_chunked_body_is_read(flask_client: TestClient) -> None:
    headers = AUTH | {"Content-Type": "application/json"}
    response = flask_client.patch(WASHER, headers=headers, content=iter([b'{"stock"', b": 3}"]))
    assert response.json()["stock"] == 3


def test_handler_that_exits_gets_500(tmp_path: Path) -> None:
    folder = write_vendor(tmp_path)
    (folder / MODULE).write_text((folder / MODULE).read_text().replace("    return item\n", "    exit(0)\n"))
    with mockserver.flask_app("acme", vendors_from=folder).test_client() as client:
        assert client.get("/items/1", headers={"Authorization": "Bearer demo"}).status_code == 500
