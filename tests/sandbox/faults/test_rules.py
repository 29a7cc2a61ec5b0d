"""Fault rules: which calls they apply to, how often, and how the control API sets and lists them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.vendor_api.request import MAX_PARAMETERS, Headers
from tests.conftest import exact

WASHER = "/api/v2/inventory/id/10001"
AUTH = httpx.BasicAuth("demo", "demo")
BUSY = {"type": "status", "status": 503}
KINDS = {
    "bad_request": {400}, "invalid": {400, 422}, "unauthenticated": {401}, "forbidden": {403},
    "not_found": {404}, "no_such_path": {404}, "method_not_allowed": {405}, "request_timeout": {408},
    "too_large": {413}, "rate_limited": {429},
}  # fmt: skip
Put = Callable[..., Any]


@pytest.fixture
def made(client: httpx.Client, sandbox: str) -> str:
    """Create the test's sandbox with 30 products, and return its name."""
    assert client.post("/_mock/sandboxes", json={"name": sandbox, "products": 30}).status_code == 201
    return sandbox


@pytest.fixture
def rules(client: httpx.Client, made: str) -> Iterator[Put]:
    """Yield a function that replaces the fault rules of the test's sandbox."""

    def put(*given: dict[str, Any]) -> Any:
        return act(client, "PUT", f"{made}/faults", list(given))

    yield put


def act(client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    """Send a request to /_mock/sandboxes/{path} that must succeed, and return the parsed response."""
    response = client.request(method, f"/_mock/sandboxes/{path}", json=body)
    assert response.is_success, response.text
    return response.json() if response.content else None


def statuses(client: httpx.Client, count: int, path: str = WASHER, **headers: str) -> list[int]:
    """Make the same call several times, and return the statuses."""
    return [client.get(path, auth=AUTH, headers=headers).status_code for _ in range(count)]


def fired(client: httpx.Client, sandbox: str) -> list[int]:
    """Return how often each rule of a sandbox has fired."""
    return [rule["fired"] for rule in act(client, "GET", f"{sandbox}/faults")["faults"]]


@pytest.mark.parametrize("vendor", app.vendor_names())
@pytest.mark.parametrize("kind", KINDS)
def test_fault_of_type_problem_looks_like_a_refusal_by_the_vendor(
    client: httpx.Client, rules: Put, vendor: str, kind: str
) -> None:
    rules({"vendor": vendor, "fault": {"type": "problem", "kind": kind}})
    emulated = app.load_contract(vendor).vendor
    response = client.get(f"/{vendor}{emulated.sample}", headers=emulated.auth_headers("demo"))
    assert response.status_code in KINDS[kind]
    assert response.headers["content-type"] == emulated.content_type
    assert "x-mock-error" not in response.headers, response.text


def test_injected_404_equals_the_404_of_an_unknown_product(client: httpx.Client, rules: Put) -> None:
    rules({"path": {"identifier": "10001"}, "fault": {"type": "problem", "kind": "not_found"}})
    injected, real = (client.get(f"/api/v2/inventory/id/{one}", auth=AUTH) for one in ("10001", "99999999"))
    assert (injected.status_code, injected.text) == (real.status_code, real.text)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, '{"error":{"name":"forbidden","message":"Access denied","details":{}}}'),
        (503, ""),
        (418, ""),
        (204, ""),
        (599, ""),
    ],
)
def test_injected_status_has_the_example_or_an_empty_body(
    client: httpx.Client, rules: Put, status: int, body: str
) -> None:
    rules({"fault": {"type": "status", "status": status}})
    response = client.get(WASHER, auth=AUTH)
    assert (response.status_code, response.text) == (status, body)


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({}, True),
        ({"vendor": "merchantpro"}, True),
        ({"vendor": "narvar"}, False),
        ({"operation": "get-inventory"}, True),
        ({"operation": "update-inventory"}, False),
        ({"path": {"type": "sku", "identifier": "a/b"}}, True),
        ({"path": {"type": "sku", "identifier": "a%2Fb"}}, False),
        ({"path": {"other": "a/b"}}, False),
        ({"query": {"fields": "id"}}, True),
        ({"query": {"fields": "stock"}}, True),
        ({"query": {"fields": "sku"}}, False),
        ({"query": {"fields": "id", "absent": ""}}, False),
        ({"headers": {"X-Shop": "7"}}, True),
        ({"headers": {"x-shop": "8"}}, False),
        ({"vendor": "merchantpro", "path": {"type": "sku"}, "headers": {"x-shop": "7"}}, True),
    ],
)
def test_rule_applies_only_to_matching_calls(
    client: httpx.Client, rules: Put, rule: dict[str, Any], hit: bool
) -> None:
    rules({**rule, "fault": BUSY})
    path = "/api/v2/inventory/sku/a%2Fb?fields=id&fields=stock"
    assert statuses(client, 1, path, **{"X-Shop": "7"}) == [503 if hit else 404]


