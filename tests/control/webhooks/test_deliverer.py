"""Deliveries: what calls a webhook, when, in which order, and what is noted of it."""

import json
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from mockserver import app
from mockserver.client import Client, Sandbox
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.server.server import serving
from tests.receiver import Receiver

PRICE = "6241712be68f7a98102ba272"  # the one of the page
MINUTES = 60


@pytest.fixture
def subscribed(mock_sandbox: Sandbox, receiver: Receiver) -> Sandbox:
    """Return a sandbox with a clock that stands still, whose receiver is notified of prices."""
    mock_sandbox.clock.freeze("2026-01-02T03:04:05Z")
    mock_sandbox.webhooks.create("highlevel", receiver.url, ["PriceUpdate"])
    return mock_sandbox


def set_stock(sandbox: Sandbox, quantity: int) -> None:
    sandbox.records("highlevel", "inventory").patch(PRICE, availableQuantity=quantity)


def stocks(receiver: Receiver) -> list[int]:
    return [call.json()["availableQuantity"] for call in receiver.calls]


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true. Fail if that takes long."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_change_by_the_control_api_calls_the_webhook(subscribed: Sandbox, receiver: Receiver) -> None:
    set_stock(subscribed, 3)
    (call,) = subscribed.webhooks.wait_for()
    assert (call.vendor, call.operation, call.method, call.status) == (
        "highlevel", "PriceUpdate", "POST", 200
    )  # fmt: skip
    assert (call.target, call.body) == (receiver.url, receiver.calls[0].body.decode())
    assert stocks(receiver) == [3]


def test_client_does_not_wait_for_the_receiver(subscribed: Sandbox, receiver: Receiver) -> None:
    receiver.held.clear()
    started = time.monotonic()
    for quantity in range(5):
        set_stock(subscribed, quantity)
    assert time.monotonic() - started < 5
    receiver.held.set()
    subscribed.webhooks.wait_for(count=5)


def test_calls_are_in_the_order_of_the_changes_and_one_at_a_time(
    subscribed: Sandbox, receiver: Receiver
) -> None:
    receiver.held.clear()
    for quantity in range(20):
        set_stock(subscribed, quantity)
    until(lambda: len(receiver.calls) == 1)
    time.sleep(0.05)
    assert stocks(receiver) == [0]
    receiver.held.set()
    subscribed.webhooks.wait_for(count=20)
    assert stocks(receiver) == [*range(20)]


def test_another_vendor_and_another_sandbox_do_not_call_it(
    subscribed: Sandbox, receiver: Receiver, base_url: str
) -> None:
    subscribed.records("merchantpro", "inventory").patch("10001", stock=1)
    with Client(base_url).create() as other:
        set_stock(other, 8)
    set_stock(subscribed, 9)
    subscribed.webhooks.wait_for()
    assert stocks(receiver) == [9]


def test_write_that_is_refused_calls_nobody(subscribed: Sandbox, receiver: Receiver) -> None:
    with pytest.raises(Exception, match="availableQuantity"):
        subscribed.records("highlevel", "inventory").patch(PRICE, availableQuantity="many")
    set_stock(subscribed, 9)
    subscribed.webhooks.wait_for()
    assert stocks(receiver) == [9]


def test_retry_follows_the_clock_of_the_sandbox(subscribed: Sandbox, receiver: Receiver) -> None:
    receiver.statuses.extend([429, 429])
    set_stock(subscribed, 3)
    subscribed.webhooks.wait_for()
    (waiting,) = subscribed.webhooks.deliveries(state="waiting")
    assert str(waiting.next_attempt) == "2026-01-02 03:14:05+00:00"
    subscribed.clock.advance(10 * MINUTES - 1)
    time.sleep(0.1)
    assert len(receiver.calls) == 1
    subscribed.clock.advance(1)
    subscribed.webhooks.wait_for(count=2)
    subscribed.clock.advance(10 * MINUTES)
    subscribed.webhooks.wait_for(count=3)
    (delivered,) = subscribed.webhooks.deliveries()
    assert [attempt.status for attempt in delivered.attempts] == [429, 429, 200]
    assert (delivered.state, delivered.next_attempt) == ("delivered", None)
    first, *again = receiver.calls
    assert {(call.body, *call.headers.items()) for call in again} == {(first.body, *first.headers.items())}


