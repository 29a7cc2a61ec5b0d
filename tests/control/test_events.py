"""The stream of events: every call as it comes, for as long as somebody listens."""

import json

import httpx

AUTH = ("demo", "")
WASHER = "/api/v2/inventory/id/10001"


def test_events_stream_as_calls_come(base_url: str, client: httpx.Client, sandbox: str) -> None:
    client.get(WASHER, auth=AUTH)
    with httpx.stream("GET", f"{base_url}/_mock/events?sandbox={sandbox}&count=2&seconds=30") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        lines = stream.iter_lines()
        assert next(lines).startswith(":")
        for status in (200, 404):
            client.get(WASHER if status == 200 else "/exchanges/inventory/1", auth=AUTH)
            data = next(line for line in lines if line.startswith("data: "))
            assert json.loads(data.removeprefix("data: "))["response"]["status"] == status
        assert not [line for line in lines if line.startswith("data: ")], "it ends after two"


def test_a_listener_that_goes_leaves_the_server_well(
    base_url: str, client: httpx.Client, sandbox: str
) -> None:
    for _ in range(5):
        client.get(WASHER, auth=AUTH)
        with httpx.stream("GET", f"{base_url}/_mock/events?sandbox={sandbox}") as stream:
            next(stream.iter_lines())
    assert client.get(WASHER, auth=AUTH).status_code == 200
