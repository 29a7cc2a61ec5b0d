"""A raw request is made from the scope of any ASGI server."""

from typing import Any

import pytest

from mockserver.embedding.pytest_plugin.fixtures import RunningServer
from mockserver.server.http.raw_request import raw_request_of
from tests.e2e.test_hostile import connect, read_all


@pytest.mark.parametrize("raw_path", [{}, {"raw_path": None}], ids=["left out", "None"])
def test_path_is_encoded_if_there_is_no_raw_path(raw_path: dict[str, Any]) -> None:
    scope = {"method": "GET", "path": "/my shop/a b?c%é/it's:1", "query_string": b"d=1", "headers": []}
    raw = raw_request_of(scope | {"root_path": "/my shop"} | raw_path)
    assert (raw.path, raw.query) == ("/a%20b%3Fc%25%C3%A9/it's:1", "d=1")


@pytest.mark.parametrize("body", [b"", b"{}"], ids=["fast path", "with a body"])
def test_spaces_around_the_value_of_a_header_are_not_part_of_it(
    mockserver: RunningServer, body: bytes
) -> None:
    lines = (
        b"Host: highlevel.example\r\nVersion: \t 2021-07-28 \t\r\nAuthorization: Bearer demo \r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    target = b"/highlevel/products/inventory?altId=a&limit=1"
    with connect(mockserver.url) as connection:
        connection.sendall(b"GET %b HTTP/1.1\r\n%b%b" % (target, lines, body))
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
