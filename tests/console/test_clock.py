"""The page of a sandbox's clock: freeze, set, move forward and resume."""

from datetime import datetime, timedelta

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.console.html import UI, page, submit

SLACK = timedelta(minutes=1)  # a slow machine between a page and a call


def shown(client: httpx.Client, sandbox: str) -> datetime:
    """Return the sandbox's time on the page."""
    time = page(client, f"/sandboxes/{sandbox}/clock").select_one("#clock .big-time time")
    assert time is not None
    return datetime.fromisoformat(str(time["datetime"]))


def press(client: httpx.Client, sandbox: str, text: str, **values: str) -> httpx.Response:
    """Press a button of the page."""
    found = page(client, f"/sandboxes/{sandbox}/clock")
    button = next(one for one in found.select("main button") if one.text == text)
    form = button.find_parent("form")
    assert form is not None
    own = {str(button["name"]): str(button["value"])} if button.has_attr("name") else {}
    return submit(client, form, **{**own, **values})


def times_in_the_api(client: httpx.Client, sandbox: str) -> tuple[datetime, datetime]:
    """Return the clock of the control API, and the time of a call that is sent now."""
    clock = client.get(f"/_mock/sandboxes/{sandbox}/clock").json()["now"]
    client.get("/merchantpro/api/v2/inventory/id/10001", auth=(f"sbx_{sandbox}", "x"))
    (call,) = client.get("/_mock/requests", params={"sandbox": sandbox, "limit": 1}).json()["requests"]
    return datetime.fromisoformat(clock), datetime.fromisoformat(call["time"])


@pytest.mark.console(24)
def test_freeze_a_day_on_and_resume_agree_with_the_api(api: httpx.Client, sandbox: str) -> None:
    began = datetime.fromisoformat(
        api.post("/_mock/sandboxes", json={"name": sandbox}).json()["clock"]["now"]
    )
    press(api, sandbox, "Freeze")
    frozen = shown(api, sandbox)
    assert began <= frozen <= began + SLACK
    assert (shown(api, sandbox), frozen) == (frozen, frozen) == times_in_the_api(api, sandbox)
    press(api, sandbox, "+1 day")
    next_day = frozen + timedelta(days=1)
    assert (shown(api, sandbox), next_day) == (next_day, next_day) == times_in_the_api(api, sandbox)
    resumed = press(api, sandbox, "Resume")
    assert "The clock is running again" in api.get(resumed.headers["Location"]).text
    times = shown(api, sandbox), *times_in_the_api(api, sandbox)
    assert next_day <= times[0] <= times[1] <= times[2] <= next_day + SLACK
    assert api.get(f"/_mock/sandboxes/{sandbox}/clock").json()["frozen"] is False


def test_clock_is_set_and_moved_by_seconds(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "frozen": "2026-01-02T03:04:05Z"})
    press(api, sandbox, "Set the clock", instant="2030-05-06T07:08")
    assert shown(api, sandbox) == datetime.fromisoformat("2030-05-06T07:08:00Z")
    press(api, sandbox, "Move forward", seconds="90.5")
    assert shown(api, sandbox) == datetime.fromisoformat("2030-05-06T07:09:30.500Z")
    assert "ahead of real time" in page(api, f"/sandboxes/{sandbox}/clock").text


@pytest.mark.console(22)
@pytest.mark.parametrize(
    ("button", "field", "typed", "message"),
    [
        ("Set the clock", "instant", "", "must not be empty"),
        ("Set the clock", "instant", "tomorrow", "tomorrow is not an ISO 8601 timestamp"),
        ("Move forward", "seconds", "soon", "must be a number, such as 12 or 12.50, not soon"),
        ("Move forward", "seconds", "-1", "must be at least 0, not -1"),
    ],
)
def test_time_that_is_none_is_refused(
    api: httpx.Client, sandbox: str, button: str, field: str, typed: str, message: str
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "frozen": "2026-01-02T03:04:05Z"})
    refused = press(api, sandbox, button, **{field: typed})
    assert refused.status_code == 400
    found = BeautifulSoup(refused.text, "html.parser")
    assert message in found.main.text  # type: ignore[union-attr]
    assert found.select_one(f"#field-{field}")["value"] == typed  # type: ignore[index]
    assert shown(api, sandbox) == datetime.fromisoformat("2026-01-02T03:04:05Z")


def test_clock_beyond_the_last_year_is_refused(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "frozen": "9999-12-31T23:00:00Z"})
    refused = press(api, sandbox, "+1 day")
    assert refused.status_code == 400
    assert "the clock cannot go beyond the year 9999" in refused.text


def test_unknown_action_is_refused_on_the_page(api: httpx.Client) -> None:
    refused = api.post(f"{UI}/sandboxes/demo/clock", data={"action": "stop"})
    assert refused.status_code == 400
    assert "Nothing was saved" in refused.text
