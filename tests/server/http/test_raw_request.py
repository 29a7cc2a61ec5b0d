"""A raw request is made from the scope of any ASGI server."""

from typing import Any

import pytest

from mockserver.server.http.raw_request import raw_request_of


@pytest.mark.parametrize("raw_path", [{}, {"raw_path": None}], ids=["left out", "None"])
def test_path_is_encoded_if_there_is_no_raw_path(raw_path: dict[str, Any]) -> None:
    scope = {"method": "GET", "path": "/my shop/a b?c%é/it's:1", "query_string": b"d=1", "headers": []}
    raw = raw_request_of(scope | {"root_path": "/my shop"} | raw_path)
    assert (raw.path, raw.query) == ("/a%20b%3Fc%25%C3%A9/it's:1", "d=1")
