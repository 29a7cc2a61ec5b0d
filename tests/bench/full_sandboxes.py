"""The memory of a public demo whose sandboxes are filled to all quotas.

Run as `python -m tests.bench.full_sandboxes`. The exit code is 1 if it is more than docs/demo.md says. The
server is a process of its own, with the default quotas of data, but no limits of calls: they take only time.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from mockserver.server.access.quotas.demo_quotas import DemoQuotas, about_quotas, option_of
from tests.server_process import serving_command

SANDBOXES = 500
DOCS = Path(__file__).parents[2] / "docs/demo.md"
DOCUMENTED = re.compile(r"at most ([0-9.]+) GB")
GB = 1e9
ADMIN = {"Authorization": "Bearer operators-token"}
MANY = "1000000"
TIMEOUT = 60  # seconds, also on a loaded machine
UNLIMITED = (
    "sandboxes_per_address", "creations_per_hour", "creations_per_minute", "calls_per_second", "burst",
    "calls_per_day", "address_calls_per_second", "address_burst", "all_calls_per_second",
    "control_calls_per_second",
)  # fmt: skip
QUOTAS = DemoQuotas()
RULES = [
    {"vendor": "narvar", "fault": {"type": "response", "status": 502, "body": "x" * 3000, "headers": {}}}
    for _ in range(QUOTAS.fault_rules)
]
WASHER = "/merchantpro/api/v2/inventory/id/10001"


def documented_bytes() -> float:
    """Return the figure of the docs."""
    found = DOCUMENTED.search(DOCS.read_text())
    assert found, "docs/demo.md has no figure"
    return float(found[1]) * GB


def options() -> list[str]:
    """Return the options of a server whose sandboxes can be filled at once."""
    values = [f"{option_of(name)}={MANY}" for name in UNLIMITED]
    return ["--demo", "--admin-token=operators-token", "--log-level=error", *values]


def resident_bytes(pid: int) -> int:
    """Return the memory of a process that is in RAM."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def full_document(client: httpx.Client) -> bytes:
    """Return an export in which as many records are changed as the quotas allow."""
    document = client.get("/_mock/sandboxes/demo/export", headers=ADMIN).json()
    document["records"] = records = {}
    size = len(json.dumps(document))
    for number, (vendor, collection, key, record) in enumerate(_records(client), 1):
        size += len(json.dumps(record)) + len(key) + 8
        if size > QUOTAS.import_bytes * 0.97 or number > QUOTAS.changes:
            break
        changes = records.setdefault(vendor, {}).setdefault(
            collection, {"changed": {}, "added": [], "deleted": []}
        )
        changes["changed"][key] = record
    return json.dumps(document).encode()


def _records(client: httpx.Client) -> Iterator[tuple[str, str, str, Any]]:
    for vendor in (one["name"] for one in client.get("/_mock/vendors", headers=ADMIN).json()["vendors"]):
        found = client.get(f"/_mock/vendors/{vendor}/collections", headers=ADMIN).json()["collections"]
        for name, key in ((one["name"], one["key"]) for one in found):
            path = f"/_mock/sandboxes/demo/records/{vendor}/{name}"
            for record in client.get(path, params={"limit": 1000}, headers=ADMIN).json()["records"]:
                yield vendor, name, str(record[key]), record


def fill(client: httpx.Client, document: bytes) -> None:
    """Make a sandbox, and fill its records, snapshots, fault rules and journal."""
    made = _ok(client.post("/_mock/demo/sandboxes")).json()
    path, headers = f"/_mock/sandboxes/{made['name']}", {"Authorization": f"Bearer {made['control_token']}"}
    sent = {**headers, "Content-Type": "application/json"}
    _ok(client.put(f"{path}/import", content=document, headers=sent))
    for number in range(QUOTAS.snapshots):
        _ok(client.put(f"{path}/snapshots/s{number}", headers=headers))
    _ok(client.put(f"{path}/import", content=document, headers=sent))
    _ok(client.put(f"{path}/faults", json=RULES, headers=headers))
    for _ in range(QUOTAS.journal_calls):
        _ok(client.get(WASHER, auth=(made["credential"], ""), headers={"X-Note": "x" * 2000}))


def _ok(response: httpx.Response) -> httpx.Response:
    assert response.is_success, (response.request.url, response.status_code, response.text)
    return response


def memory_of(sandboxes: int, folder: Path) -> tuple[int, int]:
    """Return the memory of a demo before and after so many sandboxes are filled, in bytes."""
    with (
        serving_command(folder, *options()) as server,
        httpx.Client(base_url=server.url, timeout=TIMEOUT) as client,
    ):
        document = full_document(client)
        fill(client, document)  # makes what all sandboxes share
        before = resident_bytes(server.pid)
        for _ in range(sandboxes):
            fill(client, document)
        living = client.get("/_mock/demo", headers=ADMIN).json()["sandboxes"]
        assert living == sandboxes + 1
        return before, resident_bytes(server.pid)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench.full_sandboxes")
    parser.add_argument("--sandboxes", type=int, default=SANDBOXES - 1)
    arguments = parser.parse_args()
    assert {*UNLIMITED} <= {*about_quotas()}
    with tempfile.TemporaryDirectory() as folder:
        before, after = memory_of(arguments.sandboxes, Path(folder))
    each = (after - before) / arguments.sandboxes
    expected = before + each * SANDBOXES
    print(
        f"{before / 1e6:.0f} MB with one, {after / 1e6:.0f} MB with {arguments.sandboxes + 1} full sandboxes:"
        f" {each / 1e6:.2f} MB each; {SANDBOXES} take {expected / GB:.2f} GB"
        f" (documented: {documented_bytes() / GB} GB)"
    )
    return 0 if expected <= documented_bytes() else 1


if __name__ == "__main__":
    sys.exit(main())
