"""The journal as an HTTP Archive."""

import json

import httpx

from mockserver import __version__
from tests.control.journal.conftest import AUTH, WASHER


def test_export_is_har_1_2(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    client.patch(f"{WASHER}?fields=id", auth=AUTH, json={"stock": 3})
    client.get(WASHER, auth=AUTH)
    log = control_client.get("/requests/har", params={"sandbox": sandbox}).json()["log"]
    assert log["version"] == "1.2"
    assert log["creator"] == {"name": "mockserver", "version": __version__}
    write, read = log["entries"]
    assert write["request"]["url"].endswith(f"/merchantpro{WASHER}?fields=id")
    assert write["request"]["queryString"] == [{"name": "fields", "value": "id"}]
    assert json.loads(write["request"]["postData"]["text"]) == {"stock": 3}
    assert "postData" not in read["request"]
    assert read["response"]["content"]["mimeType"] == "application/json"
    assert read["response"]["statusText"] == "OK"
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
