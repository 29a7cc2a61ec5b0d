"""Dialects of a sandbox in the control API: chosen, shown, and part of everything that can be copied."""

from typing import Any

import httpx
import pytest

LIST = "/products/inventory?altId=x&altType=location&search=nothing-like-it"
OBSERVED, DOCUMENTED = [], {"total": 0}


def control(api: httpx.Client, method: str, path: str, json: Any = None, status: int | None = None) -> Any:
    response = api.request(method, f"/_mock/sandboxes{path}", json=json)
    assert response.is_success if status is None else response.status_code == status, response.text
    return response.json() if response.content else None


def total(api: httpx.Client, sandbox: str) -> Any:
    headers = {"Authorization": f"Bearer sbx_{sandbox}", "Version": "2021-07-28"}
    return api.get(LIST, headers=headers).json()["total"]


@pytest.mark.parametrize(("text", "expected"), [
    ("documented", DOCUMENTED), ("observed", OBSERVED), ("highlevel=observed", OBSERVED),
    ("observed,highlevel=documented", DOCUMENTED), ("shoplazza=observed", DOCUMENTED),
])  # fmt: skip
def test_sandbox_begins_with_the_dialect_that_is_given(
    api: httpx.Client, sandbox: str, text: str, expected: Any
) -> None:
    assert control(api, "POST", "", {"name": sandbox, "dialect": text})["dialect"] == text
    assert total(api, sandbox) == expected


def test_dialect_can_be_changed_and_is_described(api: httpx.Client, sandbox: str) -> None:
    control(api, "POST", "", {"name": sandbox})
    before = control(api, "GET", f"/{sandbox}/dialect")
    assert before["dialect"] == "documented"
    assert {one["dialect"] for one in before["vendors"].values()} == {"documented"}
    after = control(api, "PUT", f"/{sandbox}/dialect", {"dialect": "highlevel=observed"})
    assert after["dialect"] == control(api, "GET", f"/{sandbox}")["dialect"] == "highlevel=observed"
    assert after["vendors"]["highlevel"]["dialect"] == "observed"
    assert all(
        one.keys() == {"summary", "evidence", "source"}
        for one in after["vendors"]["highlevel"]["differences"]
    )
    assert total(api, sandbox) == OBSERVED
    control(api, "PUT", f"/{sandbox}/dialect", {"dialect": "documented"})
    assert total(api, sandbox) == DOCUMENTED


@pytest.mark.parametrize(("text", "message"), [
    ("live", "there is no dialect 'live': use documented or observed, or name vendors: VENDOR=observed,…"),
    ("highlevl=observed", "there is no vendor 'highlevl': use one of highlevel, merchantpro, narvar, sabi, "
                          "shoplazza; did you mean highlevel?"),
    ("sabi=", "'sabi=' names no dialect: use sabi=documented or sabi=observed"),
    ("observed,", "'observed,' has an empty part: use documented or observed, or name vendors: "
                  "VENDOR=observed,…"),
    ("", "body.dialect: must not be empty"),
    (7, "body.dialect: must be a string, not 7"),
])  # fmt: skip
def test_wrong_dialect_is_refused_and_changes_nothing(
    api: httpx.Client, sandbox: str, text: Any, message: str
) -> None:
    refused = control(api, "POST", "", {"name": sandbox, "dialect": text}, 400)
    assert refused == {"error": "invalid", "message": message}
    control(api, "GET", f"/{sandbox}", None, 404)
    control(api, "POST", "", {"name": sandbox, "dialect": "observed"})
    assert control(api, "PUT", f"/{sandbox}/dialect", {"dialect": text}, 400)["message"] == message
    assert control(api, "GET", f"/{sandbox}")["dialect"] == "observed"


def test_dialect_is_part_of_the_world(api: httpx.Client, sandbox: str) -> None:
    control(api, "POST", "", {"name": sandbox, "dialect": "observed"})
    control(api, "PUT", f"/{sandbox}/snapshots/live")
    control(api, "PUT", f"/{sandbox}/dialect", {"dialect": "documented"})
    difference = control(api, "GET", f"/{sandbox}/diff")["dialect"]
    assert difference == {"before": "observed", "after": "documented"}
    assert control(api, "POST", f"/{sandbox}/fork", {"name": f"{sandbox}-b"})["dialect"] == "documented"
    assert control(api, "POST", f"/{sandbox}/snapshots/live/restore")["dialect"] == "observed"
    assert control(api, "POST", f"/{sandbox}/fork", {"name": f"{sandbox}-c"})["dialect"] == "observed"
    control(api, "PUT", f"/{sandbox}/dialect", {"dialect": "documented"})
    assert control(api, "POST", f"/{sandbox}/reset")["dialect"] == "observed"
    exported = control(api, "GET", f"/{sandbox}/export")
    assert exported["dialect"] == "observed"
    imported = control(api, "PUT", f"/{sandbox}-d/import", exported)
    assert imported["dialect"] == "observed"
    del exported["dialect"]
    assert control(api, "PUT", f"/{sandbox}-e/import", exported)["dialect"] == "documented"
    assert total(api, f"{sandbox}-d") == OBSERVED
