"""The README is true: its commands run, its output is what comes, its tables are current."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest

from mockserver import app, fidelity
from mockserver.cli import main
from mockserver.server import serving
from mockserver.spec import Spec
from tests.conftest import ROOT, exact, needs_curl

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)\n```", README, re.DOTALL)
SHEET = re.search(r"```sh sheet\n(.*?)\n```", README, re.DOTALL)[1]
EXEC = re.search(r"```sh exec\n(.*?)\n```", README, re.DOTALL)[1]
SCRIPT = re.search(r"```sh script\n(.*?)\n```", README, re.DOTALL)[1]
TEXTS = [text for kind, text in BLOCKS if kind == "text"]
COMMANDS = [text for kind, text in BLOCKS if kind == "sh"]
OUTPUTS = {
    text: output for (kind, text), (after, output) in pairwise(BLOCKS) if (kind, after) == ("sh", "json")
}
BASE = "http://localhost:8080"


@pytest.fixture(scope="module")
def fresh_url() -> Iterator[str]:
    """A server that nobody has written to, as after `make run`."""
    with serving(app.build().gateway) as url:
        yield url


@needs_curl
@pytest.mark.parametrize("command", OUTPUTS)
def test_a_call_gives_the_output_that_is_shown(command: str, fresh_url: str) -> None:
    assert BASE in command
    done = subprocess.run(["sh", "-c", command.replace(BASE, fresh_url)], capture_output=True, text=True)
    assert exact(done.stdout) == exact(OUTPUTS[command])


@needs_curl
def test_every_line_of_the_cheat_sheet_works(fresh_url: str, tmp_path: Path) -> None:
    """In order, as one reads it: `sh -e` ends at the first that fails, and `curl -f` fails on 4xx."""
    script = SHEET.replace(BASE, fresh_url).replace("; curl", "\ncurl")
    done = subprocess.run(["sh", "-ex", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr.splitlines()[-1]


@needs_curl
@pytest.mark.parametrize("line", EXEC.splitlines())
def test_every_line_about_exec_works(line: str, data: Path, tmp_path: Path) -> None:
    here = line.replace("mockserver", f"{shlex.quote(sys.executable)} -m mockserver", 1)
    done = subprocess.run(["sh", "-c", here], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mockserver: " in done.stderr
    for file in re.findall(r"--(?:har|snapshot) (\S+)", line):
        assert json.loads((tmp_path / file).read_text())


@needs_curl
def test_the_script_works(tmp_path: Path) -> None:
    script = SCRIPT.replace(".venv/bin/mockserver", f"{sys.executable} -m mockserver")
    done = subprocess.run(
        ["sh", "-ex", "-c", script.replace("--port 8443", "--port 0")],
        capture_output=True,
        text=True,
        env={**os.environ, "MOCKSERVER_DATA_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r'\{"status":"ok".*\}https://\S+ is ready\n', done.stdout)


@pytest.mark.parametrize(
    "line", [found for text in TEXTS for found in re.findall(r"(?<!\S)mockserver (\w+[^\n#]*)", text)]
)
def test_a_command_that_is_only_shown_is_one(line: str) -> None:
    name, *arguments = shlex.split(line)
    command = main.get_command(click.Context(main), name)
    assert command and command.make_context(name, arguments)


def test_every_control_path_is_on_the_cheat_sheet() -> None:
    for operation in Spec("control").operations.values():
        last = [part for part in operation.template.split("/") if not part.startswith("{")][-1]
        assert f"/{last}" in README, f"{operation.method} {operation.template}"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(".venv/bin/mockserver")])
def test_a_command_that_only_prints_works(command: str) -> None:
    here = command.replace(".venv/bin/mockserver", f"{sys.executable} -m mockserver")
    done = subprocess.run(["sh", "-c", here], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_every_command_is_run_by_a_test() -> None:
    kinds = ("make run", "make test", "curl -s ", ".venv/bin/mockserver ")
    assert COMMANDS[:2] == ["make run", "make test"], "the two commands come first"
    for command in COMMANDS:
        assert command.startswith(kinds), command
        assert command in OUTPUTS or not command.startswith("curl"), f"no output shown for {command}"


def test_the_two_commands_are_on_the_first_screen() -> None:
    assert "make test" in "\n".join(README.splitlines()[:24])


@pytest.mark.skipif("MAKELEVEL" not in os.environ, reason="make made the environment that it needs")
def test_make_run_serves() -> None:
    process = subprocess.Popen(
        ["make", "run"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "MOCKSERVER_PORT": "0", "MAKEFLAGS": ""},
    )
    try:
        line = process.stdout.readline()
        while "http://" not in line:
            assert line, "make run did not start"
            line = process.stdout.readline()
        url = re.search(r"http://[^\s/]+", line)[0]
        until = time.monotonic() + 60
        while "ready" not in line and time.monotonic() < until:
            line = process.stdout.readline()
        request = urllib.request.Request(
            f"{url}/exchanges/inventory/9999", headers={"Authorization": "Basic ZGVtbzpkZW1v"}
        )
        assert urllib.request.urlopen(request).status == 200
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=20)


def test_the_fidelity_table_is_made_from_the_specs() -> None:
    table = fidelity.markdown([Spec(name) for name in app.vendor_names()])
    assert table in README, "put in the output of: mockserver vendors --markdown"


@pytest.mark.parametrize("command", ["serve", "exec"])
def test_every_option_is_in_the_readme(command: str) -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "mockserver", command, "--help"], capture_output=True, text=True
    ).stdout
    for option in re.findall(r"--[a-z-]+", help_text):
        named = f"`{option}`" in README or re.search(
            rf"^mockserver {command} .*{option}\b", README, re.MULTILINE
        )
        assert option == "--help" or named, option


def test_the_readme_fits_a_hurry() -> None:
    assert 150 <= len(README.splitlines()) <= 300
