"""Servers in the background: `serve --wait`, `status` and `stop`."""

import json
import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from mockserver.cli.background.process_identity import identity_of
from tests.e2e.test_running import ITEM, client_of
from tests.server_process import COMMAND, TIMEOUT, run, serving_command


@pytest.mark.finding("C4")
def test_stop_ends_the_server_that_wait_has_started(tmp_path: Path) -> None:
    data = {"MOCKSERVER_DATA_DIR": str(tmp_path / "data")}
    none = run("stop", **data)
    assert (none.returncode, none.stderr) == (1, "mockserver: no server runs in the background\n")
    assert (run("status", **data).returncode, run("stop", "--port", "1", **data).returncode) == (1, 1)
    first, second = (run("serve", "--port", "0", "--wait", **data).stdout.split() for _ in "12")
    urls = sorted([first, second], key=lambda words: int(words[0].rpartition(":")[2]))
    status = run("status", **data)
    assert status.returncode == 0
    assert status.stdout == "".join(f"{url}  pid {pid}  ready\n" for url, pid in urls)
    ambiguous = run("stop", **data)
    assert ambiguous.returncode == 2 and ambiguous.stderr.endswith(": say which one with --port\n")
    port = second[0].rpartition(":")[2]
    stopped = run("stop", "--port", port, **data)
    assert (stopped.returncode, stopped.stdout) == (0, f"{second[0]} has ended\n")
    assert identity_of(int(second[1])) is None
    assert run("stop", **data).stdout == f"{first[0]} has ended\n"
    assert [*(tmp_path / "data/servers").iterdir()] == []


@pytest.mark.finding("C4")
def test_stop_by_ready_file_never_signals_another_process(tmp_path: Path) -> None:
    with serving_command(tmp_path) as running:
        left_behind = tmp_path / "killed.json"
        left_behind.write_bytes(running.ready_file.read_bytes())
        status = run("status", "--ready-file", str(running.ready_file))
        assert status.stdout == f"{running.url}  pid {running.pid}  ready\n"
        assert run("stop", "--ready-file", str(running.ready_file)).stdout == f"{running.url} has ended\n"
        assert running.wait()[0] == 0
    # As if another process had got the id: this test itself.
    left_behind.write_text(json.dumps(json.loads(left_behind.read_text()) | {"pid": os.getpid()}))
    old, unknown = tmp_path / "old.json", tmp_path / "unknown.json"
    old.write_text('{"url": "http://127.0.0.1:1", "port": 1, "pid": 1}')
    unknown.write_text('{"url": "http://127.0.0.1:1", "port": 1, "pid": 1, "process": null}')
    for file, code, message in [
        (left_behind, 1, f"the server that wrote {left_behind} has ended"),
        (tmp_path / "none", 1, f"ready file {tmp_path}/none does not exist: its server does not run"),
        (old, 2, f"{old} does not identify a process: stop its server yourself"),
        (unknown, 2, f"{unknown} does not identify a process: stop its server yourself"),
    ]:
        done = run("stop", "--ready-file", str(file))
        assert (done.returncode, done.stderr) == (code, f"mockserver: {message}\n")


def test_stop_says_if_the_server_does_not_end_in_time(tmp_path: Path) -> None:
    with serving_command(tmp_path) as running:
        os.kill(running.pid, signal.SIGSTOP)
        done = run("stop", "--ready-file", str(running.ready_file), "--timeout", "1")
        assert (done.returncode, done.stderr) == (
            1,
            f"mockserver: {running.url} has not ended after 1 s\n",
        )


@pytest.mark.parametrize("options", [[], ["--tls"]], ids=["http", "https"])
def test_option_wait_returns_when_the_server_answers(tmp_path: Path, options: list[str]) -> None:
    """`run` reads the output to its end, so it would hang if the server kept a pipe open."""
    done = run("serve", "--port", "0", "--wait", *options, MOCKSERVER_DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stderr) == (0, "")
    url, pid = done.stdout.split()
    try:
        with client_of(url, tmp_path) as client:
            assert client.get(ITEM).status_code == 200
    finally:
        os.kill(int(pid), signal.SIGTERM)


def test_wait_keeps_the_log_if_stderr_is_a_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as errors:
        command = [*COMMAND, "serve", "--port", "0", "--wait"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, timeout=TIMEOUT)
    url, pid = done.stdout.split()
    try:
        with httpx.Client(base_url=url) as client:
            client.get("/nowhere")
    finally:
        os.kill(int(pid), signal.SIGTERM)
    while "404 GET    /nowhere" not in log.read_text():
        pass  # the test hangs if the line does not come


def test_wait_prints_a_new_admin_token(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--wait", "--host", "0.0.0.0")
    url, pid, token = done.stdout.split()
    try:
        assert httpx.get(f"{url}/_mock/sandboxes").status_code == 401
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{url}/_mock/sandboxes", headers=headers).status_code == 200
    finally:
        os.kill(int(pid), signal.SIGTERM)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vendors", "nobody"], "unknown vendor nobody"),
        (["--ready-file", "/nowhere/at/all"], "cannot write /nowhere/at/all: No such file or directory"),
        (["--tls-cert", "a.pem"], "--tls-cert needs --tls-key"),
        (["--reload"], "--wait and --reload cannot be used together"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wait_reports_why_a_server_cannot_start(arguments: list[str], message: str) -> None:
    done = run("serve", "--port", "0", "--wait", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mockserver: {message}")
    assert len(done.stderr.splitlines()) == 1


def test_ui_opens_the_console_of_a_server(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\necho "opened $1"\n')
    browser.chmod(0o700)
    environment = {"MOCKSERVER_DATA_DIR": str(tmp_path / "data"), "BROWSER": f"{browser} %s"}
    with serving_command(tmp_path) as running:
        console, port = f"{running.url}/_mock/ui/\n", running.url.rpartition(":")[2]
        for options in (("--ready-file", str(running.ready_file)), ("--port", port)):
            opened = run("ui", *options, **environment)
            assert (opened.returncode, opened.stdout) == (0, f"{console}opened {console}")
            assert run("ui", "--print", *options, **environment).stdout == console
        running.process.terminate()
        running.wait()
        done = run("ui", "--port", port, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no server runs in the background on port {port}, and none answers on port {port}" in done.stderr


def test_ui_says_if_there_is_no_browser(tmp_path: Path) -> None:
    with serving_command(tmp_path, "--tls") as running:
        environment = {"MOCKSERVER_DATA_DIR": str(tmp_path / "data"), "BROWSER": "/nonexistent %s"}
        environment |= {"PATH": str(tmp_path), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
        port = running.url.rpartition(":")[2]
        done = run("ui", "--port", port, **environment)
    assert (done.returncode, done.stdout) == (1, f"{running.url}/_mock/ui/\n")
    assert done.stderr == "mockserver: no browser can be opened here: open this URL yourself\n"
