"""The page of one call: why it was answered so, what would have helped, what changed, ways to repeat it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

from mockserver import Client, app
from mockserver.embedding.running_server import RunningServer
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT, needs_curl
from tests.console.html import UI, element, page, parsed, submit
from tests.console.test_snippets import RUNNERS

AUTH = ("demo", "demo")
WASHER = "/merchantpro/api/v2/inventory/id/10001"
HIGHLEVEL = {"Authorization": "Bearer demo", "Version": "2021-07-28"}


def text(shown: BeautifulSoup, selector: str) -> str:
    """Return the text of one element, with single spaces."""
    found = shown.select_one(selector)
    assert found is not None, selector
    return " ".join(" ".join(found.stripped_strings).split())


def button(shown: BeautifulSoup, name: str) -> Tag:
    """Return the form with a button."""
    (form,) = [form for form in shown.select("main form") if form.text.strip() == name]
    return form


def pressed(api: httpx.Client, shown: BeautifulSoup, name: str) -> BeautifulSoup:
    """Press a button, and return the page that it leads to."""
    form = button(shown, name)
    (one,) = form.select("button")
    values = {str(one["name"]): str(one["value"])} if one.has_attr("name") else {}
    answer = submit(api, form, **values)
    assert answer.status_code == 303, answer.text
    return page(api, answer.headers["Location"].removeprefix(UI))


@pytest.fixture
def own() -> Iterator[RunningServer]:
    """Yield a server of the test's own."""
    with serving(app.build().application) as url, Client(url) as client:
        yield RunningServer(url, client)


