"""The scope of journal operations: one sandbox, the strays or all calls; positions; control tokens."""

import asyncio
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.control.journal.events import EventStream
from mockserver.control.journal.queries import SummaryFilter
from mockserver.control.journal.scope import Scope
from mockserver.control.journal.verification import VerificationControl
from mockserver.sandbox.journal.journal import merged
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.control.journal.conftest import AUTH, WASHER

NEITHER = ": must be the id of a call, or a position from an answer"


@pytest.mark.parametrize(
    ("position", "status", "message"),
    [
        ("17", 400, NEITHER),
        ("-5", 400, NEITHER),
        ("p" + "f" * 16, 400, NEITHER),
        ("demo", 400, NEITHER),
        ("{sandbox}.0", 404, "there is no call {sandbox}.0: the latest is {sandbox}.1"),
        ("{sandbox}.2", 404, "there is no call {sandbox}.2: the latest is {sandbox}.1"),
        ("{sandbox}.-1", 400, NEITHER),
        ("{sandbox}." + "9" * 5000, 400, NEITHER),
        ("nobody.1", 404, "there is no sandbox nobody"),
    ],
    ids=lambda text: str(text)[:20],
)
@pytest.mark.parametrize("place", ["after", "before", "find"])
def test_position_that_does_not_exist_is_refused(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, place: str, position: str, status: int,
    message: str,
) -> None:  # fmt: skip
    client.get(WASHER, auth=AUTH)
    position, message = position.format(sandbox=sandbox), message.format(sandbox=sandbox)
    if place == "find":
        answer = control_client.post("/requests/find", json={"after": position})
    else:
        answer = control_client.get("/requests", params={place: position})
    assert answer.status_code == status
    assert message in answer.json()["message"]
    assert len(answer.json()["message"]) < 300


