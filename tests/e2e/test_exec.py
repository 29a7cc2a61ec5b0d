"""`mockserver exec`, tested with real processes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "mockserver", "exec"]
TIMEOUT = 120
URL = "https://services.leadconnectorhq.com/products/inventory?altId=x&limit=1"
CALLS = f"""
import sys, urllib.request
url = {URL!r} + "&altType=location"
for version in sys.argv[1:]:
    headers = {{"Authorization": "Bearer demo", "Version": version}}
    try:
        print(urllib.request.urlopen(urllib.request.Request(url, headers=headers)).status)
    except urllib.error.HTTPError as error:
        print(error.code)
"""


def run(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=os.environ | {"MOCKSERVER_DATA_DIR": str(data)} | environment,
    )


def python(code: str, *arguments: str) -> list[str]:
    return ["--", sys.executable, "-c", code, *arguments]


def test_summary_goes_to_stderr_and_the_commands_output_to_stdout(data: Path) -> None:
    done = run(data, *python(CALLS, "v3", "never", "v3"))
    assert (done.returncode, done.stdout) == (0, "200\n401\n200\n")
    assert done.stderr.splitlines() == [
        "",
        "mockserver: 3 calls, 0 remarks",
        "  highlevel  GET /products/inventory  200 \N{MULTIPLICATION SIGN}2, 401",
        "               401: Version (header): must be one of "
        "2021-07-28, 2021-04-15, 2023-02-21, v3, not never",
        "               note: the live vendor sends `total` as a list, such as "
        '[{"total": 100}] \N{MULTIPLICATION SIGN}2',
    ]


@pytest.mark.parametrize("separator", [[], ["--"]], ids=["no separator", "--"])
def test_options_after_the_command_belong_to_the_command(separator: list[str], data: Path) -> None:
    words = [*separator, sys.executable, "-c", "import sys; print(sys.argv[1:])", "--seed", "x", "--", "-h"]
    assert run(data, *words).stdout == "['--seed', 'x', '--', '-h']\n"


def test_exit_code_of_the_command_is_returned(data: Path) -> None:
    assert run(data, *python("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")).returncode == 143


def test_unknown_command_exits_127(data: Path) -> None:
    done = run(data, "--", "no-such-command")
    assert (done.returncode, done.stderr) == (127, "mockserver: command not found: no-such-command\n")


PRINT_SIGNALS = """
import os, signal, sys
read_end, write_end = os.pipe()
os.set_blocking(write_end, False)
signal.set_wakeup_fd(write_end)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: None)
print("ready", flush=True)
while True:
    number = os.read(read_end, 1)[0]
    print(signal.Signals(number).name, flush=True)
    if number != signal.SIGUSR1:
        sys.exit(5)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_forwarded_once(number: signal.Signals, data: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, *python(PRINT_SIGNALS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"MOCKSERVER_DATA_DIR": str(data)},
        # A shell makes processes in the background ignore SIGINT, and child processes inherit that.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    try:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == "SIGUSR1\n"
        process.send_signal(number)
        out, errors = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    assert (process.returncode, out) == (5, f"{number.name}\n")
    assert errors == "\nmockserver: 0 calls, 0 remarks\n"


RUN_IN_TERMINAL = """
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""
PRINT_INTERRUPTS = """
import os, signal, sys
read_end, write_end = os.pipe()
os.set_blocking(write_end, False)
signal.set_wakeup_fd(write_end)  # gets one byte for each signal: its number
for number in (signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: None)
print("ready, parent", os.getppid(), flush=True)
while os.read(read_end, 1)[0] == signal.SIGINT:
    print("interrupted", flush=True)
sys.exit(6)
"""


def test_ctrl_c_in_a_terminal_reaches_the_command_once(data: Path) -> None:
    """The terminal sends Ctrl-C to both processes, so `exec` must not forward it."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN_IN_TERMINAL, *COMMAND, *python(PRINT_INTERRUPTS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"MOCKSERVER_DATA_DIR": str(data)},
        start_new_session=True,
    ) as process:
        parent = int(read_until(process, rb"ready, parent (\d+)\r\n")[1])
        # A stopped parent forwards nothing, so the first interrupt can only come from the terminal.
        os.kill(parent, signal.SIGSTOP)
        process.stdin.write(b"\x03")
        process.stdin.flush()
        read_until(process, b"interrupted")
        os.kill(parent, signal.SIGCONT)
        os.kill(parent, signal.SIGUSR1)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 6
    assert b"interrupted" not in output


