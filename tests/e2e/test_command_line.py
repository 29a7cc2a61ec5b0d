"""The command line, tested with real processes."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver import app
from tests.conftest import ROOT, exact, needs_curl
from tests.server_process import COMMAND, copy_project, run


@contextmanager
def started(
    *arguments: str, folder: Path = ROOT, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server; yield its process and its banner once it is ready."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        cwd=folder,
    )
    try:
        yield process, read_banner(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def read_banner(process: subprocess.Popen[str]) -> str:
    """Return a server's output up to the line that says that it is ready."""
    lines = []
    while not lines or not lines[-1].startswith("ready"):
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
    return "".join(lines)


def base_of(banner: str) -> str:
    """Return the base URL in a banner."""
    return re.search(r"http://\S+", banner)[0]


@needs_curl
@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["serve", "--port", "0"], {}),
        (["--port", "0"], {}),
        ([], {"MOCKSERVER_PORT": "0"}),
    ],
    ids=["serve", "no command", "environment"],
)
def test_curl_commands_of_the_banner_work(arguments: list[str], environment: dict[str, str]) -> None:
    with started(*arguments, **environment) as (_, banner):
        lines = [line.strip() for line in banner.splitlines() if line.strip().startswith("curl")]
        assert len(lines) == len(app.vendor_names())
        for line in lines:
            done = subprocess.run(
                [*shlex.split(line), "-s", "-w", "%{http_code}"], capture_output=True, text=True
            )
            assert done.stdout.endswith("200"), done.stdout


def test_banner_shows_url_and_credential_of_each_vendor() -> None:
    with started("--port", "0") as (_, banner):
        base = base_of(banner)
        for name in app.vendor_names():
            header, value = next(iter(app.load_contract(name).vendor.auth_headers("demo").items()))
            basic = value == "Basic ZGVtbzpkZW1v"
            credential = "user demo, password demo" if basic else f"{header}: {value}"
            assert f"{base}/{name}  {credential}\n" in banner


def test_dialect_is_chosen_by_an_option() -> None:
    with started("--port", "0", "--dialect", "highlevel=observed") as (_, banner):
        assert "100 products, engine compiled, dialect highlevel=observed)" in banner
        base = base_of(banner)
        assert httpx.get(f"{base}/_mock/settings").json()["dialect"] == "highlevel=observed"
        for name in ("demo", "made-by-its-first-call"):
            token = name if name == "demo" else f"sbx_{name}"
            headers = {"Authorization": f"Bearer {token}", "Version": "v3"}
            query = "altId=x&altType=location&search=zzz"
            assert httpx.get(f"{base}/products/inventory?{query}", headers=headers).json()["total"] == []


@pytest.mark.parametrize(("value", "reason"), [
    ("live", "--dialect: there is no dialect 'live': use documented or observed, or name vendors: "
             "VENDOR=observed,… (see mockserver serve --help)"),
    ("=observed", "--dialect: '=observed' names no vendor: use documented or observed, or name vendors: "
                  "VENDOR=observed,… (see mockserver serve --help)"),
    ("sabi=", "--dialect: 'sabi=' names no dialect: use sabi=documented or sabi=observed "
              "(see mockserver serve --help)"),
    ("sabbi=observed", "there is no vendor 'sabbi': use one of sabi, highlevel, merchantpro, narvar, "
                       "shoplazza; did you mean sabi?"),
])  # fmt: skip
def test_wrong_dialect_is_one_line(value: str, reason: str) -> None:
    done = run("serve", "--port", "0", "--dialect", value)
    assert (done.returncode, done.stderr) == (2, f"mockserver: {reason}\n")


def test_default_host_is_loopback() -> None:
    with started("--port", "0") as (_, banner):
        assert base_of(banner).startswith("http://127.0.0.1:")


def test_requests_are_logged_and_ctrl_c_stops_the_server() -> None:
    with started("--port", "0") as (process, banner):
        httpx.get(f"{base_of(banner)}/narvar/exchanges/inventory/9999?location=a%0Ab", auth=("demo", ""))
        httpx.get(f"{base_of(banner)}/nowhere")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        pattern = (
            r"\d\d:\d\d:\d\d narvar +200 GET +/narvar/exchanges/inventory/9999\?location=a%0Ab  \d+\.\d ms"
        )
        assert re.fullmatch(pattern, errors.splitlines()[0])
        assert re.fullmatch(r"\d\d:\d\d:\d\d - +404 GET +/nowhere  \d+\.\d ms", errors.splitlines()[1])
        assert errors.splitlines()[2].startswith("  ↳ no vendor has this path; ")
        assert errors.splitlines()[2].endswith(f"; more: {base_of(banner)}/_mock/requests/-.1")
        assert errors.splitlines()[3:] == ["stopped"]


def test_log_can_be_written_as_json() -> None:
    with started("--port", "0", "--log-format", "json") as (process, banner):
        httpx.get(f"{base_of(banner)}/nowhere?a=%22")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        line = json.loads(errors.splitlines()[0])
        assert (line["vendor"], line["status"], line["method"]) == ("-", 404, "GET")
        assert line["target"] == "/nowhere?a=%22"
        assert line["level"] == "info"


