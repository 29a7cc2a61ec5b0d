"""The pages of the public demo: landing, visit, end."""

import json
import re
import shlex
import subprocess
from datetime import timedelta

import httpx
import pytest
from bs4 import BeautifulSoup

from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from tests.conftest import needs_curl
from tests.console.conftest import (
    BROWSER,
    Browser,
    credential_of,
    landing,
    sandbox_of,
    visit,
)
from tests.console.html import UI, page, submit
from tests.server.access.quotas.demo_server import WASHER, Demo, running_demo


@pytest.mark.console(45)
def test_first_page_sets_no_cookie_and_makes_no_sandbox(demo: Demo, browser: Browser) -> None:
    before = demo.operator("GET", "/sandboxes").json()["total"]
    themes = [{}, {"Cookie": "mockserver-theme=dark"}]
    answers = [browser(f"203.0.113.{n % 5}").get("/", headers=themes[n % 2]) for n in range(100)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("set-cookie" in answer.headers for answer in answers)
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].headers["cache-control"] == "public, max-age=300"
    assert demo.operator("GET", "/sandboxes").json()["total"] == before


def test_other_clients_get_what_they_always_got(demo: Demo) -> None:
    answer = demo.http.get(demo.url + "/")
    assert (answer.status_code, answer.json()["error"]) == (404, "no_vendor")


def test_first_page_has_every_limit_and_what_to_beware_of(browser: Browser) -> None:
    text = " ".join(landing(browser()).get_text(" ").split())
    for row in DemoQuotas().rows():
        shown = row.what[0].upper() + row.what[1:]
        assert f"{shown} {row.value}" in text
    for said in ("not affiliated with the vendors", "Never send real tokens", "2 hours after its last call",
                 "It also ends when the server restarts."):  # fmt: skip
        assert said in text


@needs_curl
def test_command_of_the_first_page_runs_as_pasted(browser: Browser) -> None:
    command = landing(browser()).select_one("#demo-curl").text
    done = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["products"], "the answer of Sabi Trace"


def test_button_makes_a_sandbox_and_one_cookie(demo: Demo, browser: Browser) -> None:
    client = browser()
    start = visit(client)
    cookies = list(client.cookies.jar)
    assert [(cookie.path, cookie.get_nonstandard_attr("HttpOnly", "no")) for cookie in cookies] == [
        ("/_mock", None)
    ]
    assert demo.mock.guard.counts["sandboxes"] == 1
    assert "control_token" not in str(start)
    assert "ctl_" not in str(start)
    answer = demo.http.get(demo.url + WASHER, auth=(credential_of(start), ""))
    assert answer.status_code == 200


def test_button_leads_whoever_has_a_sandbox_back_to_it(demo: Demo, browser: Browser) -> None:
    client = browser()
    first, second = visit(client), visit(client)
    assert sandbox_of(first) == sandbox_of(second)
    assert demo.operator("GET", "/demo").json()["created"] == 1


@needs_curl
@pytest.mark.console(3)
def test_snippets_of_a_visitor_run_as_pasted(browser: Browser) -> None:
    start = visit(browser())
    commands = [code.text for code in start.select("pre") if code.text.startswith("curl")]
    assert len(commands) == 7
    for command in commands:
        shell = f"{command} -s -o /dev/null -w '%{{http_code}}'"
        done = subprocess.run(["sh", "-ec", shell], capture_output=True, text=True, timeout=60)
        assert done.stdout == ("400" if "many" in command else "200"), command


def test_tab_of_exec_says_that_it_does_not_reach_the_sandbox(browser: Browser) -> None:
    start = visit(browser())
    tabs = start.select("section[aria-label='mockserver exec']")
    assert len(tabs) == 2
    for tab in tabs:
        assert "Its calls do not reach this sandbox." in tab.text


