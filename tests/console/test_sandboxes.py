"""The pages about sandboxes: list, make, fork, reset, export, import and delete."""

import json

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

import mockserver
from tests.browser.console_pages import PAGES
from tests.console.html import UI, element, page, submit

OF_A_SANDBOX = [
    address
    for addresses in PAGES.values()
    for address in addresses
    if address.startswith("/sandboxes/{sandbox}")
]
WASHER = "/merchantpro/api/v2/inventory/id/10001"


def form(client: httpx.Client, path: str, status: int = 200) -> Tag:
    """Return the form of a page, which is not the one that searches."""
    return element(page(client, path, status), "main form[method=post]")


def stock(client: httpx.Client, credential: str) -> int:
    return int(client.get(WASHER, auth=(credential, "x")).json()["stock"])


def test_list_shows_each_sandbox_and_finds_one(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "frozen": "2026-01-02T03:04:05Z"})
    listed = page(api, f"/sandboxes?q={sandbox.upper()}")
    (row,) = listed.select("tbody tr")
    assert row.select_one("th a")["href"] == f"{UI}/sandboxes/{sandbox}"  # type: ignore[index]
    text = row.get_text(" ", strip=True)
    assert "frozen" in text
    assert "2 Jan 2026, 03:04:05 UTC" in text
    assert "in 1 day" in text
    assert "1 sandbox" in listed.text
    nothing = page(api, "/sandboxes?q=nothing-like-this")
    assert "No sandbox has “nothing-like-this” in its name" in nothing.text


def test_list_has_pages(api: httpx.Client, sandbox: str) -> None:
    for number in range(51):
        api.post("/_mock/sandboxes", json={"name": f"{sandbox}-{number:02}"})
    first = page(api, f"/sandboxes?q={sandbox}")
    assert len(first.select("tbody tr")) == 50
    more = first.select_one("a[rel=next]")
    assert more is not None
    second = page(api, str(more["href"]).removeprefix(UI))
    assert [row.a.text for row in second.select("tbody tr")] == [f"{sandbox}-50"]  # type: ignore[union-attr]
    assert second.select_one("a[rel=next]") is None


def test_list_offers_to_search_if_it_has_more_than_a_page() -> None:
    with mockserver.serve(products=20) as server, httpx.Client(base_url=server.url) as api:
        own = api.post("/_mock/sandboxes", json={"name": "one-01"}).json()
        for number in range(2, 50):
            api.post("/_mock/sandboxes", json={"name": f"one-{number:02}"})
        listed = page(api, "/sandboxes")
        assert len(listed.select("tbody tr")) == 50
        assert not listed.select("#q")
        api.post("/_mock/sandboxes", json={"name": "one-50"})
        more = str(element(page(api, "/sandboxes"), "a[rel=next]")["href"])
        for searchable in ("/sandboxes", more.removeprefix(UI), "/sandboxes?q=one-01"):
            assert page(api, searchable).select("#q"), searchable
        visitor = {"Authorization": f"Bearer {own['control_token']}"}
        alone = page(api, "/sandboxes", headers=visitor)
        assert "1 sandbox" in alone.text
        assert not alone.select("#q")


def test_new_sandbox_is_made_with_all_that_was_typed(api: httpx.Client, sandbox: str) -> None:
    values = {
        "name": sandbox, "seed": "7", "products": "12", "ttl": "3600", "frozen": "2026-01-02T03:04:05",
        "credential": "issued", "limits": "true", "faults": '[{"fault": 503, "times": 2}]',
    }  # fmt: skip
    made = submit(api, form(api, "/new-sandbox"), **values)
    assert made.status_code == 200
    shown = BeautifulSoup(made.text, "html.parser")
    token = shown.select_one("#control-token").text  # type: ignore[union-attr]
    found = api.get(f"/_mock/sandboxes/{sandbox}", headers={"Authorization": f"Bearer {token}"}).json()
    assert (found["seed"], found["products"]) == (7, 12)
    assert found["clock"] == {"now": "2026-01-02T03:04:05.000Z", "frozen": True}
    assert shown.select_one("#credential").text == found["credential"]  # type: ignore[union-attr]
    assert found["credential"] != f"sbx_{sandbox}"
    assert api.get(f"/_mock/sandboxes/{sandbox}/limits").json()["enabled"]
    (rule,) = api.get(f"/_mock/sandboxes/{sandbox}/faults").json()["faults"]
    assert rule["times"] == 2
    assert token not in api.get(f"{UI}/sandboxes/{sandbox}").text


