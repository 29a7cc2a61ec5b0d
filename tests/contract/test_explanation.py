"""Explanations are in words: they show no Python."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mockserver.client import Sandbox
from mockserver.contract.openapi.body_types import FORM
from mockserver.embedding.pytest_plugin.fixtures import RunningServer

WASHER = "/api/v2/inventory/id/10001"
PYTHON = re.compile(r"""\{'|\['|: '|, '|Decimal|None|True|False|<class|object at 0x""")
BODIES: dict[str, tuple[str, list[str], list[str]]] = {
    "neither alternative": (
        '{"stock": "x"}',
        ['stock (body): must be a whole number from 0 to 1,000,000,000, or {"adjust_by": whole number from'
         " -1,000,000,000 to 1,000,000,000}"],
        ['change body stock: it must be a whole number from 0 to 1,000,000,000, or {"adjust_by": whole number'
         " from -1,000,000,000 to 1,000,000,000}"],
    ),
    "an alternative without its field": (
        '{"stock": {}}',
        ["stock.adjust_by (body): is missing: send a whole number from -1,000,000,000 to 1,000,000,000"],
        ["send body stock.adjust_by: a whole number from -1,000,000,000 to 1,000,000,000"],
    ),
    "a fraction": (
        '{"stock": {"adjust_by": 1.50}}',
        ["stock.adjust_by (body): must be a whole number, not 1.50"],
        ["change body stock.adjust_by: it must be a whole number, not 1.50"],
    ),
    "an unknown field": (
        '{"prise_net": null}',
        ["prise_net (body): unknown field: use one of price_net, old_price_net, price_gross, "],
        ["rename body prise_net to price_net"],
    ),
    "a wrong choice": (
        '{"inventory_enabled": "of"}',
        ["inventory_enabled (body): must be one of on, off, not of; did you mean off?"],
        ["change body inventory_enabled: it must be one of on, off, not of; did you mean off?"],
    ),
    "null": (
        '{"stock": null}',
        ["stock (body): must be a whole number from 0 to 1,000,000,000, or"],
        ["change body stock: it must be a whole number from 0 to 1,000,000,000, or "
         '{"adjust_by": whole number from -1,000,000,000 to 1,000,000,000}'],
    ),
    "a boolean": (
        '{"price_net": true}',
        ["price_net (body): must be a number, not true"],
        ["change body price_net: it must be a number, not true"],
    ),
    "a list": ("[]", ["body: must be an object"], ["change body: it must be an object"]),
}  # fmt: skip


@pytest.mark.finding("B11")
@pytest.mark.parametrize(("body", "why", "change"), BODIES.values(), ids=BODIES)
def test_explanation_of_a_body_is_in_words(
    client: httpx.Client, api: httpx.Client, sandbox: str, body: str, why: list[str], change: list[str]
) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.patch(WASHER, content=body, headers=headers, auth=("demo", "x")).status_code == 400
    (entry,) = api.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"]
    explanation = api.get(f"/_mock/requests/{entry['id']}").json()["explanation"]
    shown = explanation["why"] + explanation["smallest_change"]
    assert not [text for text in shown if PYTHON.search(text)]
    assert all(got.startswith(expected) for got, expected in zip(explanation["why"], why, strict=True))
    assert explanation["smallest_change"] == change


NOT_JSON = {
    b'{"stock": x}': "line 1, column 11: invalid character",
    b'{\n  "stock": 3,\n}': "line 3, column 1: trailing comma in object",
    b'{"stock": 3': "line 1, column 12: it ends too early",
    "{\"é\": '3'}".encode(): "line 1, column 7: invalid character",
    b'{"stock": "\xff"}': "line 1, column 12: not UTF-8",
}


@pytest.mark.parametrize("body", NOT_JSON, ids=NOT_JSON.values())
def test_body_that_is_not_json_is_refused_by_the_check_body_which_says_where(
    client: httpx.Client, api: httpx.Client, sandbox: str, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.patch(WASHER, content=body, headers=headers, auth=("demo", "x"))
    assert "The request body is not valid JSON" in answer.text
    explanation = api.get(f"/_mock/requests/{sandbox}.1").json()["explanation"]
    assert explanation["check"] == "body"
    assert explanation["why"] == [f"body: not valid JSON at {NOT_JSON[body]}"]
    (edit,) = explanation["edits"]
    assert (edit["place"], edit["name"], edit["origin"]) == ("body", "", "example")


def test_query_that_is_not_utf8_is_refused_by_the_check_parameters(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.get(f"{WASHER}?fields=%FF", auth=("demo", "x"))
    explanation = api.get(f"/_mock/requests/{sandbox}.1").json()["explanation"]
    assert (explanation["check"], explanation["why"]) == ("parameters", ["query: not UTF-8"])


def test_advice_is_a_call_that_works(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    assert client.get("/api/v2/inventory/id/7", auth=("demo", "x")).status_code == 404
    (entry,) = api.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"]
    (change,) = api.get(f"/_mock/requests/{entry['id']}").json()["explanation"]["smallest_change"]
    path = change.partition("use a key that the sandbox has: GET ")[2]
    assert path == f"/_mock/sandboxes/{sandbox}/records/merchantpro/inventory"
    assert api.get(path).json()["total"] > 0


def strings(value: Any) -> Iterator[str]:
    """Yield all strings in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


HOSTILE = ["", "x", "-1", "1.5", "null", "true", ",", "1e400", "é"]


@pytest.mark.finding("B11")
@pytest.mark.parametrize("value", HOSTILE)
def test_no_error_about_a_parameter_shows_python(
    client: httpx.Client, api: httpx.Client, sandbox: str, value: str
) -> None:
    highlevel = {"Authorization": "Bearer demo", "Version": "v3"}
    sabi = {"Authorization": "Bearer demo", "tenantId": "t"}
    names = ("limit", "offset", "altType", "page", "order", "productActive", "productDateRange")
    client.get("/products/inventory", params=dict.fromkeys(names, value), headers=highlevel)
    client.get("/api/v1/products", params=dict.fromkeys(names, value), headers=sabi)
    client.get("/api/v2/inventory/id/1", params={"fields": value}, auth=("demo", "x"))
    for entry in api.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"]:
        explained = api.get(f"/_mock/requests/{entry['id']}").json()
        texts = [*strings(explained["explanation"]["why"]), *explained["explanation"]["smallest_change"],
                 *explained["remarks"], explained["response"]["body"]]  # fmt: skip
        assert not [text for text in texts if PYTHON.search(text)]
    for path in ("requests", "sandboxes/demo/records/sabi/products"):
        answer = api.get(f"/_mock/{path}", params=dict.fromkeys(names, value))
        assert not PYTHON.search(answer.json()["message"])


@pytest.mark.parametrize("number", ["1e999999999", "-1e999999999", "1e-999999999", "1e400", "9" * 400])
@pytest.mark.parametrize("as_text", [False, True])
def test_huge_number_has_an_explanation(
    client: httpx.Client, api: httpx.Client, sandbox: str, number: str, as_text: bool
) -> None:
    """A mend must not write out the digits of such a number: they fit in no memory."""
    body = '{"stock": {"adjust_by": %s}}' % (f'"{number}"' if as_text else number)
    headers = {"Content-Type": "application/json"}
    assert client.patch(WASHER, content=body, headers=headers, auth=("demo", "x")).status_code == 400
    (call,) = api.get("/_mock/requests", params={"sandbox": sandbox, "limit": 1}).json()["requests"]
    explanation = api.get(f"/_mock/requests/{call['id']}").json()["explanation"]
    assert explanation["check"] == "body"
    assert explanation["edits"]


NOT_OPEN = {
    "shoplazza's shop": ("GET", "/openapi/2022-01/products/count", {"Host": "inactive.myshoplazza.com"}, ""),
    "shoplazza's shop, for a token": (
        "POST", "/admin/oauth/token", {"Host": "inactive.myshoplazza.com", "Content-Type": FORM},
        "client_id=a&client_secret={}&grant_type=authorization_code&code=demo",
    ),
    "highlevel's location": (
        "GET", "/products/inventory?altId=inactiveLocation0001", {"Host": "highlevel.example"}, "",
    ),
    "highlevel's location, of others": (
        "GET", "/products/inventory?altId=anotherLocation00001", {"Host": "highlevel.example"}, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_OPEN)
def test_credential_that_opens_the_sandbox_is_not_what_has_to_change(
    mock_sandbox: Sandbox, mockserver: RunningServer, name: str
) -> None:
    method, target, headers, body = NOT_OPEN[name]
    access = mock_sandbox.vendors[name.partition("'")[0]]
    sent = {**access.headers, **headers}
    content = body.format(mock_sandbox.credential)
    response = httpx.request(method, mockserver.url + target, headers=sent, content=content)
    assert response.status_code in (401, 403)
    (call,) = mock_sandbox.requests
    explained = mock_sandbox.requests.explain(call)
    assert explained.why[0] in response.text
    assert (explained.check, explained.smallest_change) == ("rules", ())