@pytest.mark.console(46)
def test_pages_of_a_visitor_show_no_other_visitor(browser: Browser) -> None:
    one, other = browser(), browser()
    own, foreign = visit(one), visit(other)
    for client in (one, other):
        submit(client, page(client, "/").select_one("form[action$='/demo/send/read']"))
    name, secret = sandbox_of(foreign), credential_of(foreign)
    for path in ("/", "/calls", "/sandboxes", f"/sandboxes/{sandbox_of(own)}", "/about"):
        text = one.get(UI + path).text
        assert name not in text
        assert secret not in text
    answers = [one.get(f"{UI}/sandboxes/{guess}") for guess in (name, "aaaaaaaaaa")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(name, "aaaaaaaaaa") == answers[1].text


@pytest.mark.console(48)
def test_ended_visit_is_a_friendly_410(demo: Demo, browser: Browser) -> None:
    client = browser()
    start = visit(client)
    exported = client.get(UI + "/demo/download")
    assert exported.headers["content-disposition"] == f'attachment; filename="{sandbox_of(start)}.json"'
    assert demo.operator("DELETE", f"/sandboxes/{sandbox_of(start)}").status_code == 204
    ended = page(client, "/calls", 410)
    assert "Your sandbox has ended" in ended.text
    anew, with_file = ended.select("form")
    again = submit(client, anew)
    assert again.status_code == 200
    assert sandbox_of(BeautifulSoup(again.text, "html.parser")) != sandbox_of(start)
    assert demo.operator("DELETE", "/demo/sandboxes").json() == {"deleted": 1}
    answer = client.post(str(with_file["action"]), files={"file": ("a.json", exported.content)})
    assert "Your file is in this sandbox now." in answer.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "this file is not the export of a sandbox"),
        (b"{}", "body"),
        (b"", "this file is not the export"),
    ],
    ids=["no JSON", "no export", "empty"],
)
def test_file_that_cannot_be_imported_leaves_no_sandbox(
    demo: Demo, browser: Browser, content: bytes, said: str
) -> None:
    answer = browser().post(UI + "/try", files={"file": ("a.json", content)})
    assert answer.status_code == 400
    assert said.lower() in answer.text.lower()
    assert "set-cookie" not in answer.headers
    assert demo.operator("GET", "/demo").json()["sandboxes"] == 0


def test_browser_without_a_sandbox_is_led_to_the_first_page(browser: Browser) -> None:
    answer = browser().get(UI + "/calls")
    assert (answer.url.path, "Open my sandbox" in answer.text) == ("/", True)
    assert browser().post(UI + "/demo/keep").status_code == 410
    assert browser().get(UI + "/calls/rows", headers={"Sec-Fetch-Dest": "empty"}).status_code == 410


def test_banner_warns_ten_minutes_before_the_end(demo: Demo, browser: Browser) -> None:
    client = browser()
    sandbox = demo.mock.sandboxes.get(sandbox_of(visit(client)))
    assert page(client, "/calls").select_one("#life").has_attr("hidden")
    sandbox.used -= timedelta(hours=1, minutes=51)
    banner = page(client, "/calls").select_one("#life")
    assert not banner.has_attr("hidden")
    assert "ends in 8 minutes" in banner.text
    answer = submit(client, banner.select_one("form"))
    assert "Your sandbox goes on." in answer.text
    assert page(client, "/calls").select_one("#life").has_attr("hidden")
    sandbox.ends = sandbox.used + timedelta(minutes=5)
    banner = page(client, "/calls").select_one("#life")
    assert banner.select_one("form") is None, "nothing prolongs the absolute life"
    assert "Download" in banner.text


def test_control_token_is_shown_once_on_request(demo: Demo, browser: Browser) -> None:
    client = browser()
    start = visit(client)
    made = BeautifulSoup(submit(client, start.select_one("form[action$='/demo/token']")).text, "html.parser")
    token = made.select_one("#token").text
    command = shlex.split(made.select_one("#token-curl").text)
    answer = demo.http.get(command[1], headers=dict([command[3].split(": ")]))
    assert (answer.status_code, re.fullmatch("ctl_[a-z2-7]{26}", token) is not None) == (200, True)
    assert token not in client.get(UI + "/").text