@pytest.mark.console(22)
@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("name", "a/b", "must match"),
        ("products", "many", "must be a number, such as 12 or 12.50, not many"),
        ("products", "0", "must be at least 1, not 0"),
        ("faults", '[{"fault": 503}\n {"delay": 1}]', "line 2: expected ',' or ']'"),
        (
            "faults",
            '[\n  503,\n  {"fault": {"type": "reset"},\n   "time": 2}\n]',
            "line 4: 1.time is not known",
        ),
    ],
)
def test_refused_form_keeps_what_was_typed(
    api: httpx.Client, sandbox: str, field: str, typed: str, message: str
) -> None:
    values = {"name": sandbox, "seed": "7", field: typed}
    refused = submit(api, form(api, "/new-sandbox"), **values)
    assert refused.status_code == 400
    shown = BeautifulSoup(refused.text, "html.parser")
    at = shown.select_one(f"[name={field}]")
    assert at is not None
    assert at["aria-invalid"] == "true"
    assert message in shown.select_one(f"#{at['aria-describedby']}").text  # type: ignore[union-attr]
    assert str(at.get("value", at.text)) == typed
    assert shown.select_one("[name=seed]")["value"] == "7"  # type: ignore[index]
    assert "Nothing was saved" in shown.select_one("[role=alert]").text  # type: ignore[union-attr]
    assert api.get(f"/_mock/sandboxes/{sandbox}").status_code == 404


def test_name_that_is_taken_is_refused_above_the_form(api: httpx.Client) -> None:
    refused = submit(api, form(api, "/new-sandbox"), name="demo")
    assert refused.status_code == 409
    assert "there is already a sandbox demo" in refused.text


def test_page_of_a_sandbox_has_what_a_client_needs(api: httpx.Client, sandbox: str) -> None:
    made = api.post("/_mock/sandboxes", json={"name": sandbox}).json()
    shown = page(api, f"/sandboxes/{sandbox}")
    text = shown.get_text(" ", strip=True)
    for access in made["credentials"].values():
        assert access["base_url"] in text
        for name, value in access["headers"].items():
            assert f"{name}: {value}" in text


def test_page_of_a_missing_sandbox_offers_to_make_it(api: httpx.Client, sandbox: str) -> None:
    missing = page(api, f"/sandboxes/{sandbox}", 404)
    link = next(a for a in missing.select("main a") if a.text == "Create it")
    assert form(api, str(link["href"]).removeprefix(UI)).select_one("[name=name]")["value"] == sandbox  # type: ignore[index]


@pytest.mark.parametrize("address", [*OF_A_SANDBOX, "/?sandbox={sandbox}", "/docs/sabi?sandbox={sandbox}"])
def test_no_page_is_about_a_missing_sandbox(api: httpx.Client, sandbox: str, address: str) -> None:
    missing = page(api, address.format(sandbox=sandbox, snapshot="x"), 404)
    assert element(missing, "main h1").text == "No such sandbox"
    assert [a.text for a in missing.select("main a")] == ["Create it", "See all sandboxes"]
    assert not [a for a in missing.select(".side a") if sandbox in str(a["href"])]


