"""The quotas of the public demo as people see them."""

from dataclasses import fields
from datetime import timedelta

import pytest

from mockserver.server.access.quotas.demo_quotas import DemoQuotas, about_quotas, as_option_value
from mockserver.server.access.quotas.refusal import exceeded


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("calls_per_day", 5000, "5,000"),
        ("body_bytes", 64 * 1024, "64 KiB"),
        ("body_bytes", 1000, "1,000 bytes"),
        ("idle", timedelta(hours=2), "2 hours"),
        ("idle", timedelta(minutes=90), "1 hour 30 minutes"),
        ("idle", timedelta(hours=1), "1 hour"),
        ("life", timedelta(hours=24), "1 day"),
    ],
)
def test_value_is_shown_for_people(name: str, value: int | timedelta, shown: str) -> None:
    assert DemoQuotas(**{name: value}).shown(name) == shown


def test_every_quota_is_in_the_table_and_in_its_group() -> None:
    rows = [*DemoQuotas().rows()]
    groups = [row.group for row in rows]
    assert len(rows) == len(fields(DemoQuotas)) == len(about_quotas())
    assert groups == sorted(groups, key=groups.index), "the rows of a group stand together"
    assert {row.status for row in rows} == {None, 413, 429, 503, 507}


@pytest.mark.parametrize(
    ("name", "value"), [("sandboxes", "500"), ("idle", "2h"), ("import_bytes", "512KiB")]
)
def test_default_as_it_is_written_on_the_command_line(name: str, value: str) -> None:
    assert as_option_value(name) == value


@pytest.mark.parametrize(
    ("name", "wait", "said"),
    [
        ("calls_per_second", 0.2, "allows 10 calls a second for each sandbox; try again in 1 second"),
        ("calls_per_second", 1.2, "allows 10 calls a second for each sandbox; try again in 2 seconds"),
        ("calls_per_day", 3601, "allows 5,000 calls a day for each sandbox; try again in 1 hour 1 minute"),
        ("snapshots", None, "allows 5 snapshots of a sandbox; waiting does not change this"),
        ("import_bytes", None, "allows 512 KiB: size of a file to import; waiting does not change this"),
    ],
)
def test_refusal_says_the_quota_and_when_to_try_again(name: str, wait: float | None, said: str) -> None:
    error = exceeded(DemoQuotas(), name, wait)
    assert error.message == f"this public demo {said}"
