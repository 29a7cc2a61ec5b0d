"""One new file adds a fault to the control API, its schema, the Python client and the docs."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from mockserver.sandbox.faults import as_markdown, fault_types
from tests.server_process import copy_project

NEW_FAULT = '''
"""Fault `prefixed_body`: extra text precedes the body, as some broken proxies send it."""

from typing import Annotated, ClassVar

from msgspec import Meta

from mockserver.sandbox.faults.fault import Fault


class PrefixedBody(Fault, frozen=True, tag="prefixed_body"):
    """Sends the body of a read with extra text before it."""

    summary: ClassVar[str] = "The body of a read is sent with extra text before it."
    text: Annotated[str, Meta(min_length=1, max_length=20)]
    times: Annotated[int, Meta(ge=1, le=9)] = 1

    def fits(self, writes: bool) -> bool:
        return not writes

    def spoil(self, body: bytes) -> bytes:
        return self.text.encode() * self.times + body
'''
# Starts a server, sets the fault in two ways, and prints its effects as JSON.
USER = """
import json, socket, urllib.error, urllib.request
from urllib.parse import urlsplit

import mockserver
from mockserver import app
from mockserver.sandbox.faults import as_markdown
from mockserver.server.server import serving

def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)

def body_on_the_wire():
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        head = "GET /api/v2/inventory/id/10001 HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n"
        connection.sendall(f"{head}Authorization: Basic c2J4X3g6\\r\\n\\r\\n".encode())  # sbx_x
        return b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\\r\\n\\r\\n")[2].decode()

seen = {"markdown": as_markdown(), "package": mockserver.__file__}
with serving(app.build(products=1, names=["merchantpro"]).application) as url:
    control("POST", "/_mock/sandboxes", {"name": "x"})
    seen["plain body"] = body_on_the_wire()
    fault = {"type": "prefixed_body", "text": "!", "times": 2}
    seen["set by HTTP"] = control("PUT", "/_mock/sandboxes/x/faults", [{"fault": fault}])
    seen["body, set by HTTP"] = body_on_the_wire()
    seen["refused"] = control("PUT", "/_mock/sandboxes/x/faults", [{"fault": {**fault, "times": 10}}])
    sandbox = mockserver.Client(url).sandbox("x")
    sandbox.faults.set({"fault": {"type": "prefixed_body", "text": "#"}})
    seen["body, set by the client"] = body_on_the_wire()
    seen["rules, read by the client"] = [[one.rule, one.fired] for one in sandbox.faults]
    seen["journal"] = [request.fault for request in sandbox.requests]
    seen["schemas"] = control("GET", "/_mock/openapi.json")["components"]["schemas"]["Fault"]["oneOf"]
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Add the fault's file to a copy of the package, run USER with the copy, and return its output."""
    folder = tmp_path_factory.mktemp("copy")
    copy_project(folder)
    (folder / "mockserver/sandbox/faults/prefixed_body.py").write_text(NEW_FAULT.lstrip())
    done = subprocess.run(
        [sys.executable, "-c", USER], cwd=folder, capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["package"] == str(folder / "mockserver/__init__.py")
    return seen


def test_new_fault_is_set_by_the_control_api_and_seen_on_the_wire(seen: dict[str, Any]) -> None:
    rule = {"fault": {"type": "prefixed_body", "text": "!", "times": 2}}
    assert seen["set by HTTP"] == {"faults": [{**rule, "fired": 0}]}
    assert seen["body, set by HTTP"] == "!!" + seen["plain body"]


def test_new_fault_is_set_and_read_by_the_python_client(seen: dict[str, Any]) -> None:
    assert seen["body, set by the client"] == "#" + seen["plain body"]
    assert seen["rules, read by the client"] == [[{"fault": {"type": "prefixed_body", "text": "#"}}, 1]]
    assert seen["journal"] == [None, "prefixed_body", "prefixed_body"]


def test_schema_of_a_new_fault_is_published_and_enforced(seen: dict[str, Any]) -> None:
    (schema,) = [one for one in seen["schemas"] if "prefixed_body" in str(one)]
    assert schema == {
        "type": "object",
        "description": "The body of a read is sent with extra text before it.",
        "required": ["type", "text"],
        "additionalProperties": False,
        "properties": {
            "type": {"enum": ["prefixed_body"], "type": "string"},
            "text": {"type": "string", "minLength": 1, "maxLength": 20},
            "times": {"type": "integer", "minimum": 1, "maximum": 9},
        },
    }
    assert seen["refused"]["error"] == "invalid"
    long_forms = [one for one in seen["schemas"] if one.get("type") == "object"]
    assert len(long_forms) == len(fault_types()) + 1


def test_new_fault_has_a_row_in_the_table(seen: dict[str, Any]) -> None:
    row = (
        "| `prefixed_body` | `text`, `times` (default 1) "
        "| The body of a read is sent with extra text before it. |"
    )
    assert [line for line in seen["markdown"].splitlines() if line != row] == as_markdown().splitlines()
    assert row in seen["markdown"].splitlines()


@pytest.mark.parametrize(
    "row",
    [
        "| fault | fields | what it does |",
        "| `reset` |  | The connection is reset (TCP RST) before a byte is sent; the call ",
        "| `problem` | `kind` | The vendor refuses the call with its own error response. |",
        "| `slow_body` | `seconds`, `chunks` (default 10) |",
        "| `no_answer` | `seconds` (default 60) |",
        "| `stale_reads` | `reads` (optional), `seconds` (optional) |",
        "| `response` | `status`, `headers` (optional), `body` (optional) |",
    ],
)
def test_table_lists_fields_with_their_defaults(row: str) -> None:
    assert any(line.startswith(row) for line in as_markdown().splitlines()), as_markdown()


def test_every_fault_has_a_summary_of_one_line() -> None:
    for name, fault in fault_types().items():
        assert fault.summary.endswith(".") and not {"\n", "|"} & set(fault.summary), name
    assert len(as_markdown().splitlines()) == 2 + len(fault_types())
