"""Visitors of the public demo: each has a sandbox of her own, and nobody sees or opens another's."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.server.access.quotas.demo_server import WASHER, Demo, Visitor, running_demo

SABI = {"tenantId": "TEN123", "userId": "USR456", "countryCode": "US"}


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Yield a demo that many visitors may open at once."""
    with running_demo(
        creations_per_minute=1000, address_calls_per_second=1000, address_burst=1000
    ) as running:
        yield running


@pytest.fixture
def visitor(demo: Demo) -> Visitor:
    return demo.visitor()


def test_visitor_gets_a_name_a_credential_and_a_token(visitor: Visitor) -> None:
    secrets = [visitor.credential, visitor.made["control_token"]]
    assert [len(secret) for secret in secrets] == [30, 30]
    assert not any(visitor.name in secret for secret in secrets)
    answer = visitor.call()
    assert answer.status_code == 200
    calls = visitor.control("GET", "/requests").json()["requests"]
    assert [call["id"] for call in calls] == [f"{visitor.name}.1"]


def test_control_token_is_made_only_on_request(demo: Demo) -> None:
    url = f"{demo.url}/_mock/demo/sandboxes?control_token=false"
    made = demo.http.post(url, headers={"X-Forwarded-For": "192.0.2.99"}).json()
    assert "control_token" not in made
    path = f"/sandboxes/{made['name']}/control-token"
    first, second = (demo.operator("POST", path).json()["control_token"] for _ in range(2))
    opened = [
        demo.http.get(f"{demo.url}/_mock/sandboxes", headers={"Authorization": f"Bearer {token}"})
        for token in (first, second)
    ]
    assert [answer.status_code for answer in opened] == [401, 200], "a new token takes the place of the old"


