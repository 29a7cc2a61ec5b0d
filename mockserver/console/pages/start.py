"""The start page: how to point a client here, and what has come of it so far."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template

from mockserver.console.control_client import path_of
from mockserver.console.pages.calls import row_values
from mockserver.console.pages.context import backend, control, sandbox_name
from mockserver.console.pages.demo.demo import start as visitors_start
from mockserver.console.pages.demo.visit import own_sandbox
from mockserver.console.snippets import vendor_tabs
from mockserver.contract.contract import Contract

pages = Blueprint("start", __name__)
MAX_ROWS = 5
MAX_REFUSALS = 10  # rows of the table of refusals


@pages.get("/")
def show() -> str:
    if name := own_sandbox():
        return visitors_start(name)
    contracts = backend().contracts
    return render_template(
        "start/show.html",
        contracts=contracts,
        credential=_credential,
        pytest=_pytest(min(contracts, key=lambda one: len(one.vendor.sample))),
        vendor_tabs=vendor_tabs,
        **_now(),
    )


@pages.get("/start/now")
def now() -> str:
    """Show the part of the page that changes with each call."""
    return render_template("start/now.html", **_now())


def _now() -> dict[str, Any]:
    """Return the sandbox, its latest calls, and the totals of its journal."""
    name = sandbox_name()
    sandbox = control().get(path_of("sandboxes", name))
    totals = control().get("/requests/totals", sandbox=name)
    return {
        **row_values({"sandbox": name}),
        "sandbox": sandbox,
        "totals": totals,
        "refusals": totals["refusals"][:MAX_REFUSALS],
        "refused": sum(one["calls"] for one in totals["refusals"]),
        "latest": control().get("/requests", sandbox=name, limit=MAX_ROWS)["requests"],
        "curl": vendor_tabs(backend().contracts[0], sandbox)[0][1],
    }


def _credential(headers: Mapping[str, str]) -> str:
    """Return the header with the credential in words: of Basic authentication, what a person types."""
    name, value = next(iter(headers.items()))
    try:
        user, colon, password = b64decode(value.removeprefix("Basic "), validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    return f"user {user}, password {password}" if colon else f"{name}: {value}"


def _pytest(contract: Contract) -> str:
    """Return a test that reads from a vendor."""
    vendor = contract.vendor
    return (
        "import httpx\n\n\n"
        "def test_reads_stock(mock_sandbox):\n"
        f'    shop = mock_sandbox.vendors["{vendor.name}"]\n'
        f'    path = "{vendor.sample}"\n'
        "    answer = httpx.get(\n"
        "        shop.base_url + path,\n"
        "        headers=shop.headers,\n"
        "    )\n"
        "    assert answer.status_code == 200\n"
        "    mock_sandbox.assert_called(\n"
        f'        vendor="{vendor.name}",\n'
        "        times=1,\n"
        "    )"
    )
