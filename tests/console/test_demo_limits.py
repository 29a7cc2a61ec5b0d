"""The limits of the public demo on the pages of a visitor, and what a page says beyond them."""

from collections.abc import Iterator

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.console.html import UI, element, page, submit
from tests.server.access.quotas.demo_server import Demo, running_demo

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Dest": "document", "X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        yield running


@pytest.fixture
def client(demo: Demo) -> Iterator[httpx.Client]:
    """Yield the browser of a visitor who has a sandbox."""
    with httpx.Client(
        base_url=demo.url, headers=BROWSER, follow_redirects=True, verify=NO_CERTIFICATES, timeout=TIMEOUT
    ) as browser:
        browser.post(UI + "/try")
        yield browser


@pytest.fixture
def sandbox(client: httpx.Client) -> str:
    return str(page(client, "/").select_one("#tour")["data-live-sandbox"])


@pytest.mark.parametrize(
    ("path", "said", "not_said"),
    [
        ("/sandboxes/{}/limits", "at most 10 calls a second and 5,000 a day", "as often as they like"),
        ("/sandboxes/{}/faults", "of 20", "of 100"),
        ("/sandboxes/{}/faults", "No answer for 5 s", "No answer for 10 s"),
        ("/sandboxes/{}/faults", "no fault keeps a call waiting for more than 5 seconds", "60"),
        ("/sandboxes/{}/faults/new?fault=no_answer", "from 0 to 5; empty: 5", "60"),
        ("/sandboxes/{}/faults/new?fault=slow_body", "from 0 to 5", "60"),
        ("/sandboxes/{}/faults/new", "0 to 5 seconds, or such as", "60"),
        ("/import", "up to 512 KiB", "32 MiB"),
        ("/about", "500 for all visitors, 3 for each address", "plus the default one"),
        ("/about", "after 2 hours without a call, and after 1 day in any case", "unless it has its own time"),
        ("/about", "200 calls, or 512 KiB", "metrics"),
        ("/about", "issued", "sbx_<name>"),
        ("/calls", "401 and nothing here?", ""),
    ],
)
def test_pages_of_a_visitor_state_the_limits_of_the_demo(
    client: httpx.Client, sandbox: str, path: str, said: str, not_said: str
) -> None:
    text = " ".join(page(client, path.format(sandbox)).select_one("main").text.split())
    assert said in text
    assert not not_said or not_said not in text


def test_import_leads_to_the_only_sandbox_of_a_visitor(client: httpx.Client, sandbox: str) -> None:
    field = element(page(client, "/import"), "input[name=sandbox]")
    assert field["value"] == sandbox
    assert "created if there is none" not in page(client, "/import").text


def test_preset_keeps_within_the_longest_wait(client: httpx.Client, sandbox: str) -> None:
    answer = client.post(f"{UI}/sandboxes/{sandbox}/faults", data={"preset": "No answer for 5 s"})
    assert answer.status_code == 200
    assert client.get(f"/_mock/sandboxes/{sandbox}/faults").json()["faults"][0]["fault"]["seconds"] == 5


def test_sixth_snapshot_is_refused_with_what_helps(client: httpx.Client, sandbox: str) -> None:
    path = f"{UI}/sandboxes/{sandbox}/snapshots"
    answers = [client.post(path, data={"name": f"s{number}"}) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [507]
    assert "Delete one first." in answers[-1].text


def test_deleted_sandbox_is_not_said_to_be_unused(client: httpx.Client, sandbox: str) -> None:
    form = page(client, f"/sandboxes/{sandbox}/delete").select_one("form[method=post][action*=delete]")
    answer = submit(client, form)
    assert "The sandbox has been deleted." in answer.text
    assert "not used for too long" not in answer.text


def test_used_link_offers_the_sandbox_that_is_open(client: httpx.Client, sandbox: str) -> None:
    used = page(client, "/login?once=used", 410)
    assert used.select_one("a.primary").text == "Open my sandbox"


def test_page_beyond_a_quota_says_when_to_try_again() -> None:
    with running_demo(address_burst=1, control_calls_per_second=1) as demo:
        answers = [demo.http.get(demo.url + "/", headers=BROWSER) for _ in range(20)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        plain = [demo.http.get(demo.url + "/", headers={**BROWSER, "Accept": "*/*"}) for _ in range(20)]
    assert refused.headers["content-type"] == "text/html; charset=utf-8"
    assert (refused.headers["x-mock-error"], int(refused.headers["retry-after"]) > 0) == ("demo_quota", True)
    assert "try again in" in BeautifulSoup(refused.text, "html.parser").select_one("p").text
    assert {one.headers["content-type"] for one in plain if one.status_code == 429} == {"application/json"}