@pytest.mark.console(49)
def test_refused_button_says_why_and_when_to_try_again() -> None:
    with running_demo(sandboxes_per_address=1) as demo:
        demo.create("203.0.113.1")
        headers = {**BROWSER, "X-Forwarded-For": "203.0.113.1"}
        answer = demo.http.post(demo.url + UI + "/try", headers=headers)
        text = BeautifulSoup(answer.text, "html.parser").select_one("[role=alert].warn").text
        other = demo.http.post(demo.url + UI + "/try", headers={**headers, "X-Forwarded-For": "203.0.113.2"})
    assert (answer.status_code, answer.headers["x-mock-error"]) == (429, "demo_quota")
    assert 7000 < int(answer.headers["retry-after"]) <= 7200
    assert re.match(
        "This public demo allows 1 sandbox at a time for each address; try again in [12] hour", text
    )
    assert "set-cookie" not in answer.headers
    assert other.status_code == 303


@pytest.mark.console(49)
@pytest.mark.parametrize(("size", "quota"), [(900, True), (5000, False)], ids=["a little", "much"])
def test_file_that_is_too_large_is_refused(size: int, quota: bool) -> None:
    with running_demo(import_bytes=1000) as demo:
        document = demo.visitor().own("GET", "/export").json()
        document["records"] = {
            "merchantpro": {"inventory": {"added": [], "changed": {}, "deleted": ["x" * size]}}
        }
        answer = demo.http.post(demo.url + UI + "/try", files={"file": ("a.json", json.dumps(document))},
                                headers={**BROWSER, "X-Forwarded-For": "203.0.113.1"})  # fmt: skip
        assert demo.operator("GET", "/demo").json()["sandboxes"] == 1
    assert answer.status_code == 413
    assert "text/html" in answer.headers["content-type"]
    assert ("1,000 bytes" if quota else "larger than 2,000 bytes") in answer.text
    assert answer.headers["x-mock-error"] == ("demo_quota" if quota else "too_large")


def test_first_page_says_that_creation_is_paused(demo: Demo, browser: Browser) -> None:
    demo.operator("PATCH", "/demo", json={"paused": True})
    first = landing(browser())
    assert first.select_one("button.primary").has_attr("disabled")
    assert "opens no new sandboxes at the moment" in first.text


def test_no_cookie_is_set_by_plain_http_under_another_name(demo: Demo, browser: Browser) -> None:
    answer = browser().post(UI + "/try", headers={"Host": "mock.example.com"})
    assert answer.status_code == 403
    assert demo.operator("GET", "/demo").json()["created"] == 0


def test_browser_stays_with_https() -> None:
    with running_demo() as demo:
        headers = {**BROWSER, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "mock.example.com"}
        page = demo.http.get(demo.url, headers=headers)
        vendor = demo.http.get(demo.url + WASHER, headers=headers, auth=("demo", ""))
        plain = demo.http.get(demo.url, headers=BROWSER)
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in {**vendor.headers, **plain.headers}


def test_form_of_another_origin_makes_no_sandbox(demo: Demo, browser: Browser) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser().post(UI + "/try", headers=headers).status_code == 403
    assert demo.operator("GET", "/demo").json()["created"] == 0


def test_operator_logs_in_beside_the_visitors(demo: Demo, browser: Browser) -> None:
    client = browser()
    answer = submit(client, page(client, "/login").select_one("form"), token="operators-token")
    assert (answer.status_code, answer.url.path) == (200, UI + "/")
    assert "Your sandbox" not in answer.text


def test_other_servers_have_no_pages_of_a_demo(api: httpx.Client) -> None:
    assert api.post(UI + "/try").status_code == 404
    assert "Open my sandbox" not in api.get("/", headers=BROWSER).text
