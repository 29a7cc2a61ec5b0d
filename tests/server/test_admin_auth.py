"""Access to the control API: by clients on this machine, or by clients with the admin token."""

import httpx
import pytest

from mockserver import app
from mockserver.server.server import serving


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1234"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.example"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "evil@localhost"}, 403),
        ({"Host": "localhost/evil"}, 403),
        ({"X-Forwarded-For": "1.2.3.4"}, 200),
    ],
)
def test_without_admin_token_only_this_machine_may_use_control(
    api: httpx.Client, headers: dict[str, str], status: int
) -> None:
    response = api.get("/_mock/sandboxes", headers=headers)
    assert response.status_code == status
    assert "access-control-allow-origin" not in response.headers


def test_with_admin_token_control_requires_the_token() -> None:
    with serving(app.build(admin_token="s3cret").application) as url:

        def status(path: str = "sandboxes", **headers: str) -> int:
            return httpx.get(f"{url}/_mock/{path}", headers=headers).status_code

        assert (
            status() == status(Authorization="Bearer wrong") == status(Authorization="Basic czNjcmV0") == 401
        )
        assert status(Authorization="Bearer s3cret", Host="mock.internal") == 200
        assert status("health") == status("ready") == 200, "probes must not need a token"


def test_control_path_on_a_vendors_host_is_unknown(api: httpx.Client) -> None:
    response = api.get("/_mock/sandboxes", headers={"Host": "narvar.example"})
    assert (response.status_code, response.json()["status"]) == (404, "FAILURE")