@pytest.mark.console(46)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sandboxes/{}"),
        ("DELETE", "/sandboxes/{}"),
        ("POST", "/sandboxes/{}/reset"),
        ("POST", "/sandboxes/{}/keep"),
        ("POST", "/sandboxes/{}/control-token"),
        ("GET", "/sandboxes/{}/export"),
        ("GET", "/sandboxes/{}/faults"),
        ("GET", "/sandboxes/{}/snapshots"),
        ("GET", "/sandboxes/{}/records/merchantpro/inventory"),
        ("GET", "/requests?sandbox={}"),
        ("GET", "/requests/{}.1"),
        ("GET", "/requests?after={}.1"),
        ("GET", "/requests/har?sandbox={}"),
        ("GET", "/events?sandbox={}&seconds=1"),
    ],
)
def test_id_of_another_visitor_looks_like_no_id(demo: Demo, visitor: Visitor, method: str, path: str) -> None:
    other, nobody = demo.visitor(), "aaaaaaaaaa"
    other.call()
    answers = [visitor.control(method, path.format(name)) for name in (other.name, nobody)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(other.name, nobody) == answers[1].text
    assert other.own("GET", "").status_code == 200


@pytest.mark.console(46)
def test_lists_and_streams_show_own_calls_alone(demo: Demo, visitor: Visitor) -> None:
    other = demo.visitor()
    for one in (visitor, other):
        one.call()
    assert [one["name"] for one in visitor.control("GET", "/sandboxes").json()["sandboxes"]] == [visitor.name]
    listed = visitor.control("GET", "/requests").json()["requests"]
    har = visitor.control("GET", "/requests/har")
    streamed = visitor.control("GET", f"/events?count=1&seconds=1&last_event_id={visitor.name}.1")
    assert [call["sandbox"] for call in listed] == [visitor.name]
    for text in (har.text, str(listed)):
        assert other.name not in text
        assert other.credential not in text
    assert other.name not in streamed.text


@pytest.mark.parametrize("path", ["/metrics", "/demo"])
def test_visitor_sees_nothing_of_the_server(visitor: Visitor, path: str) -> None:
    assert visitor.control("GET", path).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/sandboxes", {}),
        ("POST", "/sandboxes/{}/fork", {}),
        ("PUT", "/sandboxes/new/import", {}),
        ("PATCH", "/demo", {"paused": True}),
        ("DELETE", "/demo/sandboxes", None),
    ],
)
def test_visitor_makes_and_stops_nothing(
    demo: Demo, visitor: Visitor, method: str, path: str, body: Any
) -> None:
    before = demo.operator("GET", "/sandboxes").json()["total"]
    assert visitor.control(method, path.format(visitor.name), json=body).status_code in (403, 404)
    assert demo.operator("GET", "/sandboxes").json()["total"] == before


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Bearer demo", "Bearer ctl_" + "a" * 26])
def test_control_is_closed_even_to_this_machine(demo: Demo, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answers = [
        httpx.get(f"{demo.url}/_mock{path}", headers=headers) for path in ("/sandboxes", "/requests", "/demo")
    ]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert httpx.get(f"{demo.url}/_mock/health").status_code == 200


@pytest.mark.console(47)
@pytest.mark.parametrize(
    "credential",
    ["sbx_new", "sbx_{name}", "sbx_own", "sbx_" + "a" * 26, "{name}", "{token}", "wrong"],
    ids=[
        "a new name",
        "a visitor's id",
        "an operator's sandbox",
        "a guess",
        "the id",
        "a control token",
        "wrong",
    ],
)
def test_unknown_credential_creates_and_opens_nothing(demo: Demo, visitor: Visitor, credential: str) -> None:
    demo.mock.sandboxes.find("own") or demo.operator("POST", "/sandboxes", json={"name": "own"})
    credential = credential.format(name=visitor.name, token=visitor.made["control_token"])
    before = demo.operator("GET", "/sandboxes").json()["total"]
    answers = [visitor.call(auth=(credential, "")) for _ in range(2)]
    answers.append(visitor.call(path="/sabi/api/v1/products", auth=None,
                                headers={"Authorization": f"Bearer {credential}", **SABI}))  # fmt: skip
    assert [(answer.status_code, answer.headers.get("x-mock-error")) for answer in answers] == [
        (401, None)
    ] * 3
    assert demo.operator("GET", "/sandboxes").json()["total"] == before
    assert visitor.control("GET", "/requests").json()["requests"] == []


@pytest.mark.console(47)
@pytest.mark.parametrize("wanted", ["{name}", "new", "demo"])
@pytest.mark.parametrize("credential", ["demo", "own"])
def test_header_opens_and_creates_nothing(demo: Demo, visitor: Visitor, credential: str, wanted: str) -> None:
    other = demo.visitor()
    before = demo.operator("GET", "/sandboxes").json()["total"]
    sent = visitor.credential if credential == "own" else credential
    answer = visitor.call("PATCH", auth=(sent, ""), json={"stock": 0},
                          headers={"X-Mock-Sandbox": wanted.format(name=other.name)})  # fmt: skip
    if (credential, wanted) != ("demo", "demo"):
        assert (answer.status_code, answer.headers["x-mock-error"]) == (403, "sandbox_header_not_trusted")
    assert demo.operator("GET", "/sandboxes").json()["total"] == before
    assert other.control("GET", "/requests").json()["requests"] == []


def test_refused_header_tells_nothing_of_the_sandbox(demo: Demo, visitor: Visitor) -> None:
    """It looks the same for the sandbox of another visitor, for one of the operator's, and for none."""
    demo.mock.sandboxes.find("own") or demo.operator("POST", "/sandboxes", json={"name": "own"})
    names = [demo.visitor().name, "own", "nothing"]
    answers = [visitor.call(headers={"X-Mock-Sandbox": name}) for name in names]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1


@pytest.mark.console(50)
@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PATCH", WASHER, {"stock": 77}, "stock"),
        ("PATCH", WASHER, {"inventory_enabled": "off"}, "inventory_enabled"),
    ],
)
def test_write_with_the_shared_credential_answers_and_keeps_nothing(
    demo: Demo, visitor: Visitor, method: str, path: str, body: Any, field: str
) -> None:
    before = visitor.call(path=path, auth=("demo", "")).json()
    answer = visitor.call(method, path, json=body, auth=("demo", ""))
    assert (answer.status_code, answer.json()[field]) == (200, body[field])
    assert visitor.call(path=path, auth=("demo", "")).json() == before
    assert demo.operator("GET", "/sandboxes/demo").json()["changes"] == 0


def test_operator_can_change_the_shared_sandbox(demo: Demo, visitor: Visitor) -> None:
    path = "/sandboxes/demo/records/merchantpro/inventory/10001"
    assert demo.operator("PATCH", path, json={"ean": "1234567890128"}).status_code == 200
    assert visitor.call(auth=("demo", "")).json()["ean"] == "1234567890128"
    demo.operator("POST", "/sandboxes/demo/reset")