def read_until(process: subprocess.Popen[bytes], pattern: bytes) -> re.Match[bytes]:
    """Read output until it matches a pattern, and return the match."""
    output = b""
    while not (match := re.search(pattern, output)):
        output += os.read(process.stdout.fileno(), 1000) or pytest.fail(output.decode())
    return match


def test_option_fail_on_remarks_exits_76_if_the_command_succeeds(data: Path) -> None:
    deviating = CALLS.replace("altType=location", "altType=location&limit=1")
    assert run(data, "--fail-on-remarks", *python(CALLS, "v3")).returncode == 0
    failed = run(data, "--fail-on-remarks", *python(deviating, "v3"))
    assert failed.returncode == 76
    assert "remark: query parameter limit is sent 2 times" in failed.stderr
    assert run(data, "--fail-on-remarks", *python(f"{deviating}\nraise SystemExit(3)", "v3")).returncode == 3


@pytest.mark.finding("B2")
def test_option_fail_on_remarks_does_not_fail_on_notes(data: Path) -> None:
    done = run(data, "--fail-on-remarks", *python(CALLS.replace(' + "&altType=location"', ""), "v3"))
    assert (done.returncode, done.stdout) == (0, "200\n")
    assert "note: query parameter altType is usually sent, but missing" in done.stderr


@pytest.mark.finding("B5")
def test_har_and_snapshot_are_written(data: Path, tmp_path: Path) -> None:
    har, snapshot = tmp_path / "calls.har", tmp_path / "after.json"
    code = """
import json, urllib.request
body = json.dumps({"stock": 77}).encode()
headers = {"Authorization": "Basic ZGVtbzpkZW1v", "Content-Type": "application/json"}
url = "https://shop.demo.ro/api/v2/inventory/id/10001"
urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PATCH"))
"""
    done = run(data, "--har", str(har), "--snapshot", str(snapshot), "--seed", "7", *python(code))
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(har.read_text())["log"]["entries"]
    assert (entry["request"]["method"], entry["response"]["status"]) == ("PATCH", 200)
    assert entry["request"]["url"] == "https://shop.demo.ro/api/v2/inventory/id/10001"
    assert "ZGVtbzpkZW1v" not in har.read_text()
    export = json.loads(snapshot.read_text())
    assert export["seed"] == 7
    assert export["records"]["merchantpro"]["inventory"]["changed"]["10001"]["stock"] == 77


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vendors", "nobody"], "unknown vendor nobody"),
        (["--har", "/nowhere/calls.har"], "cannot write to /nowhere/calls.har"),
        (["--snapshot", "/"], "cannot write to /"),
    ],
    ids=["vendor", "har", "snapshot"],
)
def test_invalid_option_is_reported_before_the_command_runs(
    arguments: list[str], message: str, data: Path
) -> None:
    done = run(data, *arguments, *python("print('ran')"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mockserver: {message}") and len(done.stderr.splitlines()) == 1


def test_call_without_a_command_exits_2(data: Path) -> None:
    done = run(data)
    assert done.returncode == 2 and "missing argument" in done.stderr


def test_option_only_vendors_refuses_other_hosts(data: Path) -> None:
    code = """
import urllib.request
try:
    urllib.request.urlopen("https://other.example/")
except OSError as error:
    print(error)
"""
    done = run(data, "--only-vendors", *python(code))
    assert "403 other.example is not an emulated vendor's host: refused because of" in done.stdout
    assert done.stderr.endswith("  hosts refused: other.example\n")


def test_command_can_check_the_mocks_health(data: Path) -> None:
    code = """
import os, subprocess, sys, urllib.request
print(urllib.request.urlopen(os.environ["MOCKSERVER_URL"] + "/_mock/health").status)
health = [sys.executable, "-m", "mockserver", "healthcheck"]
print(subprocess.run(health, stdout=subprocess.DEVNULL).returncode)
"""
    assert run(data, "--only-vendors", *python(code)).stdout == "200\n0\n"
