"""The start page: for each vendor its base URL, a credential and a command that works as pasted."""

import shlex
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template

from mockserver.console.control_client import path_of
from mockserver.console.pages.context import control, sandbox_name
from mockserver.console.pages.demo.demo import start as visitors_start
from mockserver.console.pages.demo.visit import own_sandbox
from mockserver.vendor_api.vendor import Vendor

pages = Blueprint("start", __name__)


@pages.get("/")
def show() -> str:
    if name := own_sandbox():
        return visitors_start(name)
    sandbox = control().get(path_of("sandboxes", sandbox_name()))
    return render_template("start/show.html", sandbox=sandbox, curl=_curl)


def _curl(vendor: Vendor, access: Mapping[str, Any]) -> str:
    """Return a command that reads the vendor's sample."""
    headers = [word for name, value in access["headers"].items() for word in ("-H", f"{name}: {value}")]
    return shlex.join(["curl", access["base_url"] + vendor.sample, *headers])
