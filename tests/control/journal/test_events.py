"""The event stream: it sends each new call, until the client disconnects or a limit is reached."""

import json

import httpx

from tests.control.journal.conftest import AUTH, WASHER


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
        assert not [line for line in lines if line.startswith("data: ")], "the stream ends after count events"


def test_server_works_after_clients_close_event_streams(
    base_url: str, client: httpx.Client, sandbox: str
) -> None:
    for _ in range(5):
        client.get(WASHER, auth=AUTH)
        with httpx.stream("GET", f"{base_url}/_mock/events?sandbox={sandbox}") as stream:
            next(stream.iter_lines())
    assert client.get(WASHER, auth=AUTH).status_code == 200