@pytest.mark.finding("A5")
def test_pages_give_every_call_once_in_both_directions(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    names = [sandbox, f"{sandbox}-other"]
    for n in range(7):
        client.get(f"/exchanges/inventory/{n}", auth=AUTH, headers={"X-Mock-Sandbox": names[n % 2]})
    expected = [f"{names[n % 2]}.{n // 2 + 1}" for n in range(7)]
    listed, before = [], None
    while before or not listed:
        query = {"q": sandbox, "limit": 2, **({"before": before} if before else {})}
        page = control_client.get("/requests", params=query).json()
        listed += [call["id"] for call in page["requests"]]
        before = page["next"]
    found, after = [], None
    while after or not found:
        body = {"vendor": "narvar", "limit": 2, "sandbox": sandbox, **({"after": after} if after else {})}
        page = control_client.post("/requests/find", json=body).json()
        found += [call["id"] for call in page["requests"]]
        after = page["next"]
    assert (listed[::-1], found) == (expected, expected[::2])
    for cut in expected:
        newer = control_client.get("/requests", params={"q": sandbox, "after": cut}).json()
        older = control_client.get("/requests", params={"q": sandbox, "before": cut}).json()
        split = [*reversed(older["requests"]), {"id": cut}, *reversed(newer["requests"])]
        assert [call["id"] for call in split] == expected


def test_numbers_go_on_after_clear_and_reset(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    for step in ("none", "clear", "reset"):
        if step == "clear":
            control_client.delete("/requests", params={"sandbox": sandbox})
        if step == "reset":
            control_client.post(f"/sandboxes/{sandbox}/reset")
        client.get(WASHER, auth=AUTH)
    found = control_client.get("/requests", params={"sandbox": sandbox}).json()["requests"]
    assert [call["id"] for call in found] == [f"{sandbox}.3", f"{sandbox}.2"]
    later = control_client.get("/requests", params={"sandbox": sandbox, "after": f"{sandbox}.1"}).json()
    assert later["requests"] == found, "a call that was cleared is before the oldest one that is left"


def test_control_token_reads_nothing_of_a_later_sandbox_with_the_same_name() -> None:
    mock = app.build(names=["merchantpro"], products=1, log=None)
    sandboxes, feed = mock.sandboxes, mock.sandboxes.feed
    scope = Scope(sandboxes, "a", sandboxes.create("a").journal)
    headers = Headers([(b"authorization", b"Basic c2J4X2E6eA==")])  # sbx_a

    async def read() -> None:
        stream = EventStream(scope, SummaryFilter({}), None, None).events(60)
        await anext(stream)
        waiting = asyncio.ensure_future(VerificationControl(sandboxes)._wait({}, scope, 1, 60))
        while len(feed._concerned("a")) < 2:
            await asyncio.sleep(0)
        sandboxes.delete("a")
        sandboxes.create("a")
        mock.application.start(RawRequest("GET", WASHER, "", headers))
        assert sandboxes.get("a").journal.serial == 1
        assert b'"deleted"' in b"".join([piece async for piece in stream])
        assert await waiting == []
        assert [*merged(scope.journals)] == []

    asyncio.run(read())


@pytest.mark.finding("A18")
def test_control_token_of_a_sandbox_reads_its_calls_alone(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    token = control_client.post("/sandboxes", json={"name": sandbox}).json()["control_token"]
    own, other = f"{sandbox}.1", f"{sandbox}-other.1"
    for name in (sandbox, f"{sandbox}-other"):
        client.get(WASHER, auth=AUTH, headers={"X-Mock-Sandbox": name})
    client.get(f"{WASHER}?stray={sandbox}")
    headers = {"Authorization": f"Bearer {token}"}

    def ask(method: str, path: str, **settings: Any) -> httpx.Response:
        return control_client.request(method, path, headers=headers, **settings)

    assert [call["id"] for call in ask("GET", "/requests").json()["requests"]] == [own]
    assert [call["id"] for call in ask("POST", "/requests/find", json={}).json()["requests"]] == [own]
    assert ask("POST", "/requests/count", json={}).json()["count"] == 1
    assert len(ask("GET", "/requests/har").json()["log"]["entries"]) == 1
    assert ask("POST", "/requests/wait", json={"match": {}, "seconds": 0}).json()["requests"][0]["id"] == own
    assert ask("GET", f"/requests/{own}").status_code == 200
    stream = ask("GET", "/events", params={"seconds": 0, "last_event_id": "p0"}).text
    assert stream.count("event: call") == 1
    failed = ask("POST", "/requests/verify", json={"match": {"query": {"stray": sandbox}}})
    assert [near["id"] for near in failed.json()["nearest"]] == [own], "calls of others are no hints"
    for name in (f"{sandbox}-other", "-", "demo"):
        for answer in (
            ask("GET", "/requests", params={"sandbox": name}),
            ask("DELETE", "/requests", params={"sandbox": name}),
            ask("GET", "/requests/har", params={"sandbox": name}),
            ask("GET", "/events", params={"sandbox": name, "seconds": 0}),
            ask("GET", "/events", params={"last_event_id": f"{name}.1", "seconds": 0}),
            ask("GET", "/requests", params={"after": f"{name}.1"}),
            ask("GET", f"/requests/{name}.1"),
            ask("POST", "/requests/count", json={"sandbox": name}),
            ask("POST", "/requests/verify-sequence", json={"sandbox": name, "sequence": [{}]}),
            ask("POST", "/requests/verify", json={"match": {"sandbox": name}}),
            ask("POST", "/requests/wait", json={"match": {"sandbox": name}, "seconds": 0}),
        ):
            assert answer.status_code == 404, answer.text
    position = ask("GET", "/requests").json()["position"]
    client.get(WASHER, auth=AUTH, headers={"X-Mock-Sandbox": f"{sandbox}-other"})
    assert ask("GET", "/requests").json()["position"] == position, "calls of others do not move it"
    assert ask("DELETE", "/requests").status_code == 204
    assert control_client.get(f"/requests/{other}").status_code == 200, "only its own journal was cleared"


def test_journal_without_calls_has_no_latest_one(control_client: httpx.Client, sandbox: str) -> None:
    control_client.post("/sandboxes", json={"name": sandbox})
    for path in (f"/requests/{sandbox}.1", f"/requests?after={sandbox}.1"):
        answer = control_client.get(path)
        assert answer.status_code == 404
        assert answer.json()["message"] == f"there is no call {sandbox}.1: no call has come yet"
