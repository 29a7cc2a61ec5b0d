"""One call compared with another: differences are listed as text."""

from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup

from mockserver.console.pages.compare import MAX_LINES, compare
from tests.console.html import page

ONLY_LEFT = "\N{MINUS SIGN}"
LIST = "/products/inventory"
HEADERS = {"Version": "2021-07-28", "Authorization": "Bearer demo"}


def differences(shown: BeautifulSoup) -> dict[str, tuple[str, str]]:
    rows = (row.select("th, td") for row in shown.select(".differences tbody tr"))
    return {name.text: (left.text, right.text) for name, left, right in rows}


def body_lines(shown: BeautifulSoup, name: str) -> list[str]:
    (card,) = (card for card in shown.select(".card") if card.h2 and card.h2.text == name)
    return card.pre.text.rstrip("\n").split("\n")  # type: ignore[union-attr]


@pytest.fixture
def two(api: httpx.Client, client: httpx.Client, sandbox: str) -> str:
    """Make a call that is refused and one that is not, and return the query that compares them."""
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 1}).raise_for_status()
    assert client.get(LIST, params={"limit": "1", "old": "x"}, headers=HEADERS).status_code == 422
    wanted = {"limit": "2", "altId": "a"}
    assert client.get(LIST, params=wanted, headers=HEADERS | {"X-Extra": "1"}).status_code == 200
    return f"/compare?left={sandbox}.1&right={sandbox}.2"


@pytest.mark.console(19)
def test_differences_of_two_calls_are_listed_as_text(api: httpx.Client, two: str) -> None:
    shown = page(api, two)
    found = differences(shown)
    assert found.pop("why")[0].startswith("old (query): unknown parameter")
    assert found.pop("notes")[1].endswith("the live vendor refuses this call: altType (query): is missing")
    assert found == {
        "status": ("422 Unprocessable Entity", "200 OK"),
        "query parameter limit": ("1", "2"),
        "query parameter old": ("x", "none"),
        "query parameter altId": ("none", "a"),
        "request header x-extra": ("none", "1"),
        "remarks": ("query parameter old is not in the spec", "none"),
        "failed check": ("parameters", "none"),
    }
    lines = body_lines(shown, "Body of the response")
    assert lines[0] == "  {" and f'{ONLY_LEFT}   "statusCode": 422,' in lines
    assert '+   "inventory": [' in lines
    assert "Body of the request" not in shown.text, "both are empty"


@pytest.mark.console(19)
def test_two_calls_that_are_the_same(api: httpx.Client, client: httpx.Client, sandbox: str) -> None:
    for _ in range(2):
        client.get("/exchanges/inventory/9999", auth=("demo", "x"))
    shown = page(api, f"/compare?left={sandbox}.1&right={sandbox}.2")
    assert "The calls are the same" in shown.text
    assert not shown.select(".differences")


@pytest.mark.console(19)
def test_changed_line_of_a_body(api: httpx.Client, client: httpx.Client, sandbox: str) -> None:
    path = "/api/v2/inventory/id/10001"
    for body in ('{"stock": 3}', '{"stock":4}'):
        headers = {"Content-Type": "application/json"}
        client.patch(path, content=body, headers=headers, auth=("demo", "x")).raise_for_status()
    shown = page(api, f"/compare?left={sandbox}.1&right={sandbox}.2")
    assert body_lines(shown, "Body of the request") == [
        "  {", f'{ONLY_LEFT}   "stock": 3', '+   "stock": 4', "  }",
    ]  # fmt: skip
    assert differences(shown) == {"request header content-length": ("12", "11")}


def test_form_asks_for_two_calls(api: httpx.Client) -> None:
    for query in ("", "?left=demo.1", "?right=demo.1"):
        shown = page(api, "/compare" + query)
        assert len(shown.select("form input[required]")) == 2
        assert not shown.select("table")


def test_call_that_is_not_there(api: httpx.Client, two: str) -> None:
    gone = page(api, two.replace(".2", ".77"), 404)
    assert ["77" in error.text for error in gone.select(".error")] == [True]
    left, right = (str(one["value"]) for one in gone.select("form.compare input"))
    assert left.endswith(".1")
    assert right.endswith(".77")
    assert not gone.select(".differences")


def test_request_line_is_marked_nowhere_because_the_differences_list_it(api: httpx.Client, two: str) -> None:
    assert not page(api, two).select("p.before, p.after")


def call(body: str) -> dict[str, Any]:
    request = {"method": "GET", "target": "/", "headers": {}, "body": body}
    facts = dict.fromkeys(("sandbox", "vendor", "operation", "dialect", "engine", "evidence"), "x")
    return {
        "request": request,
        "response": {"status": 200, "headers": {}, "body": ""},
        "fault": None, "remarks": [], "notes": [], "changes": [], **facts,
        "explanation": {"check": None, "why": []},
    }  # fmt: skip


def test_bodies_that_are_written_in_another_way() -> None:
    found, ((what, lines, cut),) = compare(call('{"a": 1}'), call('{ "a":1 }'))
    assert (found, what, lines, cut) == ([], "body of the request", [], False)


def test_far_apart_changes_are_shown_with_their_surroundings() -> None:
    left = [str(number) for number in range(100)]
    right = [*left]
    right[10], right[80] = "ten", "eighty"
    _, (body,) = compare(call("\n".join(left)), call("\n".join(right)))
    marks = "".join(mark or "." for mark, _ in body.lines)
    assert marks == "   -+   .   -+   "


def test_long_bodies_are_cut() -> None:
    long = "\n".join(map(str, range(MAX_LINES + 5)))
    _, (body,) = compare(call(long), call("x\n" + long))
    assert body.cut and len(body.lines) < 20