def test_first_rule_whose_options_allow_it_applies(client: httpx.Client, made: str, rules: Put) -> None:
    rules(
        {"vendor": "narvar", "fault": {"type": "status", "status": 500}},
        {"fault": BUSY, "times": 2},
        {"fault": {"type": "problem", "kind": "not_found"}, "times": 1},
        {"fault": {"type": "status", "status": 500}, "every": 2},
    )
    assert statuses(client, 7) == [503, 503, 404, 200, 500, 200, 500]
    assert fired(client, made) == [0, 2, 1, 2]


def test_rule_without_effect_hides_later_rules(client: httpx.Client, rules: Put) -> None:
    rules({"path": {"identifier": "10001"}}, {"fault": BUSY})
    assert statuses(client, 1) + statuses(client, 1, "/api/v2/inventory/id/10002") == [200, 503]


@pytest.mark.parametrize(
    ("options", "hits"),
    [
        ({"times": 2}, "xx......"),
        ({"times": 0}, "........"),
        ({"after": 3}, "...xxxxx"),
        ({"after": 3, "times": 1}, "...x...."),
        ({"every": 3}, "..x..x.."),
        ({"every": 2, "after": 1, "times": 2}, "..x.x..."),
        ({"probability": 0}, "........"),
        ({"probability": 1}, "xxxxxxxx"),
    ],
)
def test_rule_fires_as_often_as_its_options_say(
    client: httpx.Client, rules: Put, options: dict[str, Any], hits: str
) -> None:
    rules({**options, "fault": BUSY})
    assert "".join("x" if status == 503 else "." for status in statuses(client, 8)) == hits


def test_probability_uses_the_random_numbers_of_the_sandbox(
    client: httpx.Client, made: str, rules: Put
) -> None:
    rule = {"probability": 0.5, "fault": BUSY}
    rules(rule)
    first = statuses(client, 40)
    assert 5 < first.count(503) < 35
    act(client, "POST", f"{made}/reset")
    rules(rule)
    assert statuses(client, 40) == first, "a reset must restart the random numbers"
    rules(rule)
    assert statuses(client, 40) != first, "new rules must not restart the random numbers"