@pytest.mark.parametrize(("address", "status"), [("/calls", 404), ("/docs", 200), ("/import", 200)])
def test_navigation_of_a_page_names_no_missing_sandbox(
    api: httpx.Client, sandbox: str, address: str, status: int
) -> None:
    shown = page(api, f"{address}?sandbox={sandbox}", status)
    assert [nav["aria-label"] for nav in shown.select(".side nav")] == ["Console"]


def test_a_visitor_of_one_sandbox_is_shown_the_pages_of_her_own(api: httpx.Client, sandbox: str) -> None:
    own = api.post("/_mock/sandboxes", json={"name": sandbox}).json()
    token = {"Authorization": f"Bearer {own['control_token']}"}
    for other in ("demo", f"{sandbox}-x"):
        shown = page(api, f"/sandboxes/{other}/data", 404, headers=token)
        assert [a.text for a in shown.select("main a")] == ["See all sandboxes"]
        assert [nav["aria-label"] for nav in shown.select(".side nav")] == ["Console", f"Sandbox {sandbox}"]
        assert not shown.select("[aria-current]")


def test_what_a_sandbox_lacks_leaves_its_pages_in_the_navigation(api: httpx.Client) -> None:
    shown = page(api, "/sandboxes/demo/data/sabi/products/nothing", 404)
    assert element(shown, "main h1").text == "There is nothing here"
    assert [nav["aria-label"] for nav in shown.select(".side nav")] == ["Console", "Sandbox demo"]


def test_fork_has_the_same_records(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    api.patch(f"/_mock/sandboxes/{sandbox}/records/merchantpro/inventory/10001", json={"stock": 3})
    forked = submit(api, form(api, f"/sandboxes/{sandbox}/fork"), name=f"{sandbox}-2")
    assert "Sandbox " + sandbox + "-2 is ready" in BeautifulSoup(forked.text, "html.parser").h1.text  # type: ignore[union-attr]
    assert stock(api, f"sbx_{sandbox}-2") == 3


@pytest.mark.console(27)
@pytest.mark.parametrize("way", ["file", "text"])
def test_export_delete_and_import_bring_back_the_same(api: httpx.Client, sandbox: str, way: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 3})
    overview = page(api, f"/sandboxes/{sandbox}")
    link = next(a for a in overview.select("main a") if a.text == "Export")
    assert link["download"] == f"{sandbox}.json"
    document = api.get(str(link["href"])).content
    deleted = submit(api, form(api, f"/sandboxes/{sandbox}/delete"))
    assert deleted.headers["Location"].startswith(UI + "/sandboxes?")
    assert api.get(f"/_mock/sandboxes/{sandbox}").status_code == 404
    fields = {"sandbox": sandbox, "document": document.decode() if way == "text" else ""}
    file = {"file": ("saved.json", document) if way == "file" else ("", b"")}
    to = form(api, f"/import?sandbox={sandbox}")
    assert to["enctype"] == "multipart/form-data"
    imported = api.post(str(to["action"]), data=fields, files=file)
    assert f"Sandbox {sandbox} is ready" in imported.text
    assert stock(api, f"sbx_{sandbox}") == 3


@pytest.mark.console(27)
@pytest.mark.parametrize("way", ["file", "text"])
def test_document_of_several_megabytes_is_imported(api: httpx.Client, sandbox: str, way: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    document = api.get(f"/_mock/sandboxes/{sandbox}/export").json()
    shops = [{"shopdomain": f"shop-{number}-{'x' * 1000}", "active": True} for number in range(2000)]
    document["records"] = {"shoplazza": {"shops": {"changed": {}, "added": shops, "deleted": []}}}
    text = json.dumps(document)
    fields = {"sandbox": sandbox, "document": text if way == "text" else ""}
    file = {"file": ("saved.json", text.encode()) if way == "file" else ("", b"")}
    done = api.post(f"{UI}/import", data=fields, files=file)
    assert done.status_code == 303
    assert api.get(f"/_mock/sandboxes/{sandbox}").json()["changes"] == 2000


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "must not be empty"),
        ('{\n"format": 1,\n', "line 3: the JSON ends too early"),
        ("{}", "line 1: format is missing"),
        ('{"format": "mockserver sandbox",\n"version": 2}', "line 2: version must be 1, not 2"),
    ],
)
def test_refused_import_changes_nothing(api: httpx.Client, sandbox: str, document: str, message: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 3})
    refused = submit(api, form(api, f"/import?sandbox={sandbox}"), document=document)
    assert refused.status_code == 400
    shown = BeautifulSoup(refused.text, "html.parser")
    assert message in shown.text
    assert shown.select_one("textarea").text == document  # type: ignore[union-attr]
    assert stock(api, f"sbx_{sandbox}") == 3


