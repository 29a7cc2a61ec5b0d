"""Each quota of the public demo: how it refuses, and that other visitors are served meanwhile."""

import select
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mockserver.server.access.quotas.demo_quotas import DemoQuotas, about_quotas
from tests.server.access.quotas.demo_server import (
    WASHER,
    Demo,
    Visitor,
    refusal,
    response_on,
    running_demo,
)

KIB = 1024
RULE = {"fault": "reset"}
Attempt = Callable[[Demo, Visitor], httpx.Response]


def last_of(times: int, attempt: Callable[[int], httpx.Response]) -> httpx.Response:
    """Return the last of several answers, of which only the last one is a refusal."""
    *before, last = [attempt(number) for number in range(times)]
    assert [answer.status_code for answer in before if answer.is_error] == []
    return last


def many(times: int, path: str = WASHER, method: str = "GET") -> Attempt:
    return lambda demo, visitor: last_of(times, lambda number: visitor.call(method, path))


def many_own(times: int, method: str, path: str, body: Any = None) -> Attempt:
    def attempt(demo: Demo, visitor: Visitor) -> httpx.Response:
        return last_of(times, lambda number: visitor.own(method, path.format(number), json=body))

    return attempt


def many_sandboxes(times: int, address: str = "192.0.2.{}") -> Attempt:
    return lambda demo, visitor: last_of(times, lambda number: demo.create(address.format(number)))


def two_at_once(demo: Demo, visitor: Visitor) -> httpx.Response:
    """Begin two calls, of which one is refused. Neither ends by itself."""
    with visitor.begin_call() as first, visitor.begin_call() as second:
        refused, _, _ = select.select([first, second], [], [], 60)
        return response_on(refused[0])


def two_streams(demo: Demo, visitor: Visitor) -> httpx.Response:
    headers = {"X-Forwarded-For": visitor.address, "Authorization": f"Bearer {visitor.made['control_token']}"}
    opened = []  # an iterator that is forgotten closes its stream
    with ExitStack() as stack:
        for _ in range(2):
            answer = stack.enter_context(demo.http.stream("GET", f"{demo.url}/_mock/events", headers=headers))
            if answer.is_error:
                answer.read()
            else:
                opened.append(answer.iter_raw())
                next(opened[-1])
        return answer


def changed_records(times: int) -> Attempt:
    def attempt(demo: Demo, visitor: Visitor) -> httpx.Response:
        records = visitor.own("GET", "/records/merchantpro/inventory").json()["records"]

        def change(number: int) -> httpx.Response:
            path = f"/merchantpro/api/v2/inventory/id/{records[number]['id']}"
            return visitor.call("PATCH", path, json={"inventory_enabled": "off"})

        return last_of(times, change)

    return attempt


def added_products(times: int) -> Attempt:
    def attempt(demo: Demo, visitor: Visitor) -> httpx.Response:
        return last_of(
            times, lambda n: visitor.own("POST", "/products", json={"sku": f"NEW-{n}", "name": "New"})
        )

    return attempt


def imported(**changes: Any) -> Attempt:
    def attempt(demo: Demo, visitor: Visitor) -> httpx.Response:
        document = visitor.own("GET", "/export").json()
        return visitor.own("PUT", "/import", json={**document, **changes})

    return attempt


def sent(method: str, path: str, size: int, **headers: str) -> Attempt:
    """Return an attempt to send a body of some size to a vendor."""
    headers["Content-Type"] = "application/json"
    return lambda demo, visitor: visitor.call(
        method, path, content=b'{"a":"%s"}' % (b"x" * size), headers=headers
    )


def sent_in_pieces(demo: Demo, visitor: Visitor) -> httpx.Response:
    pieces = iter([b'{"a":"', b"x" * 2000, b'"}'])
    return visitor.call("PATCH", content=pieces, headers={"Content-Type": "application/json"})


def snapshots_of_changes(demo: Demo, visitor: Visitor) -> httpx.Response:
    """Take snapshots of ever other records: they count although they are no longer current."""

    def take(number: int) -> httpx.Response:
        visitor.own("POST", "/reset")
        answer = visitor.own("POST", "/products", json={"sku": f"NEW-{number}", "name": "New"})
        assert answer.status_code == 201, answer.text
        return visitor.own("PUT", f"/snapshots/s{number}")

    return last_of(3, take)