def test_faults_repeat_on_another_server_with_the_same_seed_and_calls(
    client: httpx.Client, made: str, rules: Put
) -> None:
    rule = {"probability": 0.3, "fault": BUSY}
    rules(rule)
    here = statuses(client, 30)

    async def on_another_server() -> list[int]:
        transport = httpx.ASGITransport(app.build(names=["merchantpro"]).application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as other:
            await other.post("/_mock/sandboxes", json={"name": made, "products": 30})
            await other.put(f"/_mock/sandboxes/{made}/faults", json=[rule])
            headers = {"X-Mock-Sandbox": made}
            return [(await other.get(WASHER, auth=AUTH, headers=headers)).status_code for _ in range(30)]

    assert asyncio.run(on_another_server()) == here


def test_rule_applies_from_its_start_until_its_end(client: httpx.Client, made: str, rules: Put) -> None:
    def at(instant: str) -> list[int]:
        act(client, "PUT", f"{made}/clock", {"action": "freeze", "instant": instant})
        return statuses(client, 1)

    rules({"from": "2030-01-01T00:00:00Z", "until": "2030-01-01T02:00:00+01:00", "fault": BUSY})
    assert at("2029-12-31T23:59:59Z") == at("2030-01-01T01:00:00Z") == [200]
    assert at("2030-01-01T00:00:00Z") == at("2030-01-01T00:59:59Z") == [503]


def test_calls_before_the_start_of_a_rule_are_not_counted(
    client: httpx.Client, made: str, rules: Put
) -> None:
    rules({"from": "2030-01-01T00:00:00Z", "after": 1, "fault": BUSY})
    assert statuses(client, 3) == [200] * 3
    act(client, "PUT", f"{made}/clock", {"action": "freeze", "instant": "2030-01-01T00:00:00Z"})
    assert statuses(client, 2) == [200, 503]


def test_sandboxes_do_not_share_faults(client: httpx.Client, made: str, rules: Put) -> None:
    rules({"fault": BUSY})
    assert statuses(client, 1, **{"X-Mock-Sandbox": f"{made}-other"}) == [200]
    assert statuses(client, 1) == [503]


def test_fault_does_not_apply_to_a_call_without_credential(client: httpx.Client) -> None:
    act(client, "POST", "demo/faults", {"headers": {"x-own": "1"}, "fault": BUSY, "times": 1})
    try:
        assert client.get(WASHER, headers={"x-own": "1"}).status_code == 401
        assert fired(client, "demo")[-1] == 0
    finally:
        act(client, "DELETE", "demo/faults")


def test_fork_copies_rules_and_counts_but_is_independent(client: httpx.Client, made: str, rules: Put) -> None:
    rules({"fault": BUSY, "times": 2})
    statuses(client, 1)
    child = f"{made}-child"
    act(client, "POST", f"{made}/fork", {"name": child})
    assert statuses(client, 2, **{"X-Mock-Sandbox": child}) == [503, 200]
    assert (fired(client, made), fired(client, child)) == ([1], [2])


def test_snapshot_restores_faults_and_reset_removes_them(client: httpx.Client, made: str, rules: Put) -> None:
    rules({"fault": BUSY, "times": 2})
    statuses(client, 1)
    act(client, "PUT", f"{made}/snapshots/one")
    statuses(client, 1)
    act(client, "DELETE", f"{made}/faults")
    act(client, "POST", f"{made}/snapshots/one/restore")
    assert fired(client, made) == [1]
    act(client, "POST", f"{made}/reset")
    assert fired(client, made) == []


def test_exported_faults_are_imported_without_their_counts(
    client: httpx.Client, made: str, rules: Put
) -> None:
    assert "faults" not in act(client, "GET", f"{made}/export")
    rules(
        {"operation": "get-inventory", "fault": BUSY, "from": "2001-01-01T00:00:00Z", "probability": 0.25},
        {"path": {"a": "b"}, "delay": {"type": "uniform", "lower": 0.5, "upper": 1.5}},
        {"fault": {"type": "stale_reads", "reads": 2}},
    )
    document = client.get(f"/_mock/sandboxes/{made}/export").text
    act(client, "PUT", f"{made}-copy/import", client.get(f"/_mock/sandboxes/{made}/export").json())
    clockless = [(key, value) for key, value in exact(document) if key != "clock"]
    copy = exact(client.get(f"/_mock/sandboxes/{made}-copy/export").text)
    assert [(key, value) for key, value in copy if key != "clock"] == clockless
    assert fired(client, f"{made}-copy") == [0, 0, 0]


def test_rules_are_listed_as_sent_and_can_be_sent_again(client: httpx.Client, made: str, rules: Put) -> None:
    given = {"vendor": "sabi", "fault": {"type": "no_answer"}, "every": 2, "until": "2030-01-01T00:00:00Z"}
    shown = rules(given)["faults"]
    assert shown == [{**given, "fault": {"type": "no_answer"}, "fired": 0}]
    assert rules(*shown)["faults"] == shown
    added = act(client, "POST", f"{made}/faults", {"fault": BUSY})["faults"]
    assert added == [*shown, {"fault": BUSY, "fired": 0}]
    assert rules()["faults"] == []


def test_more_than_100_rules_are_refused(client: httpx.Client, made: str, rules: Put) -> None:
    rules(*[{"fault": BUSY}] * 100)
    assert client.post(f"/_mock/sandboxes/{made}/faults", json={}).status_code == 503
    assert client.put(f"/_mock/sandboxes/{made}/faults", json=[{}] * 101).status_code == 400


@pytest.mark.parametrize(
    "rule",
    [
        {"vendor": "acme"},
        {"operation": "get-nothing"},
        {"vendor": "sabi", "operation": "get-inventory"},
        {"fault": {"type": "explode"}},
        {"fault": {}},
        {"fault": {"type": "status"}},
        {"fault": {"type": "status", "status": 199}},
        {"fault": {"type": "status", "status": 600}},
        {"fault": {"type": "problem", "kind": "full"}},
        {"fault": {"type": "reset", "seconds": 1}},
        {"fault": {"type": "no_answer", "seconds": 61}},
        {"fault": {"type": "slow_body", "seconds": 1, "chunks": 1001}},
        {"fault": {"type": "page_shift", "change": "swap"}},
        {"delay": {"type": "fixed", "seconds": 60.1}},
        {"delay": {"type": "fixed", "seconds": -1}},
        {"delay": {"type": "lognormal", "median": 1}},
        {"probability": 1.1},
        {"every": 0},
        {"times": -1},
        {"from": "soon"},
        {"path": {"identifier": 10001}},
        {"colour": "red"},
        [],
    ],
)
def test_invalid_rule_is_refused_and_changes_nothing(
    client: httpx.Client, made: str, rules: Put, rule: Any
) -> None:
    rules({"fault": BUSY})
    for method, body in (("PUT", [{}, rule]), ("POST", rule)):
        response = client.request(method, f"/_mock/sandboxes/{made}/faults", json=body)
        assert response.status_code == 400, response.text
        assert response.json()["message"]
    assert fired(client, made) == [0]


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", []), ("POST", {}), ("DELETE", None)])
def test_faults_of_unknown_sandbox_are_a_404(client: httpx.Client, method: str, body: Any) -> None:
    assert client.request(method, "/_mock/sandboxes/nobody/faults", json=body).status_code == 404


class CountingRequest:
    """A request that counts how often its query is read."""

    def __init__(self) -> None:
        self.headers, self.reads = Headers(), 0

    @property
    def query(self) -> str:
        self.reads += 1
        return "&".join(f"p{number}=1" for number in range(MAX_PARAMETERS)) + "&late=1"


class SomeCall:
    """A call as fault rules see it."""

    vendor_name, operation_id, writes = "narvar", "get-exchange-inventory", False
    path_values: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.call: Any = SimpleNamespace(request=CountingRequest(), random_bytes=lambda purpose: bytes(32))


WANTED_QUERIES: dict[str, tuple[Rule, int, bool]] = {
    "no query in the rule": (Rule(vendor="narvar"), 0, True),
    "another vendor": (Rule(vendor="sabi", query={"p1": "1"}), 0, False),
    "another header": (Rule(headers={"x": "y"}, query={"p1": "1"}), 0, False),
    "a query": (Rule(query={"p1": "2"}), 1, False),
    "a parameter that is ignored": (Rule(query={"late": "1"}), 1, False),
}


@pytest.mark.finding("A3")
@pytest.mark.parametrize(("rule", "reads", "fires"), WANTED_QUERIES.values(), ids=WANTED_QUERIES)
def test_query_of_a_call_is_parsed_once_for_all_rules(rule: Rule, reads: int, fires: bool) -> None:
    call, faults = SomeCall(), Faults.of([rule] * 100)
    _, chosen = faults.choose(call, datetime.now(UTC))
    assert (call.call.request.reads, chosen is not None) == (reads, fires)
