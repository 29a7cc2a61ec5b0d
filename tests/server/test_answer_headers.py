"""The headers of a vendor's answers: every kind of server sends the same ones, and only valid ones."""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import mockserver
from mockserver import app
from mockserver.server.server import serving
from tests.contract.test_vendor_check import FILES, FIXTURE, MODULE, SPEC

TIMEOUT = 20
KINDS = ["fast path", "no fast path", "connexion", "flask_app"]
Reply = tuple[int, list[tuple[str, str]], bytes]
Send = Callable[[str, str, str], Reply]
PUT = """
    put:
      operationId: put-item
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody: {required: true, content: {application/json: {schema: {type: object}}}}
      responses:
        "200": {description: The item, x-evidence: inferred, x-source: our own choice}
x-shared-responses:
"""
EMPTY = '  "204": {description: Nothing, x-evidence: inferred, x-source: our own choice}\n'
CODE = """
COMMON = {}
ANSWERS = {
    "twice": Answer(200, {"id": 1, "sku": "A", "stock": 1}, (("X-B", "1"), ("x-a", "1"), ("X-B", "2"))),
    "empty": Answer(204, None),
}


def get_item(call):
    return ANSWERS[call.path["id"]] if call.path["id"] in ANSWERS else call.records("items").get("1")


def put_item(call):
    item = call.records("items").get("1")
    call.records("items").put({**item, "stock": 9})
    return Answer(200, item)


vendor = Vendor(
    common_headers=lambda call: COMMON,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a vendor that gives headers of its own."""
    module = FILES[MODULE].replace('"get-item": get_item', '"get-item": get_item, "put-item": put_item')
    spec = FILES[SPEC].replace("x-shared-responses:\n", PUT.lstrip("\n") + EMPTY, 1)
    files = {MODULE: module.replace("vendor = Vendor(\n", CODE.lstrip()), SPEC: spec, FIXTURE: FILES[FIXTURE]}
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    return tmp_path


def send_raw(url: str, method: str, path: str, body: str = "") -> Reply:
    """Send a request in one piece, which the fast path can answer. Return status, headers and body."""
    address = urlsplit(url)
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer demo\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as connection:
        connection.sendall(f"{head}\r\n{body}".encode())
        response = HTTPResponse(connection)
        response.begin()
        return response.status, [(n.lower(), v) for n, v in response.getheaders()], response.read()


@contextmanager
def running(kind: str, folder: Path) -> Iterator[Send]:
    """Yield a function that sends a request to a server of a kind, or to a flask_app."""
    if kind == "flask_app":
        with mockserver.flask_app("acme", products=1, vendors_from=folder).test_client() as client:

            def send(method: str, path: str, body: str = "") -> Reply:
                options: dict[str, Any] = {"content": body} if body else {}
                headers = {"Authorization": "Bearer demo"} | (
                    {"Content-Type": "application/json"} if body else {}
                )
                response = client.request(method, path, headers=headers, **options)
                return response.status_code, response.headers.multi_items(), response.content

            yield send
        return
    engine: Any = "connexion" if kind == "connexion" else "compiled"
    mock = app.build(products=1, names=["acme"], vendors_from=folder, engine=engine)
    with serving(mock.application, fast_path=kind != "no fast path") as url:
        yield lambda method, path, body="": send_raw(url, method, path, body)


@pytest.fixture(params=KINDS)
def send(request: pytest.FixtureRequest, folder: Path) -> Iterator[Send]:
    with running(request.param, folder) as function:
        yield function


def test_repeated_header_is_sent_twice_in_the_given_order(send: Send) -> None:
    status, headers, _ = send("GET", "/items/twice", "")
    assert status == 200
    own = [header for header in headers if header[0].startswith("x-")]
    assert own == [("x-b", "1"), ("x-a", "1"), ("x-b", "2")]
    assert [value for name, value in headers if name == "content-type"] == ["application/json"]


def test_204_has_neither_content_type_nor_content_length(send: Send) -> None:
    status, headers, body = send("GET", "/items/empty", "")
    assert (status, body) == (204, b"")
    assert {"content-type", "content-length"}.isdisjoint(dict(headers))


@pytest.mark.parametrize(
    "header",
    [
        ("X-Shop", "a\r\nX-Injected: 1"),
        ("X-Shop", "a\n"),
        ("X-Shop", "Caf€"),
        ("X-Shop", 5),
        ("X: Y", "a"),
        ("", ""),
    ],
    ids=["line break", "line feed", "not latin-1", "not a string", "colon in the name", "empty"],
)
def test_invalid_header_of_a_vendor_is_an_error_of_the_mock(
    send: Send, header: tuple[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    vendor: Any = sys.modules["mockserver_vendors.acme"]
    vendor.COMMON = dict([header])
    requests = [
        ("GET", "/items/1", ""), ("PUT", "/items/1", "{}"), ("GET", "/items/empty", ""),
        ("GET", "/items/1/2", ""), ("OPTIONS", "/items/1", ""), ("DELETE", "/items/1", ""),
    ]  # fmt: skip
    for method, path, body in requests:
        caplog.clear()
        status, headers, _ = send(method, path, body)
        assert (status, dict(headers).get("x-mock-error")) == (500, "mock_failed"), (method, path)
        assert "x-injected" not in dict(headers)
        assert [record.levelname for record in caplog.records] == ["ERROR"], (method, path)
        assert f"header {header[0]!r} is not valid" in caplog.text
    vendor.COMMON = {}
    assert b'"stock":3' in send("GET", "/items/1", "")[2]
