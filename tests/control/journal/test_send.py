"""Send a call again: as it was, or with its smallest change."""

from pathlib import Path
from threading import current_thread
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.client import Client, Refused
from mockserver.embedding.running_server import RunningServer
from mockserver.server.server import serving
from tests.contract.sample_vendor import MODULE, write_vendor
from tests.control.journal.conftest import AUTH, WASHER, entries, marked, sent_again


def test_call_is_sent_as_it_was(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    """Its secrets come along, though no one sees them; it counts as a call, and changes records."""
    secret = {"X-Api-Key": "s3cret", "Content-Type": "application/json"}
    client.patch(WASHER, json={"stock": {"adjust_by": 5}}, auth=AUTH, headers=secret)
    (first,) = entries(control_client, sandbox)
    again = sent_again(control_client, first)
    assert again["request"] == first["request"]
    assert again["request"]["headers"]["x-api-key"] == "***"
    assert again["changes"][0]["before"]["stock"] == first["changes"][0]["after"]["stock"]
    assert [call["id"] for call in entries(control_client, sandbox)] == [first["id"], again["id"]]


def test_refused_credential_is_refused_again(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=("s3cret", ""), headers={"X-Marker": sandbox})
    first = marked(control_client, sandbox)
    again = sent_again(control_client, first)
    assert (again["sandbox"], again["response"]["status"]) == ("-", 401)


def test_rate_limits_and_faults_apply(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    limits = {"enabled": True, "overrides": {"merchantpro": {"minute": 1}}}
    control_client.post("/sandboxes", json={"name": sandbox})
    client.get(WASHER, auth=AUTH)
    control_client.put(
        f"/sandboxes/{sandbox}/faults", json=[{"fault": {"type": "status", "status": 503}, "times": 1}]
    )
    (first,) = entries(control_client, sandbox)
    failed = sent_again(control_client, first)
    assert (failed["response"]["status"], failed["fault"]) == (503, "status")
    control_client.put(f"/sandboxes/{sandbox}/limits", json=limits)
    assert sent_again(control_client, first)["response"]["status"] == 200
    limited = sent_again(control_client, first)
    assert (limited["response"]["status"], limited["explanation"]["check"]) == (429, "limits")
    assert limited["explanation"]["edits"] is None
    refused = control_client.post(f"/requests/{limited['id']}/send", json={"smallest_change": True})
    assert refused.status_code == 400
    assert "wait, advance the clock" in refused.json()["message"]


def test_call_that_would_succeed_by_now_needs_no_edits(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    record = f"/sandboxes/{sandbox}/records/merchantpro/inventory/10001"
    control_client.post("/sandboxes", json={"name": sandbox})
    saved = control_client.get(record).json()
    control_client.delete(record)
    client.get(WASHER, auth=AUTH)
    (first,) = entries(control_client, sandbox)
    assert control_client.get(f"/requests/{first['id']}").json()["explanation"]["edits"]
    control_client.put(record, json=saved)
    assert control_client.get(f"/requests/{first['id']}").json()["explanation"]["edits"] == []
    assert sent_again(control_client, first, smallest_change=True)["response"]["status"] == 200


@pytest.mark.parametrize(
    ("body", "smallest_change", "message"),
    [
        ({"stock": 3}, True, "the call was not refused"),
        ({"stock": 3, "x": "y" * 65 * 1024}, False, "does not have all of its body"),
        ({"stock": 3, "x": "y" * 65 * 1024}, True, "does not have all of its body"),
    ],
)
def test_call_that_cannot_be_sent(
    client: httpx.Client,
    control_client: httpx.Client,
    sandbox: str,
    body: Any,
    smallest_change: bool,
    message: str,
) -> None:
    client.patch(WASHER, json=body, auth=AUTH)
    (call,) = entries(control_client, sandbox)
    path = f"/requests/{call['id']}/send"
    answer = control_client.post(path, json={"smallest_change": smallest_change})
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert len(entries(control_client, sandbox)) == 1


def test_search_leaves_no_trace(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    client.patch("/api/v2/inventory/id/10003", json={"stock": 3}, auth=AUTH)
    before = control_client.get(f"/sandboxes/{sandbox}/export").json()
    (call,) = entries(control_client, sandbox)
    assert control_client.get(f"/requests/{call['id']}").json()["explanation"]["edits"]
    assert control_client.get(f"/sandboxes/{sandbox}/export").json() == before
    assert control_client.get(f"/sandboxes/{sandbox}").json()["calls"] == 1
    assert len(entries(control_client, sandbox)) == 1


def test_client_sends_a_call_again(mockserver: RunningServer, client: httpx.Client, sandbox: str) -> None:
    client.patch(WASHER, json={"stock": -1}, auth=AUTH)
    requests = Client(mockserver.url).sandbox(sandbox).requests
    (call,) = requests
    edits = requests.explain(call).edits
    assert edits
    assert [(edit.action, edit.place, edit.name, edit.value) for edit in edits] == [
        ("set", "body", "stock", 0)
    ]
    assert requests.send(call).status == 400
    mended = requests.send(call, smallest_change=True)
    assert (mended.status, mended.body) == (200, '{"stock":0}')
    assert mended in [*requests]
    with pytest.raises(Refused, match="was not refused"):
        requests.send(mended, smallest_change=True)


def test_control_token_sends_only_the_calls_of_its_sandbox(
    client: httpx.Client, base_url: str, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    own = control_client.post("/sandboxes", json={"credential": "issued"}).json()
    headers = own["credentials"]["merchantpro"]["headers"]
    assert httpx.get(base_url + WASHER + "0", headers=headers).status_code == 404
    bearer = {"Authorization": f"Bearer {own['control_token']}"}
    with httpx.Client(base_url=f"{base_url}/_mock", headers=bearer) as owner:
        answer = owner.post(f"/requests/{sandbox}.1/send", json={})
        assert (answer.status_code, answer.json()["message"]) == (404, f"there is no sandbox {sandbox}")
        again = sent_again(owner, {"id": f"{own['name']}.1"}, smallest_change=True)
    assert (again["sandbox"], again["response"]["status"]) == (own["name"], 200)


BUGS = {
    "in a handler": {
        "    if item is None:": "    if item:\n        raise KeyError(1)\n    if item is None:",
    },
    "in items": {
        'Collection("items", "id"': 'Collection("items", "id", items=lambda record: record["none"]',
        'sample="/items/1"': 'sample="/items/9"',
    },
}


@pytest.mark.parametrize("bug", BUGS)
def test_explanation_does_not_fail_with_the_code_of_a_users_vendor(tmp_path: Path, bug: str) -> None:
    module = write_vendor(tmp_path) / MODULE
    for old, new in BUGS[bug].items():
        assert old in module.read_text()
        module.write_text(module.read_text().replace(old, new))
    mock = app.build(names=["acme"], vendors_from=tmp_path)
    with serving(mock.application) as url, httpx.Client(base_url=url) as api:
        refused = api.get("/acme/items/2?limit=1", headers={"Authorization": "Bearer demo"})
        explanation = api.get("/_mock/requests/demo.1").json()["explanation"]
    assert (refused.status_code, explanation["check"], explanation["edits"]) == (404, "record", None)


def test_explanation_of_a_call_sent_again_does_not_run_on_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mock, threads = app.build(names=["merchantpro"]), []
    operations = mock.contracts[0].vendor.operations
    update = operations["update-inventory"]

    def recording_handler(call: Any) -> Any:
        threads.append(current_thread().name)
        return update(call)

    monkeypatch.setitem(operations, "update-inventory", recording_handler)
    with serving(mock.application) as url, httpx.Client(base_url=url) as client:
        for stock in (1, 1, -1):  # the first call of a server imports Faker in a thread
            client.patch(WASHER, json={"stock": stock}, auth=("demo", ""))
        loop, seen = threads[-1], len(threads)
        assert client.post("/_mock/requests/demo.3/send", json={}).json()["explanation"]["edits"]
    assert len(threads) > seen
    assert loop not in threads[seen:]
