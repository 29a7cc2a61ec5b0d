"""The guard of the public demo: who gets a sandbox, and for how long."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mockserver.sandbox.faults.no_answer import NoAnswer
from mockserver.sandbox.faults.slow_body import SlowBody
from mockserver.sandbox.policy import SandboxPolicy
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.server.access.quotas.refusal import QuotaExceeded

HOUR = 3600.0


class Clock:
    """A clock that shows the time that a test has set, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def guard_with(**quotas: Any) -> tuple[DemoGuard, Clock]:
    clock, sandboxes = Clock(), Sandboxes(42, 10, policy=SandboxPolicy(issues_credentials=True))
    return DemoGuard(sandboxes, DemoQuotas(**quotas), clock=clock, wall=clock), clock


def living(guard: DemoGuard) -> set[str]:
    return guard.creations.living(guard.clock())


def refused(call: Callable[..., Any], *arguments: Any) -> tuple[str, int | None]:
    """Return the quota that refuses a call, and the seconds after which to try again."""
    with pytest.raises(QuotaExceeded) as caught:
        call(*arguments)
    return caught.value.quota, caught.value.retry_after


def leave_unused(sandbox: Sandbox, minutes: float) -> None:
    """Move the last use of a sandbox into the past."""
    sandbox.used -= timedelta(minutes=minutes)


def test_address_has_few_sandboxes_at_a_time() -> None:
    guard, _ = guard_with(sandboxes_per_address=2)
    first = guard.create("192.0.2.1")
    leave_unused(first, 30)
    guard.create("192.0.2.1")
    assert refused(guard.create, "192.0.2.1") == ("sandboxes_per_address", 90 * 60)
    guard.create("192.0.2.2")
    leave_unused(first, 90)
    guard.create("192.0.2.1")


def test_sandboxes_of_one_ipv6_network_are_counted_together() -> None:
    guard, _ = guard_with(sandboxes_per_address=1)
    guard.create("2001:db8:1:2::1")
    assert refused(guard.create, "2001:db8:1:2::2")[0] == "sandboxes_per_address"
    guard.create("2001:db8:1:3::1")


def test_visitor_who_changes_the_address_keeps_the_quota_of_the_browser() -> None:
    guard, _ = guard_with(sandboxes_per_address=2)
    own = guard.create("192.0.2.1").name
    own = guard.create("192.0.2.2", own).name
    assert refused(guard.create, "192.0.2.3", own)[0] == "sandboxes_per_address"
    guard.create("192.0.2.3")


def test_address_makes_few_sandboxes_an_hour() -> None:
    guard, clock = guard_with(creations_per_hour=2, sandboxes_per_address=9)
    for _ in range(2):
        guard.create("192.0.2.1")
        clock.now += 600
    assert refused(guard.create, "192.0.2.1") == ("creations_per_hour", HOUR - 1200)
    clock.now += HOUR - 1200
    guard.create("192.0.2.1")


def test_all_together_make_few_sandboxes_a_minute() -> None:
    guard, clock = guard_with(creations_per_minute=2)
    guard.create("192.0.2.1")
    guard.create("192.0.2.2")
    assert refused(guard.create, "192.0.2.3") == ("creations_per_minute", 60)
    clock.now += 60
    guard.create("192.0.2.3")


def test_idle_sandbox_makes_room_and_an_active_one_never() -> None:
    guard, _ = guard_with(sandboxes=2)
    idle, active = guard.create("192.0.2.1"), guard.create("192.0.2.2")
    leave_unused(idle, 20)
    assert refused(guard.create, "192.0.2.3") == ("sandboxes", 600)
    leave_unused(idle, 10)
    leave_unused(active, 29)
    new = guard.create("192.0.2.3")
    assert living(guard) == {active.name, new.name}
    assert guard.counts == {"sandboxes": 2, "created": 3, "evicted": 1}
    assert guard.refused == {"sandboxes": 1}


