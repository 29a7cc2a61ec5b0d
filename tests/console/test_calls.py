"""The list of calls: what a row shows, filters in the URL, what an empty list says, and how it is cleared."""

import subprocess
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from bs4 import BeautifulSoup

import mockserver
from mockserver.embedding.running_server import RunningServer
from tests.conftest import NO_CERTIFICATES, TIMEOUT, needs_curl
from tests.console.html import UI, element, page, submit

AUTH = ("demo", "demo")
WASHER = "/merchantpro/api/v2/inventory/id/10001"


@pytest.fixture
def calls(client: httpx.Client, sandbox: str, mockserver: RunningServer) -> None:
    """Make four calls: one succeeds, one changes a record, one has a remark, one meets a fault."""
    client.get(WASHER, auth=AUTH)
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    client.get("/narvar/exchanges/strange", auth=AUTH)
    mockserver.client.sandbox(sandbox).faults.add({"type": "status", "status": 503}, times=1)
    client.get(WASHER, auth=AUTH)


def ids(shown: BeautifulSoup) -> list[str]:
    """Return the ids of the calls in a list."""
    return [str(row["id"]).removeprefix("call-") for row in shown.select("#rows tr")]


def numbers(shown: BeautifulSoup) -> dict[str, int]:
    """Return the numbers of a list."""
    return {name: int(shown.select_one("#rows")[f"data-{name}"]) for name in ("count", "kept", "dropped")}  # type: ignore[index, arg-type]


@pytest.fixture
def empty() -> Iterator[httpx.Client]:
    """Yield a client of a server of the test's own, which nobody has called."""
    with (
        mockserver.serve() as server,
        httpx.Client(base_url=server.url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        yield client


@pytest.mark.usefixtures("calls")
def test_rows_show_each_call_in_words_newest_first(api: httpx.Client, sandbox: str) -> None:
    shown = page(api, f"/calls?sandbox={sandbox}")
    found = [[*row.stripped_strings][1:-2] for row in shown.select("#rows tr")]
    assert found == [
        [
            "503", "Service Unavailable", "MerchantPro", "GET", "/api/v2/inventory/id/10001",
            "injected fault: 503",
        ],
        [
            "404", "Not Found", "Narvar", "GET", "/exchanges/strange",
            "path check failed", "1 remark", "1 note",
        ],
        ["200", "OK", "MerchantPro", "PATCH", "/api/v2/inventory/id/10001", "1 change"],
        ["200", "OK", "MerchantPro", "GET", "/api/v2/inventory/id/10001"],
    ]  # fmt: skip
    assert [str(link["href"]).rpartition("/")[2] for link in shown.select("#rows a")] == [
        f"{sandbox}.{number}?sandbox={sandbox}" for number in (4, 3, 2, 1)
    ]


@pytest.mark.console(11)
@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [4, 3, 2, 1]),
        ("vendor=merchantpro", [4, 2, 1]),
        ("vendor=merchantpro&vendor=narvar", [4, 3, 2, 1]),
        ("operation=update-inventory", [2]),
        ("method=patch", [2]),
        ("method=PURGE", []),
        ("status=2xx", [2, 1]),
        ("status=5XX", [4]),
        ("status=404", [3]),
        ("q=Strange", [3]),
        ("remarks=1", [3]),
        ("fault=1", [4]),
        ("changed=1", [2]),
        ("vendor=merchantpro&status=2xx&changed=1", [2]),
    ],
)
def test_filter_is_in_the_url_and_in_its_form(
    api: httpx.Client, sandbox: str, query: str, found: list[int]
) -> None:
    shown = page(api, f"/calls?sandbox={sandbox}&{query}")
    assert ids(shown) == [f"{sandbox}.{number}" for number in found]
    assert numbers(shown) == {"count": len(found), "kept": 4, "dropped": 0}
    assert shown.select(".chips li")
    sent = submit(api, element(shown, "form.filter"))  # what the form shows is the same filter
    assert (sent.status_code, "=&" in sent.headers["Location"] + "&") == (303, False)
    led = page(api, sent.headers["Location"].removeprefix(UI))
    assert ids(led) == ids(shown)


@pytest.mark.usefixtures("calls")
def test_part_of_a_filter_is_removed_by_its_link(api: httpx.Client, sandbox: str) -> None:
    query = {"sandbox": sandbox, "vendor": ["merchantpro", "narvar"], "status": "404"}
    shown = page(api, "/calls", params=query)
    led = {
        next(link.stripped_strings): parse_qs(urlsplit(str(link["href"])).query)
        for link in shown.select(".chips .badge")
    }
    whole = {"sandbox": [sandbox], "vendor": ["merchantpro", "narvar"], "status": ["404"]}
    assert led == {
        f"sandbox: {sandbox}": {name: whole[name] for name in ("vendor", "status")},
        "status: 404": {name: whole[name] for name in ("sandbox", "vendor")},
        "vendor: MerchantPro": whole | {"vendor": ["narvar"]},
        "vendor: Narvar": whole | {"vendor": ["merchantpro"]},
    }


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("before=nonsense", 400, "query.before"),
        ("sandbox=nobody", 404, "there is no sandbox nobody"),
    ],
)
def test_filter_that_cannot_be_used_is_explained_and_stays(
    api: httpx.Client, query: str, status: int, message: str
) -> None:
    shown = page(api, f"/calls?q=typed&{query}", status)
    assert message in element(shown, "[role=alert].warn").text  # nothing is lost
    assert element(shown, "#q")["value"] == "typed"


