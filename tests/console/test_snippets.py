"""Snippets run unchanged, and send what they are made from. Those in JavaScript run in tests/browser."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.console import snippets
from mockserver.control.journal.reproduce import ClientRequest
from tests.conftest import NO_CERTIFICATES, TIMEOUT, needs_curl

HOSTILE = "it's \"x\" `id` $HOME \\ %s \u202e\u200b\x7f\x1b[31m </script> \U0001f600\n\t'''"
BODIES: dict[str, tuple[str | None, str]] = {
    "no type": (None, '{"stock": 3}'),
    "object": ("application/json", '{"stock": 3, "tags": ["a", {"b": [null, true, 1.50]}]}'),
    "long object": ("application/json", json.dumps({"a": {"b": ["x" * 30, "y" * 30, {}]}, "c": None})),
    "hostile text in JSON": ("application/json", json.dumps({HOSTILE: HOSTILE}, ensure_ascii=False)),
    "hostile text": ("text/plain", HOSTILE + "."),
    "a file name": ("text/plain", "@/etc/passwd"),
    "not JSON": ("application/json", '{"stock": '),
    "digits": ("application/json", '{"price": 12.50}'),
}


def run(*command: str) -> str:
    """Run a command without proxies. Return what it prints."""
    environment = {
        **os.environ,
        "NO_PROXY": "*",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


RUNNERS = {
    "curl": lambda text: run("sh", "-c", text),
    "environment": lambda text: run("sh", "-c", text),
    "mockserver exec": lambda text: run("sh", "-c", text),
    "httpx": lambda text: run(sys.executable, "-c", text),
    "requests": lambda text: run(sys.executable, "-c", text),
}
WITHOUT_STATUS = ("curl", "environment", "mockserver exec")  # they print the body alone


@pytest.fixture
def shown(api: httpx.Client, sandbox: str) -> dict[str, Any]:
    """Return the JSON of a sandbox whose answers have no time in them."""
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 30, "seed": 7}).raise_for_status()
    return api.get(f"/_mock/sandboxes/{sandbox}").json()  # type: ignore[no-any-return]


@needs_curl
@pytest.mark.console(3)
@pytest.mark.parametrize("title", RUNNERS)
@pytest.mark.parametrize("vendor", app.vendor_names())
def test_snippet_of_a_vendor_prints_its_answer(shown: dict[str, Any], vendor: str, title: str) -> None:
    contract = app.load_contract(vendor)
    access = shown["credentials"][vendor]
    answer = httpx.get(
        access["base_url"] + contract.vendor.sample,
        headers=access["headers"],
        verify=NO_CERTIFICATES,
        timeout=TIMEOUT,
    )
    assert answer.status_code == 200
    printed = RUNNERS[title](dict(snippets.vendor_tabs(contract, shown))[title])
    assert printed.strip() == (answer.text if title in WITHOUT_STATUS else f"200 {answer.text}")


@needs_curl
@pytest.mark.console(3)
@pytest.mark.parametrize("title", ["curl", "httpx", "requests"])
@pytest.mark.parametrize("name", BODIES)
def test_snippet_sends_the_body_as_it_is(
    api: httpx.Client, shown: dict[str, Any], name: str, title: str
) -> None:
    content_type, body = BODIES[name]
    access = shown["credentials"]["merchantpro"]
    url = access["base_url"] + "/api/v2/inventory/id/10001?fields=id&x=[1-3]&y={a,b}&z='$(id)"
    headers = {**access["headers"], "X-Quotes": '"it\'s" $HOME \\'}
    headers |= {"Content-Type": content_type} if content_type else {}
    RUNNERS[title](dict(snippets.request_tabs(ClientRequest("PATCH", url, headers, body)))[title])
    (sent,) = api.get("/_mock/requests", params={"sandbox": shown["name"]}).json()["requests"]
    request = api.get(f"/_mock/requests/{sent['id']}").json()["request"]
    assert (request["method"], request["headers"]["x-quotes"]) == ("PATCH", headers["X-Quotes"])
    assert request["headers"].get("content-type") == content_type
    same = request["body"] == body
    assert same or json.loads(request["body"]) == json.loads(body)
    assert same or name in ("object", "long object", "hostile text in JSON")


@pytest.mark.console(44)
@pytest.mark.parametrize("title", ["curl", "httpx", "requests", "fetch"])
def test_snippet_shows_hostile_text_as_escapes(title: str) -> None:
    request = ClientRequest("PATCH", "http://127.0.0.1/x", {"X-Text": HOSTILE.strip()}, HOSTILE)
    text = dict(snippets.request_tabs(request))[title]
    assert not [character for character in text if not character.isprintable() and character not in "\n\t"]


def test_usual_goods_need_no_option() -> None:
    contract = app.load_contract("narvar")
    usual = {"seed": app.DEFAULT_SEED, "products": app.DEFAULT_PRODUCTS}
    text = snippets.exec_command(contract, "/x", usual)
    assert text.startswith("mockserver exec -- \\\n  curl https://narvar.example/x")
