"""The curl command of an explanation, run by a real shell."""

import json
import subprocess
from typing import Any

import httpx
import pytest

from mockserver import app
from tests.conftest import needs_curl
from tests.control.journal.conftest import AUTH, WASHER, entries

pytestmark = [pytest.mark.finding("B4"), needs_curl]


def explained(control_client: httpx.Client, sandbox: str) -> dict[str, Any]:
    """Return the sandbox's latest call with its explanation."""
    return control_client.get(f"/requests/{latest(control_client, sandbox)['id']}").json()


def latest(control_client: httpx.Client, sandbox: str) -> dict[str, Any]:
    return entries(control_client, sandbox)[-1]


def pasted(command: str) -> str:
    """Run a command as it would run when pasted into a shell. Return its output."""
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, check=True, text=True, timeout=60
    ).stdout


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_credential_is_put_back_in_the_vendors_form(
    base_url: str, control_client: httpx.Client, sandbox: str, vendor: str
) -> None:
    access = control_client.post("/sandboxes", json={"name": sandbox}).json()["credentials"][vendor]
    control_client.put(f"/sandboxes/{sandbox}/clock", json={"action": "freeze"})
    sample = app.load_contract(vendor).vendor.sample
    headers = {**access["headers"], "X-Api-Key": "s3cret", "X-Empty": ""}
    sent = httpx.get(access["base_url"] + sample, headers=headers)
    assert sent.status_code == 200
    command = explained(control_client, sandbox)["explanation"]["curl"]
    assert "x-api-key: ***" in command
    assert json.loads(pasted(command)).keys() == sent.json().keys()
    repeated = latest(control_client, sandbox)
    assert (repeated["response"]["status"], repeated["vendor"]) == (200, vendor)
    assert repeated["request"]["headers"]["x-empty"] == ""


@pytest.mark.parametrize(
    ("method", "target", "settings"),
    [
        ("PATCH", WASHER, {"json": {"inventory_enabled": 'it\'s $HOME `id` "x" \\ !'}}),
        ("PATCH", WASHER, {"content": b'\n{"stock":\t3}\n', "headers": {"Content-Type": "application/json"}}),
        ("PATCH", WASHER, {"content": b"@/etc/passwd", "headers": {"Content-Type": "application/json"}}),
        ("GET", f"{WASHER}?fields=id&x=[1-3]&y={{a,b}}&z='", {}),
        ("GET", "/merchantpro/api/v2/../v2/inventory/id/10001", {}),
        ("HEAD", WASHER, {}),
        ("DELETE", WASHER, {}),
    ],
)
def test_repeated_call_gets_the_same_answer(
    base_url: str,
    control_client: httpx.Client,
    sandbox: str,
    method: str,
    target: str,
    settings: dict[str, Any],
) -> None:
    url = httpx.URL(base_url).copy_with(raw_path=target.encode())
    httpx.request(method, url, auth=(f"sbx_{sandbox}", ""), **settings)
    first = explained(control_client, sandbox)
    pasted(first["explanation"]["curl"])
    second = latest(control_client, sandbox)
    assert second["id"] != first["id"]
    for name in ("method", "target", "body"):
        assert second["request"][name] == first["request"][name]
    assert second["response"]["body"] == first["response"]["body"]
    assert second["response"]["status"] == first["response"]["status"]


def test_refused_credential_stays_struck_out(client: httpx.Client, control_client: httpx.Client) -> None:
    client.get(f"{WASHER}?marker=refused", auth=("s3cret", ""))
    entry = entries(control_client, "-", path=WASHER, query={"marker": "refused"})[-1]
    command = control_client.get(f"/requests/{entry['id']}").json()["explanation"]["curl"]
    assert "authorization: Basic ***" in command


def test_sandbox_chosen_by_header_gets_its_own_credential(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    pasted(explained(control_client, sandbox)["explanation"]["curl"])
    assert [entry["response"]["status"] for entry in entries(control_client, sandbox)] == [200, 200]


@pytest.mark.parametrize("by_browser", [True, False])
def test_headers_that_a_browser_adds_are_left_out_of_a_browsers_call(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, by_browser: bool
) -> None:
    added = {"Accept-Language": "de", "Origin": "http://shop.example", "Referer": "http://shop.example/"}
    own = {"Sec-Fetch-Mode": "cors", "Sec-CH-UA": "Chromium"} if by_browser else {}
    client.get(WASHER, auth=AUTH, headers={**added, **own, "X-Note": "kept"})
    repeated = explained(control_client, sandbox)["explanation"]["repeat"]["headers"]
    assert repeated.pop("x-note") == "kept"
    assert bool(repeated.keys() & {name.lower() for name in (*added, *own)}) != by_browser