@pytest.mark.usefixtures("calls")
def test_status_that_cannot_be_used_leaves_the_list_of_the_other_filters(
    api: httpx.Client, sandbox: str
) -> None:
    shown = page(api, f"/calls?sandbox={sandbox}&status=xyz", 400)
    assert element(shown, "#status-about.error").text == "Use a status such as 422, or a class such as 4xx"
    assert element(shown, "#status")["value"] == "xyz"
    assert len(shown.select("#rows tr")) == 4
    assert "xyz" not in str(element(shown, "#calls"))


@pytest.mark.console(12)
@pytest.mark.usefixtures("calls")
def test_filter_without_hits_says_how_many_calls_it_hides(empty: httpx.Client, sandbox: str) -> None:
    for _ in range(3):
        empty.get(WASHER, auth=AUTH)
    empty.get(WASHER, auth=AUTH, headers={"X-Mock-Sandbox": sandbox})
    shown = page(empty, f"/calls?sandbox={sandbox}&status=404")
    assert "No calls match this filter" in shown.text
    assert "4 other calls are hidden." in shown.text  # those of other sandboxes too
    link = element(shown, ".empty a")
    assert ids(page(empty, str(link["href"]).removeprefix(UI)))[1:] == ["demo.3", "demo.2", "demo.1"]


@pytest.mark.console(13)
def test_calls_that_belong_to_no_sandbox_are_listed(empty: httpx.Client) -> None:
    empty.get("/nobody/has/this")
    empty.get(WASHER, auth=("someone", "else"))
    empty.get(WASHER, auth=AUTH)
    assert ids(page(empty, "/calls")) == ["demo.1", "-.2", "-.1"]
    strays = page(empty, "/calls?sandbox=-")
    assert ids(strays) == ["-.2", "-.1"]
    assert strays.select("nav a[href$='/sandboxes/demo']")  # the other pages are about a real sandbox
    assert ids(page(empty, "/calls?vendor=-")) == ["-.1"]


@pytest.mark.console(46)
@pytest.mark.usefixtures("calls")
def test_visitor_with_one_sandbox_sees_its_calls_and_no_choice(
    api: httpx.Client, client: httpx.Client, sandbox: str
) -> None:
    made = api.post("/_mock/sandboxes", json={"name": f"own-{sandbox}"}).json()
    client.get(WASHER, auth=AUTH, headers={"X-Mock-Sandbox": made["name"]})
    shown = page(api, "/calls", headers={"Authorization": f"Bearer {made['control_token']}"})
    assert ids(shown) == [f"{made['name']}.1"]
    assert not shown.select("#sandbox, th.sandbox, td.sandbox")
    hidden = page(api, "/calls?q=nothing", headers={"Authorization": f"Bearer {made['control_token']}"})
    assert "1 other call is hidden." in hidden.text


@needs_curl
@pytest.mark.console(2, 3)
def test_list_without_calls_has_a_command_that_makes_one(empty: httpx.Client) -> None:
    shown = page(empty, "/calls")
    assert "No calls yet" in shown.text
    command = element(shown, "#sample").text
    subprocess.run(["sh", "-c", command.replace("curl", "curl -sf", 1)], check=True, capture_output=True)
    (row,) = page(empty, "/calls").select("#rows tr")
    assert "200 OK" in " ".join(row.stripped_strings)


@pytest.mark.console(10)
def test_calls_that_the_journal_dropped_are_announced(empty: httpx.Client) -> None:
    for _ in range(1010):
        empty.get(WASHER, auth=AUTH)
    shown = page(empty, "/calls")
    assert numbers(shown) == {"count": 1000, "kept": 1000, "dropped": 10}
    assert "Older calls dropped: 10." in shown.text
    assert (len(ids(shown)), ids(shown)[0]) == (200, "demo.1010")
    older = page(empty, str(element(shown, "[data-older]")["href"]).removeprefix(UI))
    assert (len(ids(older)), ids(older)[0]) == (200, "demo.810")
    assert "800 older" in " ".join(older.select_one(".counts").stripped_strings)  # type: ignore[union-attr]


def test_new_rows_come_after_a_position(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.get(WASHER, auth=AUTH)
    position = element(page(api, f"/calls?sandbox={sandbox}"), "#rows")["data-position"]
    for number in (9998, 9999):
        client.get(f"/narvar/exchanges/inventory/{number}", auth=AUTH)
    client.get(WASHER, auth=AUTH)
    for query, found, count in (
        ("", [4, 3, 2], 3),
        ("&vendor=narvar", [3, 2], 2),
        ("&vendor=narvar&only=count", [], 2),
    ):
        new = page(api, f"/calls/rows?sandbox={sandbox}&after={position}{query}")
        assert ids(new) == [f"{sandbox}.{number}" for number in found]
        assert numbers(new) == {"count": count, "kept": 4, "dropped": 0}
        later = element(new, "#rows")["data-position"]
        assert numbers(page(api, f"/calls/rows?sandbox={sandbox}&after={later}"))["count"] == 0


@pytest.mark.console(28)
@pytest.mark.usefixtures("calls")
def test_calls_are_removed_when_asked_twice(api: httpx.Client, client: httpx.Client, sandbox: str) -> None:
    link = element(page(api, f"/calls?sandbox={sandbox}"), "a[data-dialog]")
    asked = page(api, str(link["href"]).removeprefix(UI))
    assert f"Remove the calls of {sandbox}?" in asked.text
    assert "This removes 4 calls from the journal for good." in asked.text
    assert len(ids(page(api, f"/calls?sandbox={sandbox}"))) == 4
    done = submit(api, element(asked, "main form[method=post]"))
    assert done.status_code == 303
    assert "The calls were removed." in page(api, done.headers["Location"].removeprefix(UI)).text
    assert ids(page(api, f"/calls?sandbox={sandbox}")) == []