@pytest.mark.console(48)
@pytest.mark.parametrize(
    "clock", [{"action": "freeze"}, {"action": "set", "instant": "2001-01-01T00:00:00Z"}]
)
@pytest.mark.parametrize("end", ["idle", "old", "evicted"])
def test_after_the_end_the_credential_is_like_a_revoked_one(demo: Demo, clock: Any, end: str) -> None:
    visitor = demo.visitor()
    assert visitor.own("PUT", "/clock", json=clock).status_code == 200
    assert visitor.call().status_code == 200
    sandbox = demo.mock.sandboxes.get(visitor.name)
    if end == "idle":
        sandbox.used -= timedelta(hours=2)
    elif end == "old":
        sandbox.ends -= timedelta(hours=24)
    else:
        demo.mock.sandboxes.evict(visitor.name)
    ended, unknown = visitor.call(), visitor.call(auth=("sbx_" + "a" * 26, ""))
    assert (ended.status_code, ended.text) == (401, unknown.text)
    assert "x-mock-error" not in ended.headers
    assert visitor.control("GET", "/sandboxes").status_code == 401


def test_visitor_keeps_the_sandbox_within_its_absolute_life(demo: Demo, visitor: Visitor) -> None:
    sandbox = demo.mock.sandboxes.get(visitor.name)
    sandbox.used -= timedelta(minutes=119)
    before = visitor.own("GET", "").json()
    after = visitor.own("POST", "/keep").json()
    assert before["expires"] < after["expires"] < after["ends"]
    sandbox.ends = sandbox.used + timedelta(minutes=5)
    kept = visitor.own("POST", "/keep").json()
    assert kept["expires"] == kept["ends"]


def test_import_keeps_credential_life_and_quotas(demo: Demo) -> None:
    visitor = demo.visitor()
    visitors = demo.mock.guard.counts["sandboxes"]
    visitor.call("PATCH", json={"stock": 3})
    ends, document = visitor.own("GET", "").json()["ends"], visitor.own("GET", "/export").json()
    visitor.own("POST", "/reset")
    answer = visitor.own("PUT", "/import", json=document)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["ends"], answer.json()["credential"]) == (ends, visitor.credential)
    assert visitor.call().json()["stock"] == 3
    assert demo.mock.guard.counts["sandboxes"] == visitors


def test_operator_deletes_a_sandbox_by_its_id_and_wipes_all(demo: Demo) -> None:
    visitors = [demo.visitor() for _ in range(2)]
    assert demo.operator("DELETE", f"/sandboxes/{visitors[0].name}").status_code == 204
    assert [visitor.call().status_code for visitor in visitors] == [401, 200]
    assert demo.operator("DELETE", "/demo/sandboxes").json()["deleted"] >= 1
    assert visitors[1].call().status_code == 401
    assert demo.operator("GET", "/demo").json()["sandboxes"] == 0


def test_operators_sandbox_has_an_issued_credential(demo: Demo, visitor: Visitor) -> None:
    made = demo.operator("POST", "/sandboxes", json={}).json()
    assert len(made["credential"]) == 30
    assert "ends" not in made
    assert visitor.call(auth=(made["credential"], "")).status_code == 200
    demo.operator("DELETE", f"/sandboxes/{made['name']}")


def test_address_is_in_no_journal_and_no_log(
    demo: Demo, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    address = {"X-Forwarded-For": visitor.address, "X-Real-IP": visitor.address, "Forwarded": visitor.address}
    with caplog.at_level("DEBUG"):
        for sent in (visitor.credential, "demo", "wrong"):
            visitor.call(auth=(sent, ""), headers=address)
        visitor.call(path="/nothing", headers=address)
    journals = demo.operator("GET", "/requests/har").text
    assert "/api/v2/inventory/id/10001" in journals
    assert visitor.address not in journals + caplog.text


def test_only_a_configured_proxy_tells_the_address() -> None:
    with running_demo(trusted_proxies=(), sandboxes_per_address=1) as demo:
        assert [demo.create(f"192.0.2.{n}").status_code for n in range(2)] == [201, 429]


def test_page_of_another_origin_makes_no_sandbox(demo: Demo) -> None:
    before = demo.operator("GET", "/demo").json()["created"]
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = httpx.post(f"{demo.url}/_mock/demo/sandboxes", headers=headers)
        assert answer.status_code == 403
    assert demo.operator("GET", "/demo").json()["created"] == before
