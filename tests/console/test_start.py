"""The start page: how to point a client here, and what has come of it so far."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup

import mockserver
from mockserver import app
from mockserver.embedding.running_server import RunningServer
from mockserver.server.server import serving
from mockserver.server.tls.authority import Authority
from tests.conftest import NO_CERTIFICATES, TIMEOUT, Suite, needs_curl
from tests.console.html import page
from tests.console.test_snippets import RUNNERS, WITHOUT_STATUS

pytest_plugins = ["pytester"]
WASHER = "/api/v2/inventory/id/10001"


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """Yield a server that nobody has called yet."""
    with mockserver.serve() as running:
        yield running


@pytest.fixture
def browser(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client:
        yield client


def snippet(found: BeautifulSoup, name: str) -> str:
    element = found.select_one(f"pre#{name}")
    assert element
    return element.text


def words(found: BeautifulSoup, name: str) -> str:
    """Return the text of an element with this id, with single spaces; empty if there is none."""
    element = found.select_one(f"#{name}")
    return " ".join(element.text.split()) if element else ""


def read_washer(client: httpx.Client, user: str = "demo", method: str = "GET") -> None:
    client.request(method, WASHER, auth=(user, "x"), json={"stock": 3} if method == "PATCH" else None)


@needs_curl
@pytest.mark.console(2)
def test_first_command_works_and_the_page_says_that_its_call_arrived(browser: httpx.Client) -> None:
    empty = page(browser, "/")
    assert words(empty, "first-call").startswith("No calls yet. Paste this: It reads from HighLevel.")
    printed = RUNNERS["curl"](snippet(empty, "first-curl"))
    assert '"Medium T-shirt"' in printed
    found = page(browser, "/")
    assert words(found, "arrived").startswith("Your first call arrived.")
    assert found.select_one('#arrived a[href^="/_mock/ui/calls/demo.1"]')
    assert not found.select("#first-call")


@needs_curl
@pytest.mark.console(3)
def test_every_snippet_of_the_page_runs_and_reads_from_its_vendor(browser: httpx.Client) -> None:
    found = page(browser, "/")
    tabs = found.select(".vendor-access .tabs")
    assert len(tabs) == 5
    for one in tabs[1::2]:  # those of all vendors run in test_snippets.py
        titles = [label.text for label in one.select("label")]
        assert titles == ["curl", "httpx", "requests", "fetch", "environment", "mockserver exec"]
        texts = dict(zip(titles, (pre.text for pre in one.select("pre")), strict=True))
        for title, run in RUNNERS.items():
            printed = run(texts[title])
            assert printed.startswith("{" if title in WITHOUT_STATUS else "200 {")


def test_test_for_pytest_passes(browser: httpx.Client, suite: Suite) -> None:
    suite(snippet(page(browser, "/"), "pytest")).assert_outcomes(passed=1)


def test_latest_calls_and_totals_are_shown(browser: httpx.Client, server: RunningServer) -> None:
    for _ in range(7):
        read_washer(browser)
    read_washer(browser, method="PATCH")
    for stock in ("many", -1):
        browser.patch(WASHER, auth=("demo", "x"), json={"stock": stock})
    browser.get(f"{WASHER}?color=red", auth=("demo", "x"))
    found = page(browser, "/")
    assert len(found.select("#latest tbody tr")) == 5
    assert words(found, "latest").endswith("11 calls 2 refused 1 call with remarks 1 call changed records")
    (refusal,) = found.select("#refusals tbody tr")
    assert " ".join(refusal.text.split()).startswith("MerchantPro update-inventory body check failed 2")
    assert refusal.select_one('a[href^="/_mock/ui/calls/demo.10"]')
    assert not found.select("#arrived")


def test_calls_of_other_sandboxes_and_of_none_are_mentioned(browser: httpx.Client) -> None:
    read_washer(browser, "sbx_other")
    read_washer(browser, "sbx_other")
    read_washer(browser, "nobody")
    found = page(browser, "/")
    assert words(found, "first-call")
    assert words(found, "elsewhere").startswith("2 calls went to other sandboxes. This page shows only demo.")
    assert words(found, "strays").startswith("1 call reached no sandbox.")
    of_other = page(browser, "/?sandbox=other")
    assert words(of_other, "arrived").startswith("Your first calls arrived.")
    assert not of_other.select("#elsewhere")


def test_page_of_a_sandbox_has_its_credential(browser: httpx.Client, server: RunningServer) -> None:
    server.client.create("spring")
    found = page(browser, "/?sandbox=spring")
    assert re.search("Authorization: Bearer sbx_spring", snippet(found, "first-curl"))
    summaries = [" ".join(one.text.split()) for one in found.select(".vendor-access summary")]
    assert f"MerchantPro {server.url}/merchantpro user sbx_spring, password demo" in summaries


def test_part_that_changes_is_served_alone(browser: httpx.Client) -> None:
    part = page(browser, "/start/now")
    assert part.select_one("#now")
    assert not part.select("html")


def test_unknown_sandbox_is_not_found(browser: httpx.Client) -> None:
    page(browser, "/?sandbox=nobody", 404)


def test_server_with_its_own_certificate_says_how_to_trust_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving(app.build().application, tls=authority.context([])) as url:
        trust = ssl.create_default_context(cafile=authority.file)
        with httpx.Client(base_url=url, verify=trust) as browser:
            (hint,) = page(browser, "/").select("p.callout")
    assert "mockserver ca" in hint.text and "--cacert" in hint.text
    with (
        serving(app.build().application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        assert page(client, "/").select("p.callout") == []
