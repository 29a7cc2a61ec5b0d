"""The outbox: what is due, in which order, and what has no room."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from mockserver.data.store.state import State
from mockserver.sandbox.clock import LAST_MOMENT, Clock
from mockserver.sandbox.webhooks import outbox as outbox_module
from mockserver.sandbox.webhooks.outbox import MAX_CHANGES, MAX_ENDED, MAX_WAITING, Outbox
from mockserver.sandbox.webhooks.webhook import Attempt, Delivery, Webhook

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CHANGED: Any = {("acme", "items", "1"): (None, {"id": 1})}


def owner() -> Any:
    return SimpleNamespace(name="box", clock=Clock().freeze(START), journal=None, catalog=None)


class Box:
    """An outbox with two webhooks of one vendor, and a clock that stands still."""

    def __init__(self) -> None:
        self.sandbox: Any = owner()
        self.notified = 0
        self.outbox = Outbox(self.sandbox, self.notify)
        for id in ("w1", "w2"):
            assert self.outbox.add(Webhook(id, "acme", ("made",), "http://127.0.0.1/", "", "", START))

    def notify(self, outbox: Outbox) -> None:
        self.notified += 1

    def add(self, id: str, webhook: int = 0, body: bytes = b"{}") -> Delivery:
        delivery = Delivery(id, self.outbox.webhooks[webhook], "made", START, {}, body)
        self.outbox.add_delivery(delivery, self.outbox.generation)
        return delivery

    def commit(self, changed: Any = CHANGED) -> None:
        self.outbox.add_commit(self.sandbox, State(), changed)

    def due(self, *busy: str) -> list[str]:
        return [delivery.id for delivery in self.outbox.take_due(busy)]

    def answer(self, delivery: Delivery, status: int, retry: float | None = None) -> None:
        entry: Any = None
        attempt = Attempt(self.sandbox.clock.now(), status, "", 0.0, entry)
        self.outbox.answered(delivery, attempt, retry)


@pytest.fixture
def box() -> Box:
    return Box()


def test_each_webhook_gets_one_after_the_other(box: Box) -> None:
    first, *_ = [box.add("a"), box.add("b"), box.add("c", 1), box.add("d", 1)]
    assert box.due() == ["a", "c"]
    assert box.due("w1", "w2") == []
    box.answer(first, 200)
    assert box.due("w2") == ["b"]
    assert first.state == "delivered"


@pytest.mark.parametrize(("status", "state"), [
    (200, "delivered"), (204, "delivered"), (299, "delivered"), (301, "failed"), (500, "failed"),
    (0, "failed"),
])  # fmt: skip
def test_last_attempt_decides(box: Box, status: int, state: str) -> None:
    delivery = box.add("a")
    box.due()
    box.answer(delivery, status)
    assert delivery.state == state


def test_retry_is_due_by_the_clock(box: Box) -> None:
    delivery = box.add("a")
    box.due()
    box.answer(delivery, 500, 60)
    assert (box.due(), delivery.due) == ([], START + timedelta(seconds=60))
    assert box.outbox.seconds_until_due(()) is None  # the clock stands still
    box.sandbox.clock = box.sandbox.clock.advance(timedelta(seconds=59))
    assert box.due() == []
    box.sandbox.clock = box.sandbox.clock.resume()
    assert 0 < (box.outbox.seconds_until_due(()) or 0) <= 1
    box.sandbox.clock = box.sandbox.clock.advance(timedelta(seconds=1))
    assert box.due() == ["a"]
    assert box.outbox.seconds_until_due(()) is None


def test_overdue_delivery_of_a_busy_webhook_is_not_waited_for(box: Box) -> None:
    first, second = box.add("a"), box.add("b")
    box.due()
    box.answer(first, 500, 60)
    assert box.due() == ["b"]
    box.sandbox.clock = box.sandbox.clock.advance(timedelta(seconds=61)).resume()
    assert box.due("w1") == []
    assert box.outbox.seconds_until_due({"w1"}) is None  # its answer will be news
    box.answer(second, 200)
    assert (box.outbox.seconds_until_due(()), box.due()) == (0.001, ["a"])


def test_retry_after_the_end_of_time_never_comes(box: Box) -> None:
    delivery = box.add("a")
    box.due()
    box.answer(delivery, 500, 1e18)
    assert delivery.due == LAST_MOMENT


def test_commit_of_another_vendor_is_left_out(box: Box) -> None:
    box.commit({("other", "items", "1"): (None, None)})
    assert (box.outbox.take_changes(), box.notified) == ([], 0)
    box.commit()
    assert (len(box.outbox.take_changes()), box.notified) == (1, 1)
    assert box.outbox.take_changes() == []


def test_too_many_changes_are_dropped(box: Box) -> None:
    for _ in range(MAX_CHANGES + 3):
        box.commit()
    assert (len(box.outbox.take_changes()), box.outbox.dropped) == (MAX_CHANGES, 3)


def test_too_many_deliveries_are_dropped(box: Box) -> None:
    for number in range(MAX_WAITING + 2):
        box.add(str(number))
    assert box.outbox.dropped == 2
    states = [delivery.state for delivery in box.outbox.deliveries()]
    assert (states.count("waiting"), states.count("dropped")) == (MAX_WAITING, 2)


def test_too_many_bytes_are_dropped(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_WAITING_BYTES", 10)
    assert [box.add("a", body=b"12345678").state, box.add("b", body=b"123").state] == ["waiting", "dropped"]
    box.due()
    assert box.add("c", body=b"123").state == "waiting"


def test_only_the_latest_that_have_ended_are_listed(box: Box) -> None:
    for number in range(MAX_ENDED + 5):
        delivery = box.add(str(number))
        box.due()
        box.answer(delivery, 200)
    assert [delivery.id for delivery in box.outbox.deliveries()] == [str(n) for n in range(5, MAX_ENDED + 5)]


def test_what_is_forgotten_stays_dropped_when_it_is_answered(box: Box) -> None:
    under_way, waiting = box.add("a"), box.add("b")
    box.due()
    box.commit()
    box.outbox.forget_deliveries()
    box.answer(under_way, 200)
    assert [under_way.state, waiting.state] == ["dropped", "dropped"]
    assert (box.due(), box.outbox.take_changes()) == ([], [])


@pytest.mark.parametrize("forget", [
    Outbox.forget_deliveries, lambda outbox: outbox.move_to(owner()), Outbox.close,
], ids=["reset", "replaced", "ended"])  # fmt: skip
def test_changes_that_were_taken_before_are_forgotten_too(box: Box, forget: Callable[[Outbox], None]) -> None:
    box.commit()
    (changes,) = box.outbox.take_changes()
    webhook = box.outbox.webhooks[0]
    forget(box.outbox)
    box.outbox.add_delivery(Delivery("a", webhook, "made", START, {}, b"{}"), changes.generation)
    assert (box.due(), box.outbox.deliveries()) == ([], [])


def test_changes_that_were_taken_before_are_nothing_to_a_removed_webhook(box: Box) -> None:
    box.commit()
    (changes,) = box.outbox.take_changes()
    webhooks = box.outbox.webhooks
    box.outbox.remove("w1")
    for id, webhook in zip("ab", webhooks, strict=True):
        box.outbox.add_delivery(Delivery(id, webhook, "made", START, {}, b"{}"), changes.generation)
    assert [delivery.id for delivery in box.outbox.deliveries()] == ["b"]


def test_changes_are_for_the_webhooks_of_their_time(box: Box) -> None:
    box.commit()
    box.outbox.add(Webhook("w3", "acme", ("made",), "http://127.0.0.1/", "", "", START))
    box.outbox.remove("w2")
    (changes,) = box.outbox.take_changes()
    assert [webhook.id for webhook in changes.webhooks] == ["w1", "w2"]


def test_commit_of_a_sandbox_that_has_been_replaced_is_left_out(box: Box) -> None:
    box.outbox.move_to(owner())
    box.commit()
    assert (box.outbox.take_changes(), box.notified) == ([], 0)


def test_attempt_that_was_broken_off_is_due_again_and_first(box: Box) -> None:
    first, _ = box.add("a"), box.add("b")
    box.due()
    box.outbox.put_back(first)
    assert box.due() == ["a"]
    box.answer(first, 200)
    box.outbox.put_back(first)  # it has ended
    assert box.due() == ["b"]


def test_attempt_that_failed_in_the_mock_ends_its_delivery(box: Box) -> None:
    delivery = box.add("a")
    box.due()
    box.outbox.give_up(delivery)
    box.outbox.give_up(delivery)
    assert [(one.id, one.state) for one in box.outbox.deliveries()] == [("a", "failed")]


def test_body_that_is_too_large_fails(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_BODY", 2)
    assert [box.add("a", body=b"123").state, box.add("b", body=b"12").state] == ["failed", "waiting"]


def test_removed_webhook_gets_no_more_deliveries(box: Box) -> None:
    box.add("a"), box.add("b", 1)
    assert box.outbox.remove("w1")
    assert not box.outbox.remove("w1")
    assert box.due() == ["b"]


def test_closed_outbox_takes_nothing(box: Box) -> None:
    delivery = box.add("a")
    box.outbox.close()
    assert (delivery.state, box.outbox.webhooks) == ("dropped", ())
    box.commit()
    box.outbox.wake()
    assert (box.notified, box.outbox.take_changes()) == (0, [])


def test_ids_count_from_one(box: Box) -> None:
    assert [box.outbox.next_id("d"), box.outbox.next_id("w"), box.outbox.next_id("d")] == ["d1", "w1", "d2"]


def delivery(box: Box, id: str) -> Delivery:
    return Delivery(id, box.outbox.webhooks[0], "made", START, {}, b"{}")


def test_delivery_of_a_turn_is_due_once_the_turn_counts(box: Box) -> None:
    first, second = delivery(box, "d1"), delivery(box, "d2")
    box.outbox.add_to_log([first])
    before = box.outbox.kept
    box.outbox.add_to_log([second])  # the next turn, which is undone
    box.outbox.take_on_deliveries(before, 1)
    assert (box.due(), box.outbox.is_empty) == ([], False)
    box.outbox.begin([first])
    assert (box.due(), box.due("w1")) == (["d1"], [])


def test_delivery_of_a_turn_that_did_not_count_may_come_with_news(box: Box) -> None:
    box.outbox.add_to_log([delivery(box, "d1")])
    kept = box.outbox.kept
    box.outbox.take_on_deliveries({}, 0)
    assert box.outbox.is_empty
    box.outbox.take_on_deliveries(kept, 1)
    assert box.due() == ["d1"]


def test_delivery_for_which_the_log_has_no_room_is_dropped_once_its_turn_counts(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "MAX_WAITING", 1)
    made = [delivery(box, "d1"), delivery(box, "d2")]
    box.outbox.add_to_log(made)
    assert ([*box.outbox.kept], box.outbox.dropped) == (["d1"], 0)
    box.outbox.begin(made)
    assert ([one.state for one in made], box.outbox.dropped) == (["waiting", "dropped"], 1)


def test_changes_that_are_held_back_are_forgotten_with_their_world(box: Box) -> None:
    box.outbox.hold()
    box.commit()
    assert box.outbox.holds_changes
    box.outbox.forget_deliveries()
    assert not box.outbox.holds_changes
    assert box.outbox.hold() == []
