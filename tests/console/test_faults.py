"""The pages of a sandbox's fault rules: presets, a form for each fault, order, JSON."""

from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

from mockserver.console.presets import PRESETS, effect, how_often, meets
from mockserver.sandbox.faults import fault_types
from tests.console.html import UI, element, page, submit

WASHER = "/merchantpro/api/v2/inventory/id/10001"


def path(sandbox: str, more: str = "") -> str:
    return f"/sandboxes/{sandbox}/faults{more}"


def rules(client: httpx.Client, sandbox: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/_mock{path(sandbox)}").json()["faults"]
    return found


def rows(client: httpx.Client, sandbox: str) -> list[list[str]]:
    """Return the cells of the table of rules, as texts without their buttons."""
    found = [row.select("td, th")[:5] for row in page(client, path(sandbox)).select("#rules tbody tr")]
    return [[" ".join(cell.get_text(" ", strip=True).split()) for cell in row] for row in found]


def button(client: httpx.Client, sandbox: str, label: str) -> httpx.Response:
    """Press a button of a rule."""
    found = page(client, path(sandbox)).select_one(f"button[aria-label='{label}']")
    assert found is not None
    form = found.find_parent("form")
    assert form is not None
    return submit(client, form)


def form(client: httpx.Client, address: str) -> Tag:
    return element(page(client, address))


def preset(client: httpx.Client, sandbox: str, name: str) -> httpx.Response:
    found = page(client, path(sandbox)).select_one(f"button[name=preset][value='{name}']")
    assert found is not None
    chosen = found.find_parent("form")
    assert chosen is not None
    return submit(client, chosen, preset=name)


@pytest.mark.console(23)
def test_preset_503_twice_fails_two_calls_and_shows_it(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    preset(api, sandbox, "503 twice")
    assert rows(api, sandbox) == [["1", "status 503", "every call", "2 times at most", "0 of 2"]]
    auth = (f"sbx_{sandbox}", "x")
    assert [api.get(WASHER, auth=auth).status_code for _ in range(3)] == [503, 503, 200]
    assert rows(api, sandbox)[0][4] == "2 of 2 finished"


@pytest.mark.parametrize("name", [one.name for one in PRESETS])
def test_every_preset_is_a_rule_that_the_control_api_takes(
    api: httpx.Client, sandbox: str, name: str
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    added = preset(api, sandbox, name)
    assert "The rule has been added" in api.get(added.headers["Location"]).text
    (rule,) = rules(api, sandbox)
    (row,) = rows(api, sandbox)
    assert row[1:4] == [effect(rule), meets(rule), how_often(rule)]


def test_unknown_preset_is_refused(api: httpx.Client) -> None:
    assert api.post(UI + path("demo"), data={"preset": "everything"}).status_code == 400


@pytest.mark.parametrize("name", fault_types())
def test_form_has_the_fields_of_the_fault(api: httpx.Client, sandbox: str, name: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    listed = page(api, path(sandbox))
    link = next(a for a in listed.select("main a") if a.code and a.code.text == name)
    found = form(api, str(link["href"]).removeprefix(UI))
    fields = {str(one["name"]) for one in found.select("[name^='fault.']")}
    assert fields == {f"fault.{one}" for one in fault_types()[name].__struct_encode_fields__}


FORMS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "status": ({"fault.status": "418"}, {"type": "status", "status": 418}),
    "reset": ({}, {"type": "reset"}),
    "problem": ({"fault.kind": "not_found"}, {"type": "problem", "kind": "not_found"}),
    "compressed": ({"fault.broken": "true"}, {"type": "compressed", "broken": True}),
    "truncated_body": ({"fault.part": "0.25"}, {"type": "truncated_body", "part": 0.25}),
    "response": (
        {"fault.status": "502", "fault.headers": '{"Server": "nginx"}', "fault.body": "<h1>Bad Gateway</h1>"},
        {"type": "response", "status": 502, "headers": {"Server": "nginx"}, "body": "<h1>Bad Gateway</h1>"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "typed", "fault"), [(name, *one) for name, one in FORMS.items()])
def test_form_makes_the_rule_that_was_typed(
    api: httpx.Client, sandbox: str, name: str, typed: dict[str, str], fault: dict[str, Any]
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    values = {
        "vendor": "merchantpro", "operation": "get-inventory", "path": '{"identifier": "10001"}',
        "times": "3", "after": "1", "every": "2", "probability": "0.5", "from": "2026-01-02T03:04:05",
        "delay": "0.2",
    }  # fmt: skip
    submit(api, form(api, path(sandbox, f"/new?fault={name}")), **values, **typed)
    (rule,) = rules(api, sandbox)
    assert rule.pop("fault") == fault
    assert rule == {
        "vendor": "merchantpro", "operation": "get-inventory", "path": {"identifier": "10001"}, "times": 3,
        "after": 1, "every": 2, "probability": 0.5, "from": "2026-01-02T03:04:05Z", "fired": 0,
        "delay": {"type": "fixed", "seconds": 0.2},
    }  # fmt: skip
    assert rows(api, sandbox)[0][2:4] == [
        "merchantpro, get-inventory, path identifier = 10001",
        "after 1 call, one call in 2, with probability 0.5, from 2026-01-02T03:04:05Z, 3 times at most",
    ]


def test_page_of_a_rule_that_has_been_removed_says_so(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    gone = page(api, path(sandbox, "/7"), 404)
    assert "The rule is no longer there." in gone.text
    assert element(gone, ".empty a")["href"] == f"{UI}{path(sandbox)}"


@pytest.mark.console(22)
@pytest.mark.parametrize(
    ("fault", "field", "typed", "message"),
    [
        ("status", "fault.status", "", "must not be empty"),
        ("status", "fault.status", "700", "must be at most 599, not 700"),
        ("truncated_body", "fault.part", "half", "must be a number, such as 12 or 12.50, not half"),
        ("response", "fault.headers", '{"Server" "nginx"}', "line 1: expected ':'"),
        ("response", "fault.body", '{\n"a": 1\n"b": 2}', "line 3: expected ',' or '}'"),
        ("reset", "times", "-1", "must be at least 0, not -1"),
        ("reset", "path", "[]", "must be an object"),
        ("none", "delay", "61", "must be at most 60, not 61"),
    ],
)
def test_wrong_value_is_refused_at_its_field(
    api: httpx.Client, sandbox: str, fault: str, field: str, typed: str, message: str
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    others = {"fault.status": "503"} if fault in ("status", "response") else {}
    refused = submit(api, form(api, path(sandbox, f"/new?fault={fault}")), **{**others, field: typed})
    assert refused.status_code == 400
    found = BeautifulSoup(refused.text, "html.parser")
    at = found.find(attrs={"name": field})
    assert isinstance(at, Tag)
    about = found.find(id=str(at.get("aria-describedby")))
    assert about is not None
    assert message in about.text
    assert at.get("value", at.text) == typed
    assert rules(api, sandbox) == []


def test_rule_leads_to_the_calls_of_its_kind(api: httpx.Client, sandbox: str) -> None:
    rule = {"fault": 503, "vendor": "merchantpro", "operation": "get-inventory", "after": 9}
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [rule, 504]})
    api.get(WASHER, auth=(f"sbx_{sandbox}", "x"))
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 3})
    links = [str(a["href"]) for a in page(api, path(sandbox)).select("#rules td a")]
    assert [httpx.URL(link).params["sandbox"] for link in links] == [sandbox] * 2
    (row,) = page(api, links[0].removeprefix(UI)).select("main tbody tr")
    assert "GET" in row.text


def test_rule_is_edited_in_its_place_and_others_keep_their_counts(api: httpx.Client, sandbox: str) -> None:
    faults = [{"fault": 503, "times": 1}, {"fault": {"type": "response", "status": 500, "body": {"a": [1]}}}]
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": faults})
    assert api.get(WASHER, auth=(f"sbx_{sandbox}", "x")).status_code == 503
    edit = form(api, path(sandbox, "/2"))
    submit(api, edit, **{"fault.status": "501"})
    first, second = rules(api, sandbox)
    assert first["fired"] == 1
    assert second["fault"] == {"type": "response", "status": 501, "body": {"a": [1]}}
    api.put(f"/_mock{path(sandbox)}", json=[])
    assert submit(api, edit).status_code == 404  # the rule that was shown is no longer there
    assert rules(api, sandbox) == []


def test_rules_are_moved_and_removed_and_the_others_keep_their_counts(
    api: httpx.Client, sandbox: str
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [{"fault": 503, "times": 1}, 501, 502]})
    auth = (f"sbx_{sandbox}", "x")
    assert [api.get(WASHER, auth=auth).status_code for _ in range(2)] == [503, 501]
    button(api, sandbox, "Move rule 3 up")
    assert [row[1] for row in rows(api, sandbox)] == ["status 503", "status 502", "status 501"]
    assert [rule["fired"] for rule in rules(api, sandbox)] == [1, 0, 1]
    button(api, sandbox, "Remove rule 1")
    assert [rule["fired"] for rule in rules(api, sandbox)] == [0, 1]


def test_button_removes_the_rule_that_was_shown_even_if_others_have_come_before_it(
    api: httpx.Client, sandbox: str
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [503]})
    shown = page(api, path(sandbox)).select_one("form[action$=remove]")
    assert shown is not None
    api.put(f"/_mock{path(sandbox)}", json=[501, 503])
    submit(api, shown)
    assert [rule["fault"]["status"] for rule in rules(api, sandbox)] == [501]


def test_all_rules_are_edited_as_json(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [{"fault": 503, "times": 1}]})
    api.get(WASHER, auth=(f"sbx_{sandbox}", "x"))
    text = '[504, {"fault": {"type": "status", "status": 503}, "times": 1}]'
    submit(api, form(api, path(sandbox, "/json")), rules=text)
    assert [rule["fired"] for rule in rules(api, sandbox)] == [0, 1]


@pytest.mark.console(22)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[\n  503,\n  "rest"\n]', "line 3: 1 must be one of"),
        ("[503\n504]", "line 2: expected ',' or ']'"),
        ("{}", "must be a list"),
    ],
)
def test_wrong_json_is_refused_with_its_line(
    api: httpx.Client, sandbox: str, text: str, message: str
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [503]})
    refused = submit(api, form(api, path(sandbox, "/json")), rules=text)
    assert refused.status_code == 400
    found = BeautifulSoup(refused.text, "html.parser")
    assert message in found.select_one("#field-rules-about").text  # type: ignore[union-attr]
    assert found.textarea.text == text  # type: ignore[union-attr]
    assert len(rules(api, sandbox)) == 1


@pytest.mark.console(28)
def test_removing_all_rules_asks_first(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [503, 504]})
    asks = form(api, path(sandbox, "/clear"))
    assert "2 rules and their counts are lost" in asks.text
    assert len(rules(api, sandbox)) == 2
    submit(api, asks)
    assert rules(api, sandbox) == []


def test_page_of_a_rule_that_is_not_there_is_404(api: httpx.Client) -> None:
    for more in ("/9", "/0", "/new?fault=nothing"):
        assert page(api, path("demo", more), 404)
