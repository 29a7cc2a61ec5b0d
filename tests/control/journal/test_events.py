"""The event stream: each call once, over any number of connections, and what happens to sandboxes."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from mockserver import __version__, app
from mockserver.control.journal import events as events_module
from mockserver.control.journal.events import EventStream
from mockserver.control.journal.queries import SummaryFilter
from mockserver.control.journal.scope import Position, Scope
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.journal.feed import MAX_QUEUED, EntryFeed
from mockserver.sandbox.journal.journal import MAX_ENTRIES
from mockserver.server.http.asgi import PENDING
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.control.journal.conftest import AUTH, WASHER

Event = dict[str, Any]
TIMEOUT = 30  # seconds
pytestmark = pytest.mark.finding("A13")


def parsed(lines: Iterator[str]) -> Iterator[Event]:
    """Yield the events of a stream with their kind, id and data."""
    event: Event = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in ("event", "id", "data", "retry"):
            event[name] = json.loads(value) if name == "data" else value
        elif not line and event:
            yield event
            event = {}


@contextmanager
def stream(base_url: str, last: str | None = None, **query: Any) -> Iterator[Iterator[Event]]:
    headers = {"Last-Event-ID": last} if last else {}
    with httpx.stream(
        "GET", f"{base_url}/_mock/events", params=query, headers=headers, timeout=60
    ) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"] == "text/event-stream"
        yield parsed(response.iter_lines())


def events(base_url: str, last: str | None = None, **query: Any) -> list[Event]:
    """Return what has happened since an event: a stream of 0 seconds tells that, and ends."""
    with stream(base_url, last, seconds=0, **query) as found:
        return [*found]


def test_calls_are_streamed_as_they_come(base_url: str, client: httpx.Client, sandbox: str) -> None:
    client.get(WASHER, auth=AUTH)
    with stream(base_url, sandbox=sandbox, count=2, seconds=30) as found:
        hello = next(found)
        assert (hello["event"], hello["retry"]) == ("hello", "1000")
        assert hello["data"] == {"version": __version__, "id": hello["id"]}
        for status in (200, 404):
            client.get(WASHER if status == 200 else "/exchanges/inventory/1", auth=AUTH)
            event = next(found)
            assert (event["event"], event["data"]["status"]) == ("call", status)
            assert "response" not in event["data"]
        assert not [*found], "the stream ends after count calls"


def test_every_call_comes_once_over_many_connections(
    base_url: str, client: httpx.Client, sandbox: str
) -> None:
    other = f"{sandbox}-other"
    begin = events(base_url)[0]["id"]
    last, seen = begin, []
    for n in range(12):
        for name in (sandbox, other):
            client.get(f"/exchanges/inventory/{n}", auth=AUTH, headers={"X-Mock-Sandbox": name})
        with stream(base_url, last, q=sandbox, count=1 + n % 3, seconds=30) as found:
            for event in found:
                last = event["id"]
                assert event["event"] in ("hello", "call", "sandbox")
                seen += [event["data"]["id"]] if event["event"] == "call" else []
    for event in events(base_url, last, q=sandbox):
        seen += [event["data"]["id"]] if event["event"] == "call" else []
    assert seen == [f"{name}.{n}" for n in range(1, 13) for name in (sandbox, other)]


def test_stream_reads_on_from_a_list_or_from_a_call(
    base_url: str, client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    listed = control_client.get("/requests", params={"sandbox": sandbox}).json()
    client.get("/exchanges/inventory/1", auth=AUTH)
    for last in (listed["position"], listed["requests"][0]["id"], f"{sandbox}.1"):
        hello, *calls = events(base_url, sandbox=sandbox, last_event_id=last)
        assert [event["data"]["id"] for event in calls] == [f"{sandbox}.2"]
        assert hello["event"] == "hello"
    assert len(events(base_url, sandbox=sandbox, last_event_id="p0")) == 3


def test_missed_calls_are_told_as_a_number(
    base_url: str, client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    begin = events(base_url, sandbox=sandbox)[0]["id"]
    for n in range(MAX_ENTRIES + 7):
        client.get(f"/exchanges/inventory/{n}", auth=AUTH)
    _, missed, *calls = events(base_url, begin, sandbox=sandbox)
    assert (missed["event"], missed["data"]) == ("missed", {"count": 7})
    assert [event["data"]["id"] for event in (calls[0], calls[-1])] == [f"{sandbox}.9", f"{sandbox}.{1008}"]
    assert events(base_url, missed["id"], sandbox=sandbox)[1:] == calls, "they are not missed twice"
    control_client.delete("/requests", params={"sandbox": sandbox})
    client.get(WASHER, auth=AUTH)
    kinds = [(event["event"], event["data"]) for event in events(base_url, calls[-2]["id"], sandbox=sandbox)]
    assert kinds[1] == ("missed", {"count": 1}), "a call that was cleared can no longer be read"
    assert [data["id"] for _, data in kinds[2:]] == [f"{sandbox}.{1009}"]


def test_filters_of_the_list_hold_for_the_stream(base_url: str, client: httpx.Client, sandbox: str) -> None:
    begin = events(base_url)[0]["id"]
    client.get(WASHER, auth=AUTH)
    client.get("/exchanges/inventory/1", auth=AUTH)
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    for query, serials in (
        ({"status": "4xx"}, [2]),
        ({"vendor": "merchantpro", "changed": "true"}, [3]),
        ({"method": "GET"}, [1, 2]),
    ):
        found = events(base_url, begin, sandbox=sandbox, **query)
        assert [event["data"]["id"] for event in found if event["event"] == "call"] == [
            f"{sandbox}.{serial}" for serial in serials
        ]


def test_notices_tell_what_happens_to_sandboxes(
    base_url: str, client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    control_client.post("/sandboxes", json={"name": sandbox})
    path = f"/sandboxes/{sandbox}"
    with stream(base_url, seconds=30) as found:
        next(found)
        control_client.put(f"{path}/clock", json={"action": "freeze"})
        control_client.put(f"{path}/snapshots/one")
        control_client.post(f"{path}/snapshots/one/restore")
        control_client.post(f"{path}/reset")
        control_client.post(f"{path}/fork", json={"name": f"{sandbox}-2"})
        control_client.put(f"{path}/import", json=control_client.get(f"{path}/export").json())
        control_client.post(f"{path}/reset", json={"nonsense": 1})
        control_client.put(f"{path}/clock", json={"action": "nonsense"})
        control_client.delete("/requests", params={"sandbox": sandbox})
        control_client.delete(path)
        kinds = []
        while not kinds or kinds[-1] != ("deleted", sandbox):
            event = next(found)
            if event["event"] in ("sandbox", "cleared") and event["data"]["sandbox"].startswith(sandbox):
                kinds.append((event["data"].get("what", event["event"]), event["data"]["sandbox"]))
    expected = [
        "changed",
        "changed",
        "restored",
        "reset",
        "created",
        "imported",
        "reset",
        "cleared",
        "deleted",
    ]
    assert [what for what, _ in kinds] == expected
    assert {name for _, name in kinds} == {sandbox, f"{sandbox}-2"}


@pytest.mark.parametrize("last", ["17", "-1", "x" * 300, "demo.99999999", "demo.0", "nobody.1", "p", "pz-1"])
def test_id_that_no_event_has_is_refused(base_url: str, last: str) -> None:
    for place in ({"headers": {"Last-Event-ID": last}}, {"params": {"last_event_id": last}}):
        answer = httpx.get(f"{base_url}/_mock/events", **place)  # type: ignore[arg-type]
        assert answer.status_code in (400, 404)
        assert len(answer.json()["message"]) < 250


def test_slow_listener_reads_on_from_the_journals() -> None:
    """A listener that does not read for a while gets all calls that are kept, and the number of others."""
    mock = app.build(names=["merchantpro"], products=1, log=None)
    headers = [(b"authorization", b"Basic c2J4X3Nsb3c6eA==")]  # sbx_slow
    scope = Scope(mock.sandboxes, None)

    def call(times: int) -> None:
        for _ in range(times):
            mock.application.start(RawRequest("GET", "/api/v2/inventory/id/77", "", Headers(headers)))

    async def listen() -> tuple[list[Event], int]:
        one = EventStream(scope, SummaryFilter({}), None, MAX_ENTRIES + 3)
        text = ""
        async for piece in one.events(30):
            if not text:
                call(3)
            elif b"event: call" in piece and text.count("event: call") == 2:
                call(MAX_QUEUED + MAX_ENTRIES + 50)
                mock.sandboxes.feed.announce("changed", "slow")
            text += piece.decode()
        return [*parsed(iter(text.split("\n")))], scope.end.count or 0

    found, count = asyncio.run(listen())
    calls = [event["data"]["id"] for event in found if event["event"] == "call"]
    missed = [event["data"]["count"] for event in found if event["event"] == "missed"]
    assert calls == [f"slow.{n}" for n in (1, 2, 3, *range(count - MAX_ENTRIES + 1, count + 1))]
    assert sum(missed) == count - len(calls)
    assert [event["data"]["what"] for event in found if event["event"] == "sandbox"][-1] == "changed"
    assert Position(0) != scope.end


def test_listener_to_one_sandbox_is_not_woken_by_others() -> None:
    """Otherwise, streams of one sandbox would slow down the calls of all the others."""

    async def listen() -> None:
        feed = EntryFeed()
        with feed.listen("a") as one, feed.listen("-") as strays, feed.listen() as everything:
            for name in ("a", "b", "-"):
                feed.publish(KeptEntry(sandbox=name, weight=1))
                feed.announce("changed", name)
            feed.announce("cleared")
            news = [
                [news.sandbox for news in await listener.read(0)] for listener in (one, strays, everything)
            ]
        assert news == [["a", "a", None], ["-", "-", None], ["a", "a", "b", "b", "-", "-", None]]
        assert not feed._listeners, "nothing is left of listeners that have ended"

    asyncio.run(listen())


def test_stream_stays_alive_while_all_calls_are_filtered_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "HEARTBEAT_SECONDS", 0.05)
    mock = app.build(names=["merchantpro"], products=1)

    async def call_again_and_again() -> None:
        while True:
            mock.application.start(RawRequest("GET", WASHER, "", Headers()))
            await asyncio.sleep(0)

    async def listen() -> None:
        stream = EventStream(Scope(mock.sandboxes, None), SummaryFilter({"method": "PUT"}), None, None)
        pieces = stream.events(60)
        assert b"event: hello" in await anext(pieces)
        calling = asyncio.ensure_future(call_again_and_again())
        assert await anext(pieces) == b": \n\n"
        calling.cancel()

    asyncio.run(listen())


def test_server_works_after_clients_close_event_streams(
    base_url: str, client: httpx.Client, sandbox: str
) -> None:
    for _ in range(5):
        client.get(WASHER, auth=AUTH)
        with httpx.stream("GET", f"{base_url}/_mock/events?sandbox={sandbox}") as response:
            next(response.iter_lines())
    assert client.get(WASHER, auth=AUTH).status_code == 200


def test_stream_ends_although_news_come_while_its_client_leaves() -> None:
    """The news come some turns of the event loop after the client leaves: each time one turn later."""
    mock = app.build(names=["merchantpro"], products=1)
    feed = mock.sandboxes.feed

    async def listen(turns: int) -> None:
        begun, left = asyncio.Event(), asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            if b"hello" in message.get("body", b""):
                begun.set()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        request = RawRequest("GET", "/_mock/events", "", Headers([(b"host", b"localhost")]))
        scope = {"type": "http", "method": "GET", PENDING: mock.application.start(request)}
        stream = asyncio.ensure_future(mock.application(scope, receive, send))
        await begun.wait()
        assert len(feed) == 1
        left.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        feed.publish(KeptEntry(sandbox="demo", weight=1))
        async with asyncio.timeout(TIMEOUT):
            await stream
        assert len(feed) == 0

    for turns in range(12):
        asyncio.run(listen(turns))