def test_retry_of_a_running_clock_comes_by_itself(subscribed: Sandbox, receiver: Receiver) -> None:
    receiver.statuses.append(429)
    set_stock(subscribed, 3)
    subscribed.webhooks.wait_for()
    subscribed.clock.resume()
    subscribed.clock.advance(10 * MINUTES - 0.5)
    subscribed.webhooks.wait_for(count=2)


def test_retry_does_not_keep_later_calls_waiting(subscribed: Sandbox, receiver: Receiver) -> None:
    receiver.statuses.append(429)
    set_stock(subscribed, 3)
    set_stock(subscribed, 4)
    subscribed.webhooks.wait_for(count=2)
    subscribed.clock.advance(10 * MINUTES)
    subscribed.webhooks.wait_for(count=3)
    assert stocks(receiver) == [3, 4, 3]


def test_last_attempt_fails(subscribed: Sandbox, receiver: Receiver) -> None:
    receiver.statuses.extend([429] * 7)
    set_stock(subscribed, 3)
    for attempt in range(1, 8):
        subscribed.webhooks.wait_for(count=attempt)
        subscribed.clock.advance(10 * MINUTES)
    (delivery,) = subscribed.webhooks.deliveries()
    assert (delivery.state, len(delivery.attempts)) == ("failed", 7)
    assert [webhook.id for webhook in subscribed.webhooks] == ["w1"]


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500, 503])
def test_other_refusals_are_final(subscribed: Sandbox, receiver: Receiver, status: int) -> None:
    receiver.statuses.append(status)
    receiver.headers["Location"] = f"{receiver.url}/elsewhere"
    set_stock(subscribed, 3)
    subscribed.webhooks.wait_for()
    (delivery,) = subscribed.webhooks.deliveries()
    assert (delivery.state, delivery.attempts[0].status) == ("failed", status)
    assert len(receiver.calls) == 1  # a redirect is not followed


def test_no_answer_is_noted(mock_sandbox: Sandbox, free_port: int) -> None:
    mock_sandbox.webhooks.create("highlevel", f"http://localhost:{free_port}/")
    set_stock(mock_sandbox, 3)
    (call,) = mock_sandbox.webhooks.wait_for()
    (delivery,) = mock_sandbox.webhooks.deliveries()
    (attempt,) = delivery.attempts
    assert (call.status, attempt.status, delivery.state) == (0, 0, "failed")
    assert "onnect" in attempt.error
    assert call.notes == (f"attempt 1 of delivery {delivery.id}", f"no answer: {attempt.error}")
    assert attempt.request == call.id


@pytest.mark.parametrize("drop", ["reset", "restore", "delete"])
def test_what_waits_is_dropped_with_its_world(subscribed: Sandbox, receiver: Receiver, drop: str) -> None:
    subscribed.snapshot("before")
    receiver.statuses.append(429)
    set_stock(subscribed, 3)
    subscribed.webhooks.wait_for()
    match drop:
        case "reset":
            subscribed.reset()
        case "restore":
            subscribed.restore("before")
        case "delete":
            subscribed.webhooks.delete("w1")
    assert [delivery.state for delivery in subscribed.webhooks.deliveries()] == ["dropped"]
    subscribed.clock.freeze("2026-01-02T03:04:05Z")
    subscribed.clock.advance(10 * MINUTES)
    if drop != "delete":
        set_stock(subscribed, 4)
        subscribed.webhooks.wait_for(count=2)
        assert stocks(receiver) == [3, 4]
    assert len([*subscribed.webhooks]) == (0 if drop == "delete" else 1)


def test_deliveries_are_listed_by_webhook_and_state(subscribed: Sandbox, receiver: Receiver) -> None:
    other = subscribed.webhooks.create("highlevel", receiver.url, ["PriceUpdate"])
    receiver.statuses.extend([500, 500])
    set_stock(subscribed, 3)
    subscribed.webhooks.wait_for(count=2)
    set_stock(subscribed, 4)
    subscribed.webhooks.wait_for(count=4)
    states = [delivery.state for delivery in subscribed.webhooks.deliveries(other)]
    assert states == ["delivered", "failed"]
    assert len(subscribed.webhooks.deliveries(state="failed")) == 2
    assert subscribed.webhooks.deliveries("w9") == []


