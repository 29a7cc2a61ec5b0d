"""Rate limits without a server: how they count calls when the clock moves, and how much they store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mockserver.vendor_api.rate_limits import MAX_USAGES, LeakyBucket, Limits, Window

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("make", [Window, LeakyBucket], ids=["window", "bucket"])
def test_limits_work_after_the_clock_is_set_back(make: Callable[..., Any]) -> None:
    limit = make("x", 10, 3) if make is Window else make("x", 3, 10)
    limits, seen = Limits(enabled=True), []
    for moment in (NOON, NOON - timedelta(days=400), NOON - timedelta(days=400), NOON):
        limits, quota = limits.count("acme", (limit,), {}, moment)
        seen.append((quota.statuses["x"].remaining, quota.refused))
    assert seen == ([(2, False), (2, False), (1, False), (2, False)] if make is Window else
                    [(2, False), (1, False), (0, False), (2, False)])  # fmt: skip


def test_number_of_usages_and_length_of_their_keys_are_bounded() -> None:
    limits, window = Limits(enabled=True), Window("x", 60, 1)
    for number in range(MAX_USAGES + 10):
        client = {"credential": f"{number} " + "x" * 1000}
        limits, _ = limits.count("acme", (window,), client, NOON + timedelta(microseconds=number))
    assert len(limits.usages) == MAX_USAGES
    assert max(len("".join(key)) for key in limits.usages) < 120