def test_admin_token_is_required_if_the_host_is_not_loopback() -> None:
    with started("--port", "0", "--host", "0.0.0.0") as (_, banner):
        token = re.search(r"admin token (\S+)", banner)[1]
        url = base_of(banner).replace("0.0.0.0", "127.0.0.1") + "/_mock/sandboxes"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_ctrl_c_does_not_wait_for_a_stalled_client() -> None:
    with started("--port", "0") as (process, banner):
        port = int(base_of(banner).rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as stalled:
            stalled.sendall(b"PATCH /api/v2/inventory/id/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
            httpx.get(f"{base_of(banner)}/nowhere")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=8)
        assert "Traceback" not in errors


def test_vendors_option_selects_vendors() -> None:
    with started("--port", "0", "--vendors", "shoplazza") as (_, banner):
        assert "sabi" not in banner
        assert httpx.get(f"{base_of(banner)}/sabi/api/v1/products").headers["x-mock-error"] == "no_vendor"


@pytest.mark.parametrize(("size", "total"), [("1", 1), ("250", 250), ("1000000", 1_000_000)])
def test_products_option_sets_the_catalog_size(size: str, total: int) -> None:
    headers = {"Authorization": "Bearer demo", "Version": "v3"}
    ids = {"tenantId": "a", "userId": "b", "countryCode": "c"}
    with started("--port", "0", MOCKSERVER_PRODUCTS=size) as (_, banner):
        with httpx.Client(base_url=base_of(banner), headers=headers | ids) as client:
            inventory = client.get("/products/inventory?altId=x&limit=5").json()
            products = client.get("/api/v1/products").json()
        assert inventory["total"] == {"total": total}
        assert products["totalItems"] == total


def test_same_seed_gives_the_same_data() -> None:
    def page(seed: str) -> str:
        with started("--port", "0", "--seed", seed) as (_, banner):
            url = f"{base_of(banner)}/products/inventory?altId=x"
            return httpx.get(url, headers={"Authorization": "Bearer demo", "Version": "v3"}).text

    expected = page("7")
    assert exact(page("7")) == exact(expected)
    assert page("8") != expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vendors", "nobody"], "unknown vendor nobody"),
        (["--host", "256.0.0.1"], "cannot listen on 256.0.0.1 port"),
        (["--host", "no such host"], "cannot listen on no such host port"),
    ],
    ids=["unknown vendor", "bad address", "bad host"],
)
def test_unusable_option_value_is_a_one_line_error(arguments: list[str], message: str) -> None:
    done = run("--port", "0", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(rf"mockserver: {message}.*\n", done.stderr)


def test_port_in_use_is_a_one_line_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--port", str(port))
    assert done.returncode == 2
    assert done.stderr == f"mockserver: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


@pytest.mark.parametrize(
    "arguments",
    [["--port", "99999"], ["--products", "0"], ["--products", "many"], ["--seed", "x"], ["--nope"], ["fly"]],
    ids=" ".join,
)
def test_invalid_option_exits_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("mockserver: ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("specs/narvar.yaml", lambda text: text.replace("openapi: 3.0.3", "openapi: [")),
        ("specs/narvar.yaml", lambda text: text.replace("paths:", "roads:")),
        ("specs/narvar.yaml", lambda text: text.replace("get-exchange-inventory", "get-nothing", 1)),
        ("specs/narvar.yaml", lambda text: text.replace("#/components/schemas/Item", "#/components/none")),
        ("specs/narvar.yaml", lambda text: text.replace("summary: Inventory", "summary: [Inventory")),
        ("specs/narvar.yaml", lambda text: text.replace("required: true", "required: perhaps", 1)),
        ("specs/narvar.yaml", lambda text: text.replace("openapi: 3.0.3", "openapi: 3.1.0")),
        ("specs/narvar.yaml", lambda text: text.replace("minLength: 1", "pattern: '['")),
        ("specs/narvar.yaml", lambda text: text.replace("x-evidence: inferred", "x-evidence: guessed", 1)),
        ("specs/narvar.yaml", lambda text: ""),
        ("fixtures/narvar.yaml", lambda text: "records:\n"),
        ("fixtures/narvar.yaml", lambda text: "records: [items]\n"),
        ("fixtures/narvar.yaml", lambda text: "records: {items: }\n"),
        ("fixtures/narvar.yaml", lambda text: "records: {items: [{title: x}]}\n"),
        ("specs/narvar.yaml", None),
        ("fixtures/narvar.yaml", lambda text: text.replace("records:", "record:")),
        ("fixtures/narvar.yaml", None),
    ],
)
def test_broken_spec_or_fixture_is_a_one_line_error(tmp_path: Path, file: str, damage: Any) -> None:
    copy_project(tmp_path)
    broken = tmp_path / file
    if damage is None:
        broken.unlink()
    else:
        broken.write_text(damage(broken.read_text()))
    done = subprocess.run(
        [*COMMAND, "--port", "0"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"mockserver: {broken}: ")


def test_reload_restarts_when_a_fixture_changes(tmp_path: Path) -> None:
    copy_project(tmp_path)
    headers = {"Authorization": "Basic ZGVtbzpkZW1v"}
    with started("--port", "0", "--reload", folder=tmp_path) as (process, banner):
        url = f"{base_of(banner)}/exchanges/inventory/9999"
        assert '"White Jacket"' in httpx.get(url, headers=headers).text
        fixture = tmp_path / "fixtures/narvar.yaml"
        fixture.write_text(fixture.read_text().replace("White Jacket", "Grey Jacket"))
        read_banner(process)
        assert '"Grey Jacket"' in httpx.get(url, headers=headers).text


def test_vendors_command_lists_operations_with_evidence() -> None:
    done = run("vendors")
    assert done.returncode == 0
    assert "GET /products/inventory  (get-list-inventory)" in done.stdout
    assert re.search(r"^    200 documented ", done.stdout, re.MULTILINE)
    assert re.search(r"^    404 inferred ", done.stdout, re.MULTILINE)


def test_help_and_version_are_printed() -> None:
    assert "serve" in run("--help").stdout
    assert "MOCKSERVER_PORT" in run("serve", "--help").stdout
    assert re.fullmatch(r"mockserver, version \d+\.\d+\.\d+\n", run("--version").stdout)