def test_calls_to_webhooks_are_apart_in_the_journal(
    subscribed: Sandbox, receiver: Receiver, base_url: str
) -> None:
    set_stock(subscribed, 3)
    (call,) = subscribed.webhooks.wait_for()
    requests = subscribed.requests
    assert (requests.count(), [*requests], requests.find(vendor="highlevel")) == (0, [], [])
    assert requests.count(direction="outgoing", status=200) == 1
    subscribed.assert_called(never=True, vendor="highlevel")
    assert [one.direction for one in requests.summaries()] == ["outgoing"]
    assert [*requests.summaries(direction="incoming")] == []
    assert requests.totals().operations == []
    curl = requests.explain(call).curl
    assert curl.startswith(f"curl -X POST {receiver.url} ")
    with pytest.raises(Exception, match="went to a webhook"):
        requests.send(call)
    archive = httpx.get(f"{base_url}/_mock/requests/har", params={"sandbox": subscribed.name}).json()
    assert [one["request"]["url"] for one in archive["log"]["entries"]] == [receiver.url]


def test_call_to_a_webhook_is_an_event(subscribed: Sandbox, base_url: str) -> None:
    query = {"sandbox": subscribed.name, "count": 1, "seconds": 10, "direction": "outgoing"}
    with httpx.stream("GET", f"{base_url}/_mock/events", params=query, timeout=20) as stream:
        lines = stream.iter_lines()
        while "hello" not in next(lines):
            pass
        set_stock(subscribed, 3)
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert [event.get("direction") for event in events if "direction" in event] == ["outgoing"]


def test_no_webhook_controls_the_mock(mock_sandbox: Sandbox, base_url: str) -> None:
    """Without an admin token, the control API answers this machine: not a webhook, though it runs on it."""
    mock_sandbox.webhooks.create("highlevel", f"{base_url}/_mock/sandboxes/{mock_sandbox.name}/reset")
    set_stock(mock_sandbox, 3)
    (call,) = mock_sandbox.webhooks.wait_for()
    assert call.status == 403
    assert "a proxy has forwarded this call (it has the header via)" in call.response.body


def test_server_without_webhooks_has_no_thread_for_them() -> None:
    mock = app.build(names=["highlevel"], products=1)
    with serving(mock.application) as url:
        sandbox = Client(url).create()
        sandbox.records("highlevel", "inventory").patch(PRICE, availableQuantity=3)
        assert mock.deliverer is not None
        assert mock.deliverer.made is None


def threads() -> int:
    return sum(thread.name == "mockserver-webhooks" for thread in threading.enumerate())


@pytest.fixture
def stopping() -> Iterator[app.Mock]:
    mock = app.build(names=["highlevel"], products=1)
    yield mock
    mock.stop_threads()


def test_call_that_the_end_of_the_threads_breaks_off_is_made_again(
    stopping: app.Mock, receiver: Receiver
) -> None:
    before = threads()
    with serving(stopping.application) as url:
        sandbox = Client(url).create()
        sandbox.webhooks.create("highlevel", receiver.url, ["PriceUpdate"])
        receiver.held.clear()
        set_stock(sandbox, 1)
        set_stock(sandbox, 2)
        until(lambda: len(receiver.calls) == 1)
        stopping.stop_threads()
        until(lambda: threads() == before)
        assert [delivery.state for delivery in sandbox.webhooks.deliveries()] == ["waiting", "waiting"]
        receiver.held.set()
        set_stock(sandbox, 3)
        sandbox.webhooks.wait_for(count=3)
        assert stocks(receiver) == [1, 1, 2, 3]


def test_server_does_not_spin_while_a_receiver_is_slow(
    subscribed: Sandbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.statuses.append(429)
    set_stock(subscribed, 3)
    subscribed.webhooks.wait_for()
    receiver.held.clear()
    set_stock(subscribed, 4)
    until(lambda: len(receiver.calls) == 2)
    subscribed.clock.advance(10 * MINUTES)
    subscribed.clock.resume()
    time.sleep(0.05)
    asked: list[float | None] = []
    usual = Outbox.seconds_until_due
    monkeypatch.setattr(
        Outbox, "seconds_until_due", lambda box, busy: asked.append(usual(box, busy)) or asked[-1]
    )
    time.sleep(0.3)
    assert len(asked) <= 2
    receiver.held.set()
    subscribed.webhooks.wait_for(count=3)


def test_threads_end_and_begin_again(stopping: app.Mock, receiver: Receiver) -> None:
    before = threads()
    with serving(stopping.application) as url:
        sandbox = Client(url).create()
        sandbox.webhooks.create("highlevel", receiver.url)
        for number in (1, 2):
            sandbox.records("highlevel", "inventory").patch(PRICE, availableQuantity=number)
            sandbox.webhooks.wait_for(count=number)
            assert threads() == before + 1
            stopping.stop_threads()
            until(lambda: threads() == before)
