"""The page of a sandbox's dialect: what differs, and the choice for each vendor."""

import httpx
from bs4 import Tag

from tests.console.html import element, page, submit


def form(client: httpx.Client, sandbox: str) -> Tag:
    return element(page(client, f"/sandboxes/{sandbox}/dialect"))


def selected(client: httpx.Client, sandbox: str, vendor: str) -> str:
    choice = form(client, sandbox).select_one(f"select[name='{vendor}'] option[selected]")
    assert choice is not None
    return str(choice["value"])


def dialect(client: httpx.Client, sandbox: str) -> str:
    return str(client.get(f"/_mock/sandboxes/{sandbox}").json()["dialect"])


def test_dialect_of_one_vendor_is_chosen(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    assert selected(api, sandbox, "highlevel") == "documented"
    done = submit(api, form(api, sandbox), highlevel="observed")
    assert "Dialect saved. It applies from the next call." in api.get(done.headers["Location"]).text
    assert dialect(api, sandbox) == "highlevel=observed"
    assert selected(api, sandbox, "highlevel") == "observed"
    assert "mixed" in page(api, f"/sandboxes/{sandbox}").text


def test_vendors_without_differences_keep_their_dialect(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "dialect": "observed"})
    submit(api, form(api, sandbox), highlevel="documented")
    assert dialect(api, sandbox) == "observed,highlevel=documented"
    submit(api, form(api, sandbox), highlevel="observed")
    assert dialect(api, sandbox) == "observed"


def test_new_sandbox_can_have_a_dialect(api: httpx.Client, sandbox: str) -> None:
    submit(api, element(page(api, "/new-sandbox")), name=sandbox, dialect="observed")
    assert dialect(api, sandbox) == "observed"


def test_pages_say_what_differs_and_which_dialect_answers(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "dialect": "highlevel=observed"})
    for path in (f"/sandboxes/{sandbox}/dialect", "/docs/highlevel"):
        assert "is a list" in page(api, path).text
    operation = page(api, f"/docs/highlevel/get-list-inventory?sandbox={sandbox}").text
    assert "Your sandbox uses observed here" in operation
    assert "is a list" in operation
    of_vendor = page(api, f"/docs/highlevel?sandbox={sandbox}").text
    assert "Your sandbox uses observed here" in of_vendor
    assert "Your sandbox uses" not in page(api, f"/docs/merchantpro?sandbox={sandbox}").text
    assert "documented, unless a sandbox has chosen another" in page(api, "/about").text
    assert "dialect highlevel=observed" in page(api, f"/?sandbox={sandbox}").text
    headers = {"Authorization": f"Bearer sbx_{sandbox}", "Version": "v3"}
    api.get("/products/inventory?altId=x&altType=location&limit=1", headers=headers)
    (call,) = api.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"]
    facts = page(api, f"/calls/{call['id']}").text
    assert "Dialect" in facts
    assert "observed" in facts
