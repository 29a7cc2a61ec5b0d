"""Notes in the journal about what the live vendor does otherwise with a call."""

from typing import Any

import httpx
import pytest

LIST = "/products/inventory?altId=x&altType=location&limit=1"
TOTAL = 'the live vendor sends `total` as a list, such as [{"total": 100}]'
HEADERS = {"Version": "2021-07-28"}


def entry(api: httpx.Client, sandbox: str, path: str = LIST, **more: Any) -> dict[str, Any]:
    """Call HighLevel in a sandbox. Return the call's entry in the journal."""
    headers = {**HEADERS, "Authorization": f"Bearer sbx_{sandbox}"}
    api.get(path, headers=headers | more)
    (found,) = api.post("/_mock/requests/find", json={"sandbox": sandbox}).json()["requests"]
    return dict(found)


@pytest.mark.parametrize(("dialect", "notes"), [("documented", [TOTAL]), ("observed", [])])
def test_documented_form_gets_a_note_that_the_live_vendor_sends_another(
    api: httpx.Client, sandbox: str, dialect: str, notes: list[str]
) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox, "dialect": dialect})
    found = entry(api, sandbox)
    assert (found["dialect"], found["notes"], found["remarks"]) == (dialect, notes, [])


def test_refusal_has_no_note_about_the_form_of_a_success(api: httpx.Client, sandbox: str) -> None:
    assert entry(api, sandbox, f"{LIST}&limit=many")["notes"] == []


def test_answer_that_a_fault_has_made_has_no_note(api: httpx.Client, sandbox: str) -> None:
    fault = {"fault": {"type": "response", "status": 200, "body": "{}"}}
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [fault]})
    assert entry(api, sandbox)["notes"] == []


def test_list_of_calls_counts_the_notes_and_tells_the_dialect(api: httpx.Client, sandbox: str) -> None:
    entry(api, sandbox)
    (call,) = api.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"]
    assert (call["notes"], call["dialect"]) == (1, "documented")
