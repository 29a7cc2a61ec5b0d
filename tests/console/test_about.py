"""The page about the server, and the choice of colors."""

import httpx
import pytest

from mockserver.app import vendor_names
from mockserver.server.access.table import WHAT_OPENS_WHAT
from tests.console.html import UI, page, submit


def test_settings_are_those_of_the_control_api(api: httpx.Client) -> None:
    settings = api.get("/_mock/settings").json()
    text = " ".join(page(api, "/about").get_text(" ").split())
    for name, shown in (
        ("version", "Version {}"),
        ("engine", "Engine {}"),
        ("seed", "Seed {}"),
        ("products", "Products {:,}"),
        ("max_sandboxes", "Sandboxes {:,}, plus the default one"),
        ("changed_records", "Changed records {:,} in a sandbox"),
    ):
        assert shown.format(settings[name]) in text
    assert "after 1 day without a call" in text
    assert "1,000 calls, or 4 MiB" in text
    assert "no call reaches the vendors" in text


def test_each_vendor_is_listed_with_the_day_of_its_page_and_its_evidence(api: httpx.Client) -> None:
    rows = page(api, "/about").select("[aria-labelledby=vendors] tbody tr")
    assert len(rows) == len(vendor_names())
    for row in rows:
        assert "page read on 2026-11-21" in row.text
        assert "documented" in row.text


def test_what_opens_what_is_listed(api: httpx.Client) -> None:
    rows = page(api, "/about").select("[aria-labelledby=access] tbody tr")
    assert [row.select_one("td").text for row in rows] == [  # type: ignore[union-attr]
        one.sent.replace("`", "") for one in WHAT_OPENS_WHAT
    ]


@pytest.mark.parametrize(
    ("chosen", "cookie", "theme"),
    [
        ("dark", "mockserver-theme=dark; Path=/_mock; Max-Age=31536000; HttpOnly; SameSite=Lax", "dark"),
        ("light", "mockserver-theme=light; Path=/_mock; Max-Age=31536000; HttpOnly; SameSite=Lax", "light"),
        ("", "mockserver-theme=; Path=/_mock; Max-Age=0; HttpOnly; SameSite=Lax", None),
        ("x; Path=/", "mockserver-theme=; Path=/_mock; Max-Age=0; HttpOnly; SameSite=Lax", None),
    ],
)
def test_theme_is_kept_in_a_cookie_of_the_console(
    api: httpx.Client, chosen: str, cookie: str, theme: str | None
) -> None:
    first = api.get(f"{UI}/calls?status=4xx")
    assert "Set-Cookie" not in first.headers
    (form,) = page(api, "/calls?status=4xx").select("form.theme")
    answer = submit(api, form, theme=chosen)
    assert answer.headers["Set-Cookie"] == cookie
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{UI}/calls?status=4xx")
    found = page(api, "/about")
    assert found.html and found.html.get("data-theme") == theme
    (pressed,) = found.select('form.theme [aria-pressed="true"]')
    assert pressed["value"] == (theme or "")


ELSEWHERE = [
    "", "https://evil.example/", "//evil.example/_mock/ui/", "/merchantpro", "/_mock/ui/../../merchantpro",
    "/_mock/ui/\r\nSet-Cookie: a=b", "/_mock/ui/" + "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("back", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_choice_of_a_theme_leads_to_no_page_but_the_consoles(api: httpx.Client, back: str) -> None:
    answer = api.post(f"{UI}/theme", data={"theme": "dark", "back": back})
    assert answer.headers["Location"] == f"{UI}/"


def test_unknown_theme_in_a_cookie_is_ignored(api: httpx.Client) -> None:
    found = page(api, "/about", headers={"Cookie": 'mockserver-theme="><script>'})
    assert found.html and not found.html.has_attr("data-theme")