def paused(demo: Demo, visitor: Visitor) -> httpx.Response:
    assert demo.operator("PATCH", "/demo", json={"paused": True}).json()["paused"] is True
    return demo.create("192.0.2.1")


# (quota, value, attempt that ends with a refusal, seconds in Retry-After or None)
CASES: list[tuple[str, Any, Attempt, int | None]] = [
    ("sandboxes", 3, many_sandboxes(2), 1800),
    ("sandboxes_per_address", 2, many_sandboxes(3, "192.0.2.1"), 7200),
    ("creations_per_hour", 2, many_sandboxes(3, "192.0.2.1"), 3600),
    ("creations_per_minute", 3, many_sandboxes(2), 60),
    ("calls_per_second", 1, many(3), 1),
    ("calls_per_day", 3, many(4), 86_400),
    ("address_calls_per_second", 1, many(3), 1),
    ("all_calls_per_second", 4, many(3), 1),
    ("concurrent_calls", 1, two_at_once, 1),
    ("all_concurrent_calls", 1, two_at_once, 1),
    ("changes", 2, changed_records(3), None),
    ("changes", 7, added_products(2), None),  # a product is four records
    ("change_bytes", 1000, changed_records(5), None),
    ("change_bytes", 2000, added_products(2), None),  # a product has some 1250 bytes
    ("change_bytes", 3000, snapshots_of_changes, None),
    ("snapshots", 2, many_own(3, "PUT", "/snapshots/s{}"), None),
    ("fault_rules", 2, many_own(3, "POST", "/faults", RULE), None),
    ("fault_rules", 2, many_own(1, "PUT", "/faults", [RULE] * 3), None),
    ("fault_rules", 2, imported(faults=[RULE] * 3), None),
    ("products", 5, imported(), None),
    ("body_bytes", 1000, sent("PATCH", WASHER, 2000), None),
    ("body_bytes", 1000, sent_in_pieces, None),
    ("body_bytes", 1000, many_own(1, "POST", "/faults", {"fault": "reset", "path": {"a": "x" * 999}}), None),
    ("body_bytes", 1000, many_own(3, "POST", "/faults", {"fault": "reset", "path": {"a": "x" * 300}}), None),
    ("import_bytes", 1000, imported(pad="x" * 1000), None),
    ("control_calls_per_second", 1, many_own(2, "GET", ""), 1),
    ("exports_per_minute", 2, many_own(3, "GET", "/export"), 30),
    ("streams", 1, two_streams, 5),
    ("all_streams", 1, two_streams, 5),
    ("paused", None, paused, 600),
]  # fmt: skip
BURSTS = {  # of the quotas that allow more at once
    "calls_per_second": {"burst": 2},
    "address_calls_per_second": {"address_burst": 2},
    "control_calls_per_second": {"address_burst": 2},
    "creations_per_hour": {"sandboxes_per_address": 9},
}


@pytest.mark.console(49)
@pytest.mark.parametrize(
    ("quota", "value", "attempt", "wait"), CASES, ids=[f"{n} {case[0]}" for n, case in enumerate(CASES)]
)
def test_quota_refuses_and_another_visitor_is_served(
    quota: str, value: Any, attempt: Attempt, wait: int | None
) -> None:
    with running_demo(**({quota: value} if value else {}), **BURSTS.get(quota, {})) as demo:
        demo.mock.guard.clock = lambda: 1e6
        other, visitor = demo.visitor(), demo.visitor()
        refused = attempt(demo, visitor)
        status = 503 if quota == "paused" else about_quotas()[quota].status
        header = None if wait is None else str(wait)
        assert refusal(refused) == (status, quota, header, wait)
        assert "x-mock-error" in refused.headers
        assert "demo" in refused.json()["message"]
        if quota == "all_calls_per_second":  # the breaker is for all
            demo.mock.guard.clock = lambda: 2e6
        answer = other.call()
        assert answer.status_code == 200, answer.text
        assert f'mockserver_demo_refusals_total{{quota="{quota}"}} 1.0' in metrics(demo)


def metrics(demo: Demo) -> str:
    demo.mock.guard.clock = lambda: 3e6  # the operator has quotas of requests too
    return demo.operator("GET", "/metrics").text


