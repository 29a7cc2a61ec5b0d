"""The page of a sandbox's rate limits: bars, on and off, other numbers."""

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

from tests.console.html import element, page, submit

WASHER = "/merchantpro/api/v2/inventory/id/10001"


def form(client: httpx.Client, sandbox: str) -> Tag:
    return element(page(client, f"/sandboxes/{sandbox}/limits"))


def bar(client: httpx.Client, sandbox: str, vendor: str, name: str) -> tuple[int, int, str]:
    """Return the value and the maximum of a bar, and the words beside it."""
    found = page(client, f"/sandboxes/{sandbox}/limits").select_one(f"#left-{vendor}-{name}")
    assert found is not None
    meter = found.meter
    assert meter is not None
    label = found.select_one(f"#{meter['aria-labelledby']}")
    assert label is not None
    words = " ".join(found.get_text(" ", strip=True).split())
    return int(str(meter["value"])), int(str(meter["max"])), words


@pytest.mark.console(25)
def test_each_call_shortens_the_bar_until_the_vendor_refuses(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "frozen": "2026-01-02T03:04:05Z"})
    auth = (f"sbx_{sandbox}", "x")
    on = submit(api, form(api, sandbox), **{"enabled": "true", "overrides.merchantpro.day": "2"})
    assert "Rate limits are on" in api.get(on.headers["Location"]).text
    for left in (2, 1, 0):
        value, most, words = bar(api, sandbox, "merchantpro", "day")
        assert (value, most) == (left, 2)
        assert f"{left} left" in words
        status = api.get(WASHER, auth=auth).status_code
        assert status == (200 if left else 429)
    assert api.get(WASHER, auth=auth).json()["error"]["name"] == "too_many_requests"  # the vendor's own
    assert bar(api, sandbox, "merchantpro", "minute")[:2] == (78, 80)


def test_numbers_are_kept_until_the_limits_are_turned_off(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    off = page(api, f"/sandboxes/{sandbox}/limits").select("#left-merchantpro-day")[0]
    assert "not counted" in off.text
    assert off.select("meter") == []
    submit(api, form(api, sandbox), **{"enabled": "true", "overrides.highlevel.daily": "10"})
    kept = form(api, sandbox).select_one("[name='overrides.highlevel.daily']")
    assert kept is not None
    assert kept["value"] == "10"
    submit(api, form(api, sandbox), **{"enabled": "true", "overrides.highlevel.burst": "5"})
    shown = api.get(f"/_mock/sandboxes/{sandbox}/limits").json()
    assert (shown["enabled"], shown["overrides"]) == (True, {"highlevel": {"daily": 10, "burst": 5}})
    submit(api, form(api, sandbox), enabled="false")
    assert not api.get(f"/_mock/sandboxes/{sandbox}/limits").json()["enabled"]


@pytest.mark.console(22)
@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("-1", "must be at least 0, not -1"),
        ("1.5", "must be a whole number, not 1.5"),
        ("all", "must be a number"),
    ],
)
def test_number_that_is_none_is_refused_at_its_field(
    api: httpx.Client, sandbox: str, typed: str, message: str
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    values = {"enabled": "true", "overrides.merchantpro.day": typed, "overrides.shoplazza.app": "7"}
    refused = submit(api, form(api, sandbox), **values)
    assert refused.status_code == 400
    found = BeautifulSoup(refused.text, "html.parser")
    at = found.select_one("[name='overrides.merchantpro.day']")
    assert at is not None
    about = found.find(id=str(at["aria-describedby"]))
    assert about is not None
    assert (at["value"], message in about.text) == (typed, True)
    assert found.select_one("[name='overrides.shoplazza.app']")["value"] == "7"  # type: ignore[index]
    assert not api.get(f"/_mock/sandboxes/{sandbox}/limits").json()["enabled"]


def test_vendor_without_known_limits_says_so(api: httpx.Client) -> None:
    assert "names no limit" in page(api, "/sandboxes/demo/limits").select_one("#bars").text  # type: ignore[union-attr]
