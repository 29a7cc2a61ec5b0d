"""Access to the control API: by clients on this machine, or by clients with the admin token."""

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT

PORT = "{port}"  # replaced by the server's own


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1234"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.example"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "evil@localhost"}, 403),
        ({"Host": "localhost/evil"}, 403),
        ({"Origin": f"http://127.0.0.1:{PORT}"}, 200),
        ({"Origin": "http://localhost:80", "Host": "localhost"}, 200),
        ({"Origin": "HTTP://LOCALHOST", "Host": "localhost:80"}, 200),
        ({"Origin": f"https://127.0.0.1:{PORT}"}, 403),
        ({"Origin": f"http://localhost:{PORT}"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
def test_without_admin_token_only_this_machine_may_use_control(
    api: httpx.Client, headers: dict[str, str], status: int
) -> None:
    headers = {name: value.format(port=api.base_url.port) for name, value in headers.items()}
    response = api.get("/_mock/sandboxes", headers=headers)
    assert response.status_code == status, response.text
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.finding("A6")
@pytest.mark.parametrize(
    "header",
    [
        "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
        "X-Forwarded-Server", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP",
        "Fastly-Client-IP", "X-Original-Forwarded-For", "x-forwarded-anything",
    ],
)  # fmt: skip
def test_without_admin_token_control_is_closed_behind_a_proxy(api: httpx.Client, header: str) -> None:
    response = api.get("/_mock/sandboxes", headers={header: "127.0.0.1"})
    assert (response.status_code, response.json()["error"]) == (403, "forbidden")
    assert f"has the header {header.lower()}" in response.json()["message"]
    assert "--admin-token" in response.json()["message"]
    assert api.get("/_mock/ready", headers={header: "127.0.0.1"}).status_code == 200


@pytest.mark.finding("A6")
def test_without_admin_token_control_is_closed_to_http_1_0_as_nginx_sends_it(base_url: str) -> None:
    """This is what nginx sends if its configuration has nothing but `proxy_pass`."""
    address = urlsplit(base_url)
    for path, status in (("sandboxes", b"403"), ("ready", b"200")):
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            head = f"GET /_mock/{path} HTTP/1.0\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(1000).split()[1] == status


@pytest.fixture(scope="module")
def with_token() -> Iterator[str]:
    """Yield the URL of a server with an admin token."""
    with serving(app.build(admin_token="s3cret").application) as url:
        yield url


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer s3cret"}, 200),
        ({"Authorization": "bearer s3cret", "Host": "mock.internal"}, 200),
        ({"Authorization": "Bearer s3cret", "X-Forwarded-For": "203.0.113.7"}, 200),
        ({"Authorization": "Bearer s3cret", "Origin": "https://mock.internal"}, 200),
        ({}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer s3cre"}, 401),
        ({"Authorization": "Bearer s3cret2"}, 401),
        ({"Authorization": "Bearer s3cret s3cret"}, 401),
        ({"Authorization": "Basic czNjcmV0"}, 401),
        ({"Authorization": "Basic s3cret"}, 401),
        ({"Authorization": b"Bearer \xff\xfe\x80"}, 401),
        ({"Authorization": "Bearer gültig".encode()}, 401),
        ({"Authorization": b"\xa0\xa0"}, 401),
        ({"Authorization": "Bearer ctl_"}, 401),
        ({"access-token": "s3cret"}, 401),
        ({"X-Admin-Token": "s3cret"}, 401),
    ],
    ids=str,
)
def test_with_admin_token_control_requires_the_token(
    with_token: str, headers: dict[str, Any], status: int
) -> None:
    assert (
        httpx.get(
            f"{with_token}/_mock/sandboxes", headers=headers, verify=NO_CERTIFICATES, timeout=TIMEOUT
        ).status_code
        == status
    )


@pytest.mark.parametrize("query", ["token=s3cret", "access_token=s3cret", "admin_token=s3cret"])
def test_token_in_a_query_is_not_accepted(with_token: str, query: str) -> None:
    assert (
        httpx.get(
            f"{with_token}/_mock/sandboxes?{query}", verify=NO_CERTIFICATES, timeout=TIMEOUT
        ).status_code
        == 401
    )


def test_probes_need_no_token(with_token: str) -> None:
    statuses = [httpx.get(f"{with_token}/_mock/{path}").status_code for path in ("health", "ready")]
    assert statuses == [200, 200]


@pytest.mark.parametrize("token", ["Schlüssel", "ctl_of-the-operator", "sbx_a"])
def test_admin_token_can_be_any_text(token: str) -> None:
    with serving(app.build(admin_token=token).application) as url:
        headers = {"Authorization": f"Bearer {token}".encode()}
        assert httpx.get(f"{url}/_mock/sandboxes", headers=headers).status_code == 200


def test_control_path_on_a_vendors_host_is_unknown(api: httpx.Client) -> None:
    response = api.get("/_mock/sandboxes", headers={"Host": "narvar.example"})
    assert (response.status_code, response.json()["status"]) == (404, "FAILURE")
