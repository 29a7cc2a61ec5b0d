"""A developer's own data, over restarts of real processes."""

import json
import re
import shutil
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.server_process import COMMAND, ServerProcess, copy_project, run, serving_command

RECORD = "/_mock/sandboxes/demo/records/merchantpro/inventory/10001"
WASHER = "/api/v2/inventory/id/10001"
ITEM = f"{WASHER}?fields=stock"


def stop(running: ServerProcess, number: int = signal.SIGTERM) -> tuple[int, str]:
    running.process.send_signal(number)
    return running.wait()


def stock(url: str, sandbox: str = "demo") -> int:
    return httpx.get(url + ITEM, auth=(sandbox, "")).raise_for_status().json()["stock"]


def set_stock(url: str, value: int, sandbox: str = "demo") -> None:
    path = "/api/v2/inventory/id/10001"
    httpx.patch(url + path, auth=(sandbox, ""), json={"stock": value}).raise_for_status()


@pytest.mark.finding("C1")
@pytest.mark.finding("B3")
def test_prepared_shop_is_there_again_after_ctrl_c(tmp_path: Path) -> None:
    """Clone, start, be refused, read the log, mend, Ctrl-C, start again: the data is there."""
    clone = fresh_clone(tmp_path)
    file = tmp_path / "shop.json"
    options, in_clone = ["--import", str(file), "--export-on-exit"], ("env", "-C", str(clone))
    with serving_command(tmp_path, *options, prefix=in_clone) as running:
        first = httpx.patch(running.url + WASHER, auth=("wrong", "secret"), json={"stock": 3})
        assert first.status_code == 401
        log = read_until(running, "more: ")
        assert f"{file} does not exist yet: it is written at the end" in log
        told = re.search(r"(?m)^.* 401 PATCH .*\n.*; send Authorization: (\S+ \S+) .*; more: (\S+)$", log)
        assert told, log
        assert httpx.get(told[2]).json()["explanation"]["check"] == "credential"
        mended = {"Authorization": told[1]}
        assert httpx.patch(running.url + WASHER, headers=mended, json={"stock": 3}).status_code == 200
        set_stock(running.url, 5, "sbx_spring")
        assert stop(running, signal.SIGINT)[0] == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask_of(tmp_path)
    with serving_command(tmp_path, *options, prefix=in_clone) as running:
        assert (stock(running.url), stock(running.url, "sbx_spring")) == (3, 5)


def fresh_clone(folder: Path) -> Path:
    """Clone the project, or copy it if it is not in a repository."""
    clone = folder / "clone"
    if (ROOT / ".git").exists() and shutil.which("git"):
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    else:
        copy_project(clone)
    return clone


def umask_of(folder: Path) -> int:
    probe = folder / "probe"
    probe.touch()
    return 0o666 & ~stat.S_IMODE(probe.stat().st_mode)


@pytest.mark.finding("C1")
def test_broken_import_is_one_line_and_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    file.write_text('{"format": "mockserver sandboxes", "version": 2}')
    command = ["--import", str(file), "--export-on-exit"]
    for words in (
        ["serve", "--port", "0", *command],
        ["serve", "--port", "0", "--reload", *command],
        ["exec", *command, "--", "true"],
    ):
        done = run(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert (
            done.stderr
            == f"mockserver: {file}: a newer mockserver wrote this (version 2): update mockserver\n"
        )
    assert file.read_text() == '{"format": "mockserver sandboxes", "version": 2}'


@pytest.mark.finding("C1")
def test_second_signal_keeps_the_data_too(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    with serving_command(tmp_path, "--export-on-exit", str(file)) as running:
        set_stock(running.url, 3)
        rule = {"fault": {"type": "slow_body", "seconds": 60, "chunks": 2}}
        httpx.put(f"{running.url}/_mock/sandboxes/demo/faults", json=[rule]).raise_for_status()
        with httpx.stream("GET", running.url + ITEM, auth=("demo", "")):
            running.process.terminate()
            read_until(running, "in progress")
            assert stop(running)[0] == 128 + signal.SIGTERM
    assert json.loads(file.read_text())["sandboxes"]["demo"]["records"]


CHANGE_STOCK = """
import json, urllib.request
url = "https://shop.demo.ro/api/v2/inventory/id/10001"
headers = {"Authorization": "Basic ZGVtbzpkZW1v", "Content-Type": "application/json"}
body = json.dumps({"stock": {"adjust_by": 1}}).encode()
print(urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PATCH")).status)
"""


@pytest.mark.finding("C1")
@pytest.mark.finding("B7")
def test_exec_imports_and_exports_and_its_snapshots_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    snapshots = []
    command = ["--", COMMAND[0], "-c", CHANGE_STOCK]
    data = {"MOCKSERVER_DATA_DIR": str(tmp_path / "data")}
    for files in (
        ["--export-on-exit", str(first)],
        ["--import", str(first), "--export-on-exit", str(second)],
    ):
        snapshot = tmp_path / "snapshot.json"
        done = run("exec", *files, "--snapshot", str(snapshot), *command, **data)
        assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr
        snapshots.append(snapshot.read_bytes())
    stocks = [
        json.loads(file.read_text())["sandboxes"]["demo"]["records"]["merchantpro"]["inventory"]["changed"]
        for file in (first, second)
    ]
    assert [one["10001"]["stock"] for one in stocks] == [11, 12]
    done = run("exec", "--snapshot", str(tmp_path / "again.json"), *command, **data)
    assert (tmp_path / "again.json").read_bytes() == snapshots[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to write to")
def test_exec_exports_its_data_although_another_file_cannot_be_written(tmp_path: Path) -> None:
    file, data = tmp_path / "shop.json", {"MOCKSERVER_DATA_DIR": str(tmp_path / "data")}
    done = run("exec", "--export-on-exit", str(file), "--har", "/dev/full", "--", "true", **data)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "mockserver: cannot write to /dev/full: No space left on device"
    assert json.loads(file.read_text())["sandboxes"].keys() == {"demo"}


def read_until(running: ServerProcess, text: str, stream: str = "stderr") -> str:
    """Read a server's output up to the line that contains `text`, and return all of it."""
    read = ""
    while text not in read:
        line: Any = getattr(running.process, stream).readline()
        assert line, read
        read += line
    return read


@pytest.mark.finding("C7")
@pytest.mark.finding("C1")
def test_reload_keeps_the_data_and_a_broken_spec_keeps_the_server(tmp_path: Path) -> None:
    copy_project(tmp_path)
    in_folder = ("env", "-C", str(tmp_path))  # `python -m` looks for packages there first
    spec = tmp_path / "specs/narvar.yaml"
    good = spec.read_text()
    file = tmp_path / "shop.json"
    options = ["--reload", "--export-on-exit", str(file)]
    with serving_command(tmp_path, *options, prefix=in_folder) as running:
        set_stock(running.url, 3)
        spec.write_text(good.replace("responses:", "response:", 1))
        log = read_until(running, "not reloaded: the old server goes on")
        assert f"mockserver: {spec}: " in log and "Traceback" not in log
        assert stock(running.url) == 3
        set_stock(running.url, 4)
        spec.write_text(good + "\n# mended\n")
        read_until(running, "ready, press", "stdout")
        assert stock(running.url) == 4
        reset = httpx.post(f"{running.url}/_mock/sandboxes/demo/reset").raise_for_status()
        assert (reset.json()["changes"], stock(running.url)) == (0, 10)
        set_stock(running.url, 6)
        assert stop(running)[0] == 0
    assert '"stock": 6' in file.read_text()
