"""Calls without a path of a vendor or without an accepted credential: they are in no sandbox's journal."""

import httpx
import pytest

from mockserver import app
from mockserver.client import Sandbox
from mockserver.embedding.pytest_plugin.fixtures import RunningServer
from mockserver.sandbox.journal.journal import MAX_ENTRIES
from mockserver.server.server import serving

PATH = "/nobody/here?token=s3cret&x=1"
WASHER = "/api/v2/inventory/id/10001"


def test_unmatched_call_is_journaled_with_secrets_redacted(
    mockserver: RunningServer, mock_sandbox: Sandbox
) -> None:
    headers = {"Authorization": f"Bearer {mock_sandbox.credential}"}
    answer = httpx.post(mockserver.url + PATH, headers=headers, content=b"{}")
    (call,) = mock_sandbox.requests
    assert (call.vendor, call.operation, call.method) == ("-", "", "POST")
    assert call.target == "/nobody/here?token=***&x=1"
    assert (call.status, call.response.body) == (answer.status_code, answer.text)
    assert call.response.headers["X-Mock-Error"] == "no_vendor"
    assert call.remarks == ("no vendor has this path",)


def test_unmatched_call_is_explained_and_can_be_repeated(
    mockserver: RunningServer, mock_sandbox: Sandbox
) -> None:
    httpx.get(f"{mockserver.url}/nobody", headers={"access-token": mock_sandbox.credential})
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
        {"Authorization": "Bearer sbx_{name}"},
        {"access-token": "sbx_{name}"},
        {"X-Mock-Sandbox": "{name}", "Authorization": "Bearer demo"},
        {"X-Mock-Sandbox": "never-made", "Authorization": "Bearer sbx_{name}"},
    ],
)
def test_unmatched_call_goes_to_the_sandbox_that_its_credential_opens(
    mockserver: RunningServer, mock_sandbox: Sandbox, headers: dict[str, str]
) -> None:
    given = {header: text.format(name=mock_sandbox.name) for header, text in headers.items()}
    httpx.get(f"{mockserver.url}/nobody", headers=given)
    mock_sandbox.assert_called(vendor="-", times=1)


@pytest.mark.finding("A18")
@pytest.mark.parametrize("path", ["/nobody/{id}", f"{WASHER}?id={{id}}"], ids=["no vendor", "refused"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic %"},
        {"Authorization": "Basic Zm9yYmlkZGVuOng="},
        {"Authorization": "sbx_{name}"},
        {"X-Mock-Sandbox": "{name}"},
        {"X-Mock-Sandbox": "never-made"},
    ],
    ids=str,
)
def test_call_without_an_accepted_credential_is_in_no_sandbox(
    mockserver: RunningServer,
    mock_sandbox: Sandbox,
    headers: dict[str, str],
    path: str,
    request: pytest.FixtureRequest,
) -> None:
    client, marker = mockserver.client, f"{hash(request.node.name)}"
    path, begin = path.format(id=marker), client.requests.position
    given = {header: text.format(name=mock_sandbox.name) for header, text in headers.items()}
    httpx.get(mockserver.url + path, headers=given)
    assert not [*mock_sandbox.requests]
    assert marker not in [call.target for call in client.sandbox().requests.after(begin)]
    (stray,) = client.strays.summaries(q=marker)
    assert (stray.sandbox, stray.id[:2]) == ("-", "-.")
    assert stray.id in [call.id for call in client.requests.after(begin)], "all calls include the strays"
    assert client.strays.explain(*client.strays.find(path=path.partition("?")[0], **query(path))).check
    assert "never-made" not in [sandbox.name for sandbox in client.sandboxes()]


def query(path: str) -> dict[str, dict[str, str]]:
    _, _, marker = path.partition("?id=")
    return {"query": {"id": marker}} if marker else {}


@pytest.mark.finding("A18")
def test_strays_push_no_calls_out_and_let_verification_pass() -> None:
    mock = app.build(names=["merchantpro"], products=1)
    with serving(mock.application) as url, httpx.Client(base_url=url) as http:
        http.get(WASHER, auth=("sbx_victim", ""))
        for _ in range(MAX_ENTRIES + 100):
            assert http.get(WASHER, headers={"X-Mock-Sandbox": "victim"}).status_code == 401
        verified = http.post("/_mock/requests/verify", json={"match": {"sandbox": "victim"}, "exactly": 1})
        assert verified.status_code == 200, verified.text
    strays, victim = mock.sandboxes.journals.strays, mock.sandboxes.get("victim").journal
    assert (len(strays), strays.dropped, victim.dropped) == (MAX_ENTRIES, 100, 0)


@pytest.mark.finding("A18")
def test_failed_verification_shows_the_call_that_reached_no_sandbox(
    mockserver: RunningServer, mock_sandbox: Sandbox
) -> None:
    httpx.get(f"{mockserver.url}{WASHER}?lost=1", auth=(f"sbx{mock_sandbox.name}", ""))
    with pytest.raises(AssertionError) as failed:
        mock_sandbox.assert_called(path=WASHER, query={"lost": "1"})
    message = str(failed.value)
    assert "(in no sandbox: its credential is not accepted, or no vendor has its path)" in message
    assert f'sandbox: expected "{mock_sandbox.name}", got "-"' in message
    assert f"no calls in sandbox {mock_sandbox.name}" in message


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