@pytest.fixture
def own_api(own: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=own.url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client:
        yield client


@pytest.mark.console(15)
def test_refusal_is_explained_and_mended(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.get("/products/inventory?altId=x&limit=many&color=red", headers=HIGHLEVEL)
    shown = page(api, f"/calls/{sandbox}.1")
    assert text(shown, "h1") == "GET /products/inventory?altId=x&limit=many&color=red"
    assert text(shown, "#verdict-title") == "422 Unprocessable Entity"
    assert text(shown, ".verdict-text") == "The parameters check failed."
    color, limit = (" ".join(one.text.split()) for one in shown.select(".verdict .list")[0].select("li"))
    assert color.startswith("color (query): unknown parameter: use one of ")
    assert limit == "limit (query): must be a number"
    assert text(shown, "[aria-labelledby=helped-title]") == (
        "What would have helped Leave color out of the query Send limit=20 in the query"
    )
    assert "The maximum number of items on one page" in text(shown, "[aria-labelledby=spec-title]")
    mended = pressed(api, shown, "Send with the smallest change")
    assert text(mended, "#verdict-title") == "200 OK"
    assert (
        text(mended, "main [role=status]") == f"This is {sandbox}.1 with its smallest change. Compare the two"
    )
    assert text(mended, "h1") == "GET /products/inventory?altId=x&limit=20"
    back, compare = (str(link["href"]) for link in mended.select("main [role=status] a"))
    assert back == f"{UI}/calls/{sandbox}.1"
    assert "Two calls compared" in text(page(api, compare.removeprefix(UI)), "main")


def test_call_is_sent_again(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.patch(WASHER, json={"stock": {"adjust_by": 1}}, auth=AUTH)
    again = pressed(api, page(api, f"/calls/{sandbox}.1"), "Send again")
    assert text(again, "main [role=status]") == f"This repeats {sandbox}.1 as it was. Compare the two"
    assert text(again, ".call-facts .mono") == f"{sandbox}.2"
    assert [one.text for one in again.select(".differences del, .differences ins")] == ["11", "12"]


def test_call_that_cannot_be_sent_says_so_where_the_button_was(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.patch(WASHER, content=b"x" * 70_000, auth=AUTH)
    shown = page(api, f"/calls/{sandbox}.1")
    assert text(shown, "[aria-labelledby=helped-title] li") == "No change of the request is known."
    answer = submit(api, button(shown, "Send again"))
    assert answer.status_code == 400
    refused = parsed(answer.text)
    assert "the journal does not have all of its body" in text(refused, "main [role=alert]")
    assert text(refused, "h1") == text(shown, "h1")


# (how the call is made, the headline, the sentence), with the mark of the callout
OUTCOMES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "accepted": ({"url": WASHER}, "200 OK", "The vendor accepted the call.", "good"),
    "changed": (
        {"url": WASHER, "method": "PATCH", "json": {"stock": 3}}, "200 OK",
        "The vendor accepted the call. It changed one record.", "good",
    ),
    "written as it was": (
        {"url": WASHER, "method": "PATCH", "json": {"stock": 10}}, "200 OK",
        "The vendor accepted the call. It wrote one record; no value changed.", "good",
    ),
    "refused": (
        {"url": WASHER + "0"}, "404 Not Found",
        "The record check failed.", "warn",
    ),
    "no credential": (
        {"url": WASHER, "auth": None}, "401 Unauthorized",
        "The credential check failed.", "warn",
    ),
    "credential accepted, header missing": (
        {"url": "/highlevel/products/inventory?altId=x&altType=location", "auth": None,
         "headers": {"Authorization": "Bearer demo"}},
        "401 Unauthorized", "The parameters check failed.", "warn",
    ),
    "no vendor": ({"url": "/nobody"}, "404 Not Found", "No vendor has this path.", "warn"),
    "fault": (
        {"url": "/exchanges/inventory/9999"}, "503 Service Unavailable",
        "Injected fault: 503. A fault rule decided this, not the vendor.", "bad",
    ),
    "no answer": (
        {"url": "/narvar/exchanges/inventory/9999?location=reset"}, "No answer",
        "Injected fault: reset. A fault rule decided this, not the vendor.", "bad",
    ),
    "asked for": (
        {"url": WASHER, "headers": {"Prefer": "code=404"}}, "404 Not Found",
        "Nothing was refused: the client asked for this answer by a header.", "notice",
    ),
    "not offered": (
        {"url": WASHER, "headers": {"Prefer": "code=299"}}, "422 Unprocessable Entity",
        "The mock itself answered, not the vendor: not offered.", "bad",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome_is_told_in_one_sentence(
    client: httpx.Client, api: httpx.Client, mockserver: RunningServer, sandbox: str, name: str
) -> None:
    sent, title, sentence, kind = OUTCOMES[name]
    faults = {"fault": {"type": "status", "status": 503}, "no answer": {"type": "reset"}}
    if name in faults:
        mockserver.client.create(sandbox).faults.add(faults[name])
    headers = {"X-Marker": sandbox, **sent.get("headers", {})}
    try:
        client.request(**{"method": "GET", "auth": AUTH, **sent, "headers": headers})
    except httpx.HTTPError:
        assert name == "no answer"
    (call,) = mockserver.client.requests.find(headers={"x-marker": sandbox})
    shown = page(api, f"/calls/{call.id}")
    assert (text(shown, "#verdict-title"), text(shown, ".verdict-text")) == (title, sentence)
    assert shown.select_one(f".verdict-{kind}")


@pytest.mark.console(16)
def test_changes_are_shown_field_by_field(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.patch(WASHER, json={"stock": 3, "price_gross": 85}, auth=AUTH)
    shown = page(api, f"/calls/{sandbox}.1")
    rows = [
        [cell.text.split()[-1] for cell in row.select("th, td")] for row in shown.select(".differences tr")
    ]
    assert rows == [
        ["Field", "Before", "After"],
        ["stock", "10", "3"],
        ["price_net", "1428.57", "71.4286"],
        ["price_gross", "1700.00", "85.00"],
    ]
    assert text(shown, ".change h3") == "merchantpro inventory 10001 changed"


@pytest.mark.console(16)
def test_record_of_a_change_is_linked(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.patch(WASHER, json={"stock": 3}, auth=AUTH)
    link = page(api, f"/calls/{sandbox}.1").select_one(".change h3 a")
    assert link is not None
    assert str(link["href"]) == f"{UI}/sandboxes/{sandbox}/data/merchantpro/inventory/10001"
    assert "10001" in page(api, str(link["href"]).removeprefix(UI)).text


@needs_curl
@pytest.mark.console(3, 17)
@pytest.mark.parametrize("title", ["curl", "httpx", "requests"])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_snippets_repeat_the_call(
    client: httpx.Client, api: httpx.Client, sandbox: str, mockserver: RunningServer, method: str, title: str
) -> None:
    body = {"json": {"stock": 3, "price_gross": 9.5}} if method == "PATCH" else {}
    client.request(method, f"{WASHER}?fields=id,stock", auth=AUTH, headers={"X-Api-Key": "s3cret"}, **body)  # type: ignore[arg-type]
    (first,) = mockserver.client.sandbox(sandbox).requests
    shown = page(api, f"/calls/{first.id}")
    titles = [label.text.strip() for label in shown.select("#copy-title ~ *, .tab-list label")]
    number = [one for one in titles if one not in ("Pretty", "Raw")].index(title) + 1
    snippet = shown.select_one(f"#copy-{number}")
    assert snippet is not None
    assert "s3cret" not in shown.text
    assert "stay struck out" in shown.text
    printed = RUNNERS[title](snippet.text).strip()
    (_, again) = mockserver.client.sandbox(sandbox).requests
    assert printed == (again.response.body if title == "curl" else f"{again.status} {again.response.body}")
    assert (again.method, again.target, again.response) == (first.method, first.target, first.response)
    assert again.headers["x-api-key"] == "***"
    assert json.loads(again.body or "0") == json.loads(first.body or "0")


ASSERTED: dict[str, dict[str, Any]] = {
    "read": {"method": "GET", "url": f"{WASHER}?fields=id&fields=sku&x=%22%E2%80%AE"},
    "write": {"method": "PATCH", "url": WASHER, "json": {"stock": 3, "price_gross": 85.5}},
    "refused": {"method": "PATCH", "url": WASHER, "json": {"stock": -1, "token": "s3cret"}},
    "digits that a float loses": {
        "method": "PATCH", "url": WASHER, "content": b'{"price_gross": 0.12345678901234567890, "stock": 1}',
    },
    "not JSON": {"method": "PATCH", "url": WASHER, "content": b'{"stock'},
    "a list": {"method": "PATCH", "url": WASHER, "json": [1]},
    "secret in the query": {"method": "GET", "url": f"{WASHER}?api_key=s3cret&fields=id"},
    "no vendor": {"method": "DELETE", "url": "/nobody?x=1"},
    "no credential": {"method": "GET", "url": WASHER, "auth": None},
}  # fmt: skip


@pytest.mark.console(3)
@pytest.mark.parametrize("name", ASSERTED)
def test_pytest_assertion_passes(own: RunningServer, own_api: httpx.Client, name: str) -> None:
    own_api.request(**{"auth": AUTH, **ASSERTED[name]})
    (call,) = own.client.requests
    snippet = page(own_api, f"/calls/{call.id}").select_one("#copy-5")
    assert snippet is not None
    names = {"mock_sandbox": own.client.sandbox("demo"), "mockserver": own}
    exec(snippet.text, names)
    own.client.requests.clear()
    own_api.get("/exchanges/inventory/9999", auth=AUTH)
    with pytest.raises(AssertionError):
        exec(snippet.text, names)


@pytest.mark.console(18)
def test_long_body_is_folded(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.patch(WASHER, json={"stock": 3, "inventory_enabled": "x" * 9000}, auth=AUTH)
    client.patch(WASHER, json={"stock": 3}, auth=AUTH)
    long, short = (page(api, f"/calls/{sandbox}.{number}") for number in (1, 2))
    (folded,) = long.select("[aria-labelledby=request-title] details.folded")
    assert not folded.has_attr("open")
    assert text(long, ".fold-title") == "Show the whole body: 8 KiB"
    assert "x" * 9000 in folded.text
    client.patch(WASHER, json={"warehouses": [{"stock": number} for number in range(40)]}, auth=AUTH)
    many = page(api, f"/calls/{sandbox}.3")
    assert text(many, "[aria-labelledby=request-title] .fold-title") == "Show the whole body: 124 lines"
    assert not short.select("details.folded")
    assert [label.text for label in short.select("[aria-labelledby=request-title] label")] == [
        "Pretty",
        "Raw",
    ]


def test_body_that_the_journal_has_cut_is_said(api: httpx.Client, sandbox: str) -> None:
    access = api.post("/_mock/sandboxes", json={"name": sandbox, "products": 400}).json()["credentials"]
    headers = access["highlevel"]["headers"]
    sent = api.get("/products/inventory?altId=x", headers=headers).content
    shown = page(api, f"/calls/{sandbox}.1")
    size = f"{len(sent):,} bytes"
    assert len(sent) > 64 * 1024
    assert text(shown, "[aria-labelledby=response-title] .card-head span") == size
    assert f"The journal keeps the first 64 KiB of a body. This one had {size}." in text(shown, "main")
    assert shown.select("[aria-labelledby=response-title] label") == []
    assert text(shown, "[aria-labelledby=response-title] .fold-title") == "Show the first 64 KiB of the body"


def test_noise_of_browsers_is_folded(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.get(
        WASHER, auth=AUTH, headers={"Sec-Fetch-Site": "none", "X-Request-Id": "7", "Accept": "text/html"}
    )
    shown = page(api, f"/calls/{sandbox}.1")
    request = shown.select_one("[aria-labelledby=request-title]")
    assert request is not None
    folded = [one.text for one in request.select("details dt")]
    assert [one.text for one in request.select("dt") if one.text not in folded] == [
        "authorization", "x-mock-sandbox", "x-request-id",
    ]  # fmt: skip
    assert {"accept", "accept-encoding", "host", "sec-fetch-site", "user-agent"} <= {*folded}


def test_headers_are_called_more_only_beside_others(api: httpx.Client) -> None:
    summaries = []
    for headers in ({"X-Note": "1"}, {}):
        api.get("/api/v3/nothing", headers=headers)
        (newest,) = api.get("/_mock/requests", params={"sandbox": "-", "limit": 1}).json()["requests"]
        request = element(page(api, f"/calls/{newest['id']}"), "[aria-labelledby=request-title]")
        summaries.append(element(request, "summary").text.split(maxsplit=1)[1])
    assert summaries == ["more headers", "headers"]


def test_remarks_notes_and_evidence_are_told(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.get("/products/inventory?altId=x", headers=HIGHLEVEL)
    client.get(f"{WASHER}?colour=red", auth=AUTH)
    pages = [page(api, f"/calls/{sandbox}.{number}") for number in (1, 2)]
    first, second = (text(one, "[aria-labelledby=facts-title]") for one in pages)
    assert "Notes query parameter altType is usually sent, but missing" in first
    assert "documented The vendor's own pages or API description state this status." in first
    assert "Remarks query parameter colour is not in the spec" in second


@pytest.mark.parametrize(
    ("path", "status", "operation", "anchor"),
    [
        (f"{WASHER}?fields=id", 200, "get-inventory", "own-200"),
        ("/api/v2/inventory/id/1", 404, "get-inventory", "own-404"),
    ],
)
def test_evidence_leads_to_its_source(
    client: httpx.Client, api: httpx.Client, sandbox: str, path: str, status: int, operation: str, anchor: str
) -> None:
    assert client.get(path, auth=AUTH).status_code == status
    link = page(api, f"/calls/{sandbox}.1").select_one(
        "[aria-labelledby=facts-title] a:-soup-contains(Source)"
    )
    assert link is not None
    url, _, place = str(link["href"]).partition("#")
    assert (url.partition("?")[0], place) == (f"/_mock/ui/docs/merchantpro/{operation}", anchor)
    assert page(api, url.removeprefix("/_mock/ui")).select_one(f"#{place}") is not None


def test_neighbours_pass_the_same_filter(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    for path in (WASHER, WASHER + "0", WASHER, WASHER + "0", WASHER):
        client.get(path, auth=AUTH)

    def neighbours(number: int, query: str) -> list[str]:
        shown = page(api, f"/calls/{sandbox}.{number}?{query}")
        links = {link.text: str(link["href"]) for link in shown.select(".call-nav .button")}
        assert all(link.endswith(f"?{query}") for link in links.values())
        return [links.get(name, "").partition("?")[0].rpartition(".")[2] for name in ("Older", "Newer")]

    everything, refused = f"sandbox={sandbox}", f"sandbox={sandbox}&status=4xx"
    assert [neighbours(number, everything) for number in (1, 3, 5)] == [["", "2"], ["2", "4"], ["4", ""]]
    assert [neighbours(number, refused) for number in (2, 3, 4)] == [["", "4"], ["2", "4"], ["2", ""]]
    back = page(api, f"/calls/{sandbox}.3?{refused}").select_one("[data-key=u]")
    assert back is not None
    assert str(back["href"]) == f"{UI}/calls?{refused}"


@pytest.mark.console(14)
def test_call_is_opened_directly_and_when_it_is_gone_the_page_says_why(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    assert text(page(api, f"/calls/{sandbox}.1"), "#verdict-title") == "200 OK"
    api.delete("/_mock/requests", params={"sandbox": sandbox})
    gone = page(api, f"/calls/{sandbox}.1", 410)
    assert text(gone, "h1") == "This call is gone"
    assert f"and call {sandbox}.1 with it." in gone.text
    api.delete(f"/_mock/sandboxes/{sandbox}")
    assert f"sandbox {sandbox} was deleted at" in page(api, f"/calls/{sandbox}.1", 410).text
    assert api.post(f"{UI}/calls/{sandbox}.1/send").status_code == 410
    for unknown in ("demo.999999", "nobody.1", "nonsense"):
        assert text(page(api, f"/calls/{unknown}", 404), "h1") == "There is nothing here"


def test_call_of_another_looks_like_nothing(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.get(WASHER, auth=AUTH)
    own = api.post("/_mock/sandboxes", json={"credential": "issued"}).json()
    visitor = {"Authorization": f"Bearer {own['control_token']}"}
    pages = [
        page(api, f"/calls/{call}", 404, headers=visitor) for call in (f"{sandbox}.1", "nobody-at-all.1")
    ]
    first, second = (text(one, "main") for one in pages)
    assert first.replace(sandbox, "NAME") == second.replace("nobody-at-all", "NAME")
    assert api.post(f"{UI}/calls/{sandbox}.1/send", headers=visitor).status_code == 404
    assert len(api.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"]) == 1


@pytest.mark.console(20)
def test_call_that_cannot_be_read_is_one_page_only() -> None:
    """As if the code of a user's own vendor failed on the call."""
    mock = app.build(names=["merchantpro"])
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as api,
    ):
        for _ in range(3):
            api.get(WASHER, auth=AUTH)
        broken = mock.sandboxes.get("demo").journal.entries()[1]
        broken.response = broken.request = None  # type: ignore[attr-defined]
        shown = page(api, "/calls/demo.2")
        assert "this call cannot be read" in text(shown, "h1")
        assert text(shown, ".verdict-text").startswith("The journal has this call, but cannot show it.")
        assert text(page(api, "/calls/demo.3"), "#verdict-title") == "200 OK"
        links = [str(link["href"]) for link in page(api, "/calls/demo.3").select(".call-nav .button")]
        assert links == [f"{UI}/calls/demo.2"]
        assert api.post(f"{UI}/calls/demo.2/send").status_code == 400