@pytest.mark.parametrize(
    ("unused", "age", "left"),
    [(119, 0, True), (120, 0, False), (0, 24 * 60 - 1, True), (0, 24 * 60, False)],
    ids=["almost idle", "idle", "almost old", "old"],
)
@pytest.mark.console(48)
def test_life_is_wall_time_whatever_the_sandbox_shows(unused: float, age: float, left: bool) -> None:
    guard, _ = guard_with()
    sandbox = guard.create("192.0.2.1")
    sandbox.set_clock(lambda clock: clock.freeze(datetime(2001, 1, 1, tzinfo=UTC)))
    leave_unused(sandbox, unused)
    sandbox.ends -= timedelta(minutes=age)
    assert (sandbox.name in living(guard)) is left
    sandbox.set_clock(lambda clock: clock.set(datetime(1999, 1, 1, tzinfo=UTC)))
    assert (sandbox.name in living(guard)) is left


def test_names_are_random_and_credentials_are_issued() -> None:
    guard, _ = guard_with(creations_per_minute=100)
    made = [guard.create(f"192.0.2.{n}") for n in range(50)]
    assert len({sandbox.name for sandbox in made}) == len({sandbox.credential for sandbox in made}) == 50
    assert {(len(sandbox.name), len(sandbox.credential)) for sandbox in made} == {(10, 30)}
    assert not any(sandbox.name in sandbox.credential for sandbox in made)


def test_paused_creation_refuses_new_sandboxes_only() -> None:
    guard, _ = guard_with()
    before = guard.create("192.0.2.1")
    guard.paused = True
    assert refused(guard.create, "192.0.2.2") == ("paused", 600)
    assert before.name in living(guard)
    guard.paused = False
    guard.create("192.0.2.2")


def test_wipe_deletes_the_sandboxes_of_visitors_alone() -> None:
    guard, _ = guard_with()
    guard._sandboxes.create("own")
    guard.create("192.0.2.1")
    guard.create("192.0.2.2")
    assert guard.wipe() == 2
    assert {sandbox.name for sandbox in guard._sandboxes} == {"demo", "own"}


def test_calls_of_a_day_are_counted_for_each_sandbox() -> None:
    guard, clock = guard_with(calls_per_day=2)
    one, other = guard.create("192.0.2.1"), guard.create("192.0.2.1")
    for _ in range(2):
        guard.count_call(one)
    clock.now += HOUR
    assert refused(guard.count_call, one) == ("calls_per_day", 23 * HOUR)
    guard.count_call(other)
    clock.now += 23 * HOUR
    guard.count_call(one)


def test_guard_forgets_what_has_ended() -> None:
    guard, clock = guard_with()
    sandbox = guard.create("192.0.2.1")
    guard.count_call(sandbox)
    leave_unused(sandbox, 120)
    guard.remove_expired()
    assert guard._visitors == {}
    guard.clients.at("192.0.2.1", clock.now)
    clock.now += HOUR
    guard.remove_expired()
    assert len(guard.clients) == len(guard.shared.parts()) == 0


def test_address_is_forgotten_an_hour_after_its_last_request_while_its_sandbox_goes_on() -> None:
    guard, clock = guard_with()
    sandbox = guard.create("192.0.2.1")
    (name,) = guard.shared.parts()
    for _ in range(3):
        clock.now += HOUR - 60
        guard.clients.at("192.0.2.1", clock.now)
        guard.remove_expired()
        assert guard.shared.client("192.0.2.1") in str(guard.shared.parts()), "it was seen just now"
    clock.now += HOUR
    guard.remove_expired()
    assert [*guard.shared.parts()] == [name] == [f"visitor/{sandbox.name}"]
    assert guard.shared.client("192.0.2.1") not in str(guard.shared.parts())


def test_delay_and_fault_share_the_longest_wait() -> None:
    guard, _ = guard_with(delay=timedelta(seconds=5))
    sandbox = guard.create("192.0.2.1")
    assert guard.shortened(0, SlowBody(seconds=60), sandbox) == (0, SlowBody(seconds=5))
    assert guard.shortened(3, SlowBody(seconds=60), sandbox) == (3, SlowBody(seconds=2))
    assert guard.shortened(60, NoAnswer(seconds=60), sandbox) == (5, NoAnswer(seconds=0))
