"""The kinds of server on which the vendors' tests run."""

import httpx

from tests.vendors.conftest import INTERCEPTED

AGENTS = {
    "requests": "python-requests/",
    "httpx": "python-httpx/",
    "httpx2": "python-httpx2/",
    "urllib3": "python-urllib3/",
    "aiohttp": "Python/",
}


def test_call_is_sent_by_the_library_of_the_kind(
    client: httpx.Client, sandbox: str, server_kind: str
) -> None:
    assert client.get("/exchanges/inventory/9999", auth=("demo", "")).status_code == 200
    (call,) = client.post("/_mock/requests/find", json={"sandbox": sandbox}).json()["requests"]
    agent = call["request"]["headers"]["user-agent"]
    assert agent.startswith(
        AGENTS[server_kind.removeprefix("intercept-")] if server_kind in INTERCEPTED else "python-httpx/"
    )