def test_every_quota_with_a_status_has_a_case() -> None:
    refusing = {name for name, about in about_quotas().items() if about.status}
    assert refusing == {quota for quota, *_ in CASES} - {"paused"}


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"delay": 60}, 200),
        ({"fault": "no_answer"}, None),
        ({"fault": {"type": "slow_body", "seconds": 60}}, 200),
    ],
    ids=["delay", "no_answer", "slow_body"],
)
def test_wait_because_of_a_fault_is_short_and_counts_twice(rule: Any, status: int | None) -> None:
    with running_demo(delay=timedelta(milliseconds=10), burst=4, calls_per_second=1) as demo:
        visitor = demo.visitor()
        demo.mock.guard.clock = lambda: 1e6
        assert visitor.own("POST", "/faults", json=rule).status_code == 201
        for _ in range(2):
            try:
                assert visitor.call().status_code == status
            except httpx.RemoteProtocolError:
                assert status is None
        assert refusal(visitor.call())[1] == "calls_per_second"


def test_refusals_are_noted_in_the_journal_but_do_not_fill_it() -> None:
    with running_demo(burst=2) as demo:
        visitor = demo.visitor()
        demo.mock.guard.clock = lambda: 1e6
        answers = [visitor.call() for _ in range(9)]
        calls = visitor.control("GET", "/requests").json()["requests"]
        assert [call["status"] for call in calls] == [429, 200, 200]
        noted = visitor.control("GET", f"/requests/{calls[0]['id']}").json()
    assert [answer.status_code for answer in answers] == [200, 200, *[429] * 7]
    assert noted["explanation"]["check"] == "quota"
    assert noted["explanation"]["why"] == [answers[-1].json()["message"]]
    assert noted["response"]["headers"]["X-Mock-Error"] == "demo_quota"


def test_journal_keeps_few_calls() -> None:
    with running_demo(journal_calls=3) as demo:
        visitor = demo.visitor()
        for _ in range(5):
            visitor.call()
        listed = visitor.control("GET", "/requests").json()
    assert (len(listed["requests"]), listed["dropped"]) == (3, 2)


def test_stream_ends_by_itself() -> None:
    with running_demo(stream_time=timedelta(milliseconds=10)) as demo:
        visitor = demo.visitor()
        answer = visitor.control("GET", "/events", params={"seconds": 3600})
    assert (answer.status_code, answer.text.count("event: hello")) == (200, 1)


def test_operator_has_no_quotas_of_data() -> None:
    with running_demo(snapshots=1, fault_rules=1, products=1, exports_per_minute=1) as demo:
        name = demo.visitor().name
        path = f"/sandboxes/{name}"
        answers = [demo.operator("PUT", f"{path}/snapshots/s{n}") for n in range(3)]
        answers.append(demo.operator("PUT", f"{path}/faults", json=[RULE] * 3))
        exported = [demo.operator("GET", f"{path}/export") for _ in range(3)]
        answers += exported
        answers.append(demo.operator("PUT", f"{path}/import", json=exported[0].json()))
    assert {answer.status_code for answer in answers} == {200}


def test_call_that_waits_leaves_its_place() -> None:
    with running_demo(concurrent_calls=1) as demo:
        visitor = demo.visitor()
        for _ in range(3):
            answer = visitor.call("PATCH", content=iter([b'{"stock":', b"1}"]),
                                  headers={"Content-Type": "application/json"})  # fmt: skip
            assert answer.status_code == 200


def test_server_without_a_demo_has_none_of_it(api: httpx.Client) -> None:
    answers = [api.get("/_mock/demo"), api.post("/_mock/demo/sandboxes"), api.delete("/_mock/demo/sandboxes")]
    assert {(answer.status_code, "--demo" in answer.json()["message"]) for answer in answers} == {(404, True)}
    assert "mockserver_demo" not in api.get("/_mock/metrics").text
    assert DemoQuotas().sandboxes == 500


@pytest.mark.console(49)
def test_page_that_waits_takes_a_place_too() -> None:
    with running_demo(concurrent_calls=1) as demo:
        visitor = demo.visitor()
        with (
            visitor.begin_call("POST", "/_mock/ui/try") as one,
            visitor.begin_call("POST", "/_mock/ui/try") as two,
        ):
            refused, _, _ = select.select([one, two], [], [], 60)
            assert refusal(response_on(refused[0]))[1] == "concurrent_calls"