def test_import_into_a_sandbox_that_is_there_replaces_its_records(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    document = api.get(f"/_mock/sandboxes/{sandbox}/export").text
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 3})
    done = submit(api, form(api, f"/import?sandbox={sandbox}"), document=document)
    assert "The document has been imported." in api.get(done.headers["Location"]).text
    assert stock(api, f"sbx_{sandbox}") == 10


@pytest.mark.console(28)
@pytest.mark.parametrize("action", ["reset", "delete"])
def test_reset_and_delete_ask_first_and_name_what_is_lost(
    api: httpx.Client, sandbox: str, action: str
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    api.put(f"/_mock/sandboxes/{sandbox}/snapshots/before-the-sale")
    api.patch(WASHER, auth=(f"sbx_{sandbox}", "x"), json={"stock": 3})
    question = page(api, f"/sandboxes/{sandbox}/{action}")
    text = question.main.get_text(" ", strip=True)  # type: ignore[union-attr]
    assert ("1 changed record" if action == "delete" else "the changes to 1 record since then") in text
    assert (
        "1 snapshot" if action == "delete" else "The list of calls stays, and so does 1 snapshot."
    ) in text
    cancel = question.select_one("[data-cancel]")
    assert cancel is not None
    assert cancel["href"] == f"{UI}/sandboxes/{sandbox}"
    assert stock(api, f"sbx_{sandbox}") == 3  # to ask has changed nothing
    submit(api, form(api, f"/sandboxes/{sandbox}/{action}"))
    found = api.get(f"/_mock/sandboxes/{sandbox}")
    if action == "delete":
        assert found.status_code == 404
    else:
        assert (found.json()["changes"], found.json()["snapshots"]) == (0, ["before-the-sale"])


def test_control_token_sees_only_its_own_sandbox(api: httpx.Client, sandbox: str) -> None:
    made = api.post("/_mock/sandboxes", json={"name": sandbox}).json()
    own = {"Authorization": f"Bearer {made['control_token']}"}
    listed = page(api, "/sandboxes", headers=own)
    assert [row.a.text for row in listed.select("tbody tr")] == [sandbox]  # type: ignore[union-attr]
    for path in ("", "/reset", "/delete", "/fork"):
        assert page(api, f"/sandboxes/demo{path}", 404, headers=own)
    assert api.post(f"{UI}/new-sandbox", data={"name": f"{sandbox}-2"}, headers=own).status_code == 403


def test_page_links_to_new_sandboxes_only_for_who_may_make_them(api: httpx.Client, sandbox: str) -> None:
    made = api.post("/_mock/sandboxes", json={"name": sandbox}).json()
    own = {"Authorization": f"Bearer {made['control_token']}"}
    for path, status in (("", 200), (f"/{sandbox}", 200), (f"/{sandbox}-2", 404)):
        for headers, linked in ((own, False), ({}, True)):
            shown = page(api, f"/sandboxes{path}", status, headers=headers)
            links = shown.select('a[href*="/new-sandbox"], a[href$="/fork"]')
            assert bool(links) == linked, (path, headers)
