"""The README is correct: its commands run, its outputs are the real ones, its tables are up to date."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest

from mockserver import app
from mockserver.cli import main
from mockserver.contract import evidence
from mockserver.contract.openapi.spec import Spec
from mockserver.server.server import serving
from tests.conftest import LEAN, ROOT, Suite, exact, needs_curl

pytest_plugins = ["pytester"]

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w[^\n]*)\n(.*?)\n```$", README, re.DOTALL | re.MULTILINE)
COMMANDS = [text for kind, text in BLOCKS if kind == "sh"]
OUTPUTS = {
    text: output for (kind, text), (after, output) in pairwise(BLOCKS) if (kind, after) == ("sh", "json")
}
# There is exactly one block of each of these kinds, and each has a test of its own.
SINGLE = ("sh sheet", "sh script", "sh exec", "text", "python test", "python script")
SINGLE_BLOCKS = {kind: text for kind, text in BLOCKS if kind in SINGLE}
INLINE = re.findall(r"`mockserver ([^`]+)`", README)
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
BASE = "http://localhost:8080"


@pytest.fixture(scope="module")
def fresh_url() -> Iterator[str]:
    """Serve a mock in its initial state, as after `make run`."""
    with serving(app.build().application) as url:
        yield url


@needs_curl
@pytest.mark.parametrize("command", OUTPUTS)
def test_call_gives_the_output_in_the_readme(command: str, fresh_url: str) -> None:
    assert BASE in command
    done = subprocess.run(["sh", "-c", command.replace(BASE, fresh_url)], capture_output=True, text=True)
    assert exact(done.stdout) == exact(OUTPUTS[command])


@needs_curl
def test_cheat_sheet_works(fresh_url: str, tmp_path: Path) -> None:
    """Run all lines in order: `sh -e` stops at the first that fails, and `curl -f` fails on a 4xx."""
    script = SINGLE_BLOCKS["sh sheet"].replace(BASE, fresh_url).replace("; curl", "\ncurl")
    done = subprocess.run(["sh", "-ex", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr.splitlines()[-1]


@needs_curl
def test_script_works(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-ex", "-c", SINGLE_BLOCKS["sh script"].replace("--port 8443", "--port 0")],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "MOCKSERVER_DATA_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r'\{"status":"ok".*\}https://\S+ is ready\n', done.stdout)


@pytest.mark.parametrize(
    "line", [*re.findall(r"(?<!\S)mockserver (\w+[^\n#]*)", SINGLE_BLOCKS["text"]), *INLINE]
)
def test_command_that_is_only_shown_is_valid(line: str) -> None:
    name, *arguments = shlex.split(line)
    command = main.get_command(click.Context(main), name)
    assert command and command.make_context(name, arguments)


@pytest.mark.parametrize("line", SINGLE_BLOCKS["sh exec"].splitlines())
def test_exec_line_works(line: str, data: Path, tmp_path: Path) -> None:
    environment = {**ENVIRONMENT, "MOCKSERVER_DATA_DIR": str(data)}
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mockserver: " in done.stderr
    for file in re.findall(r"--(?:har|snapshot) (\S+)", line):
        assert json.loads((tmp_path / file).read_text())


def test_example_test_passes(suite: Suite) -> None:
    suite(SINGLE_BLOCKS["python test"], "--mockserver-strict").assert_outcomes(passed=1)


def test_every_plugin_option_is_in_the_readme() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "pytest", *LEAN, "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    options = set(re.findall("--mockserver-[a-z]+", help_text))
    assert len(options) == 5
    for option in options:
        assert f"`{option}`" in README, option


def test_every_control_path_is_in_the_readme() -> None:
    for operation in Spec("control").operations.values():
        last = [part for part in operation.template.split("/") if not part.startswith("{")][-1]
        assert f"/{last}" in README, f"{operation.method} {operation.template}"


def test_interception_example_works() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SINGLE_BLOCKS["python script"]], capture_output=True, text=True, timeout=600
    )
    assert (done.returncode, done.stdout) == (0, "503\n200\n"), done.stderr


def test_every_command_is_run_by_a_test() -> None:
    assert COMMANDS[:2] == ["make run", "make test"]
    assert set(COMMANDS[2:]) == set(OUTPUTS), "a call is shown without its output"
    assert sorted(kind for kind, _ in BLOCKS if kind not in ("sh", "json")) == sorted(SINGLE)


def test_make_commands_are_on_the_first_screen() -> None:
    assert "make test" in "\n".join(README.splitlines()[:24])


def read_until(lines: Iterator[str], text: str) -> str:
    """Return the first line that contains a text. Fail if the process ends without one."""
    found = next((line for line in lines if text in line), None)
    assert found, f"there is no line with {text}"
    return found


@pytest.mark.skipif("MAKELEVEL" not in os.environ, reason="needs the environment that make creates")
def test_make_run_serves() -> None:
    process = subprocess.Popen(
        ["make", "run"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "MOCKSERVER_PORT": "0", "MAKEFLAGS": "", "ARGS": ""},
    )
    try:
        line = read_until(process.stdout, "http://")
        url = re.search(r"http://[^\s/]+", line)[0]
        if "ready" not in line:
            read_until(process.stdout, "ready")
        request = urllib.request.Request(
            f"{url}/exchanges/inventory/9999", headers={"Authorization": "Basic ZGVtbzpkZW1v"}
        )
        assert urllib.request.urlopen(request).status == 200
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


def test_fidelity_table_is_up_to_date() -> None:
    table = evidence.as_markdown([Spec(name) for name in app.vendor_names()])
    assert table in README, "replace the table by the output of: mockserver vendors --markdown"


@pytest.mark.parametrize("command", ["serve", "exec"])
def test_every_option_is_in_the_readme(command: str) -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "mockserver", command, "--help"], capture_output=True, text=True
    ).stdout
    for option in re.findall(r"--[a-z-]+", help_text):
        mentioned = f"`{option}`" in README or re.search(
            rf"^mockserver {command} .*{option}\b", README, re.MULTILINE
        )
        assert option == "--help" or mentioned, option


def test_readme_is_short() -> None:
    assert 150 <= len(README.splitlines()) <= 300
