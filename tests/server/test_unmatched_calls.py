"""Calls that match no vendor are journaled in the sandbox that their client uses."""

import httpx
import pytest

from mockserver.client import Sandbox
from mockserver.pytest_plugin.fixtures import RunningServer

PATH = "/nobody/here?token=s3cret&x=1"


def test_unmatched_call_is_journaled_with_secrets_redacted(
    mockserver: RunningServer, mock_sandbox: Sandbox
) -> None:
    answer = httpx.post(mockserver.url + PATH, headers={"X-Mock-Sandbox": mock_sandbox.name}, content=b"{}")
    (call,) = mock_sandbox.requests
    assert (call.vendor, call.operation, call.method) == ("-", "", "POST")
    assert call.target == "/nobody/here?token=***&x=1"
    assert (call.status, call.response.body) == (answer.status_code, answer.text)
    assert call.response.headers["X-Mock-Error"] == "no_vendor"
    assert call.remarks == ("no vendor has this path",)


def test_unmatched_call_is_explained_and_can_be_repeated(
    mockserver: RunningServer, mock_sandbox: Sandbox
) -> None:
    httpx.get(f"{mockserver.url}/nobody", headers={"X-Mock-Sandbox": mock_sandbox.name})
    (call,) = mock_sandbox.requests.find(vendor="-")
    explained = mock_sandbox.requests.explain(call)
    assert (explained.check, explained.why) == ("vendor", ("no vendor has this path",))
    assert explained.smallest_change[0].startswith(
        "use a vendor's own path or Host header, or begin the path"
    )
    assert f"{mockserver.url}/nobody" in explained.curl
    archive = httpx.get(f"{mockserver.url}/_mock/requests/har", params={"sandbox": mock_sandbox.name}).json()
    assert [one["request"]["url"] for one in archive["log"]["entries"]] == [f"{mockserver.url}/nobody"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Mock-Sandbox": "{name}"},
        {"Authorization": "Bearer sbx_{name}"},
        {"access-token": "sbx_{name}"},
        {"X-Mock-Sandbox": "{name}", "Authorization": "Bearer demo"},
        {"X-Mock-Sandbox": "never-made", "Authorization": "Bearer sbx_{name}"},
    ],
)
def test_unmatched_call_goes_to_the_sandbox_of_its_client(
    mockserver: RunningServer, mock_sandbox: Sandbox, headers: dict[str, str]
) -> None:
    given = {header: text.format(name=mock_sandbox.name) for header, text in headers.items()}
    httpx.get(f"{mockserver.url}/nobody", headers=given)
    mock_sandbox.assert_called(vendor="-", times=1)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic %"},
        {"X-Mock-Sandbox": "never-made"},
        {"X-Mock-Sandbox": "../%00"},
        {"Authorization": "Bearer sbx_never-made"},
    ],
)
def test_unmatched_call_without_sandbox_goes_to_the_default_one(
    mockserver: RunningServer, request: pytest.FixtureRequest, headers: dict[str, str]
) -> None:
    path = f"/nobody/{hash(request.node.name)}"
    httpx.get(mockserver.url + path, headers=headers)
    # Use `find`, because many tests share this sandbox. Its journal may have dropped calls, and
    # `assert_called` would fail for that reason alone.
    assert len(list(mockserver.client.sandbox().requests.find(path=path, vendor="-"))) == 1
    assert "never-made" not in [sandbox.name for sandbox in mockserver.client.sandboxes()]


def test_unmatched_call_does_not_change_later_responses(
    mockserver: RunningServer, mock_sandbox: Sandbox
) -> None:
    access, paths = (
        mock_sandbox.vendors["highlevel"],
        ["/products/inventory?altId=6578278e879ad2646715ba9c&limit=1"],
    )
    answers = []
    for path in [*paths, "/nobody", *paths]:
        if path == "/nobody":
            mock_sandbox.reset()
            httpx.get(mockserver.url + path, headers={"X-Mock-Sandbox": mock_sandbox.name})
        else:
            answers.append(httpx.get(access.base_url + path, headers=access.headers))
    assert len({answer.content for answer in answers}) == 1
    assert len({str([pair for pair in a.headers.items() if pair[0] != "date"]) for a in answers}) == 1


def test_control_call_is_not_an_unmatched_call(mockserver: RunningServer, mock_sandbox: Sandbox) -> None:
    httpx.get(f"{mockserver.url}/_mock/nothing", headers={"X-Mock-Sandbox": mock_sandbox.name})
    mock_sandbox.assert_called(never=True)
