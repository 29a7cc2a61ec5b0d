"""`mockserver exec`, run as a person runs it."""

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


def test_a_command_is_answered_and_told_about_and_its_output_stays_its_own(data: Path) -> None:
    done = run(data, *python(CALLS, "v3", "never", "v3"))
    assert (done.returncode, done.stdout) == (0, "200\n401\n200\n")
    assert done.stderr.splitlines() == [
        "",
        "mockserver: 3 calls, 0 remarks",
        "  highlevel  GET /products/inventory  200 \N{MULTIPLICATION SIGN}2, 401",
        "               401: version header is invalid",
    ]


@pytest.mark.parametrize("separator", [[], ["--"]], ids=["plain", "dashes"])
def test_options_behind_the_command_are_the_commands(separator: list[str], data: Path) -> None:
    words = [*separator, sys.executable, "-c", "import sys; print(sys.argv[1:])", "--seed", "x", "--", "-h"]
    assert run(data, *words).stdout == "['--seed', 'x', '--', '-h']\n"


def test_the_exit_code_is_the_commands(data: Path) -> None:
    assert run(data, *python("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")).returncode == 143


def test_a_command_that_is_not_there_is_one_clear_line(data: Path) -> None:
    done = run(data, "--", "no-such-command")
    assert (done.returncode, done.stderr) == (127, "mockserver: there is no command no-such-command\n")


WAITS = """
import os, signal, sys
heard, told = os.pipe()
os.set_blocking(told, False)
signal.set_wakeup_fd(told)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: None)
print("ready", flush=True)
while True:
    number = os.read(heard, 1)[0]
    print(signal.Signals(number).name, flush=True)
    if number != signal.SIGUSR1:
        sys.exit(5)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_passed_on_once_and_the_command_decides(number: signal.Signals, data: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, *python(WAITS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"MOCKSERVER_DATA_DIR": str(data)},
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


AT_A_TERMINAL = """
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""
TYPED_AT = """
import os, signal, sys
heard, told = os.pipe()
os.set_blocking(told, False)
signal.set_wakeup_fd(told)  # a byte for each that comes: its number
for number in (signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: None)
print("ready below", os.getppid(), flush=True)
while os.read(heard, 1)[0] == signal.SIGINT:
    print("interrupted", flush=True)
sys.exit(6)
"""


def test_control_c_at_a_terminal_reaches_the_command_once(data: Path) -> None:
    """The terminal sends it to both; passed on as well it would come twice."""
    with subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, *COMMAND, *python(TYPED_AT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"MOCKSERVER_DATA_DIR": str(data)},
        start_new_session=True,
    ) as process:
        parent = int(shown_until(process, rb"ready below (\d+)\r\n")[1])
        os.kill(parent, signal.SIGSTOP)  # so that the command hears the terminal first, and apart
        process.stdin.write(b"\x03")
        process.stdin.flush()
        shown_until(process, b"interrupted")
        os.kill(parent, signal.SIGCONT)
        os.kill(parent, signal.SIGUSR1)
        rest, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 6
    assert b"interrupted" not in rest


def shown_until(process: subprocess.Popen[bytes], pattern: bytes) -> re.Match[bytes]:
    """What a terminal shows, up to something."""
    shown = b""
    while not (found := re.search(pattern, shown)):
        shown += os.read(process.stdout.fileno(), 1000) or pytest.fail(shown.decode())
    return found


def test_remarks_fail_a_command_that_went_well_if_asked_to(data: Path) -> None:
    remarked = CALLS.replace("altType=location", "altType=location&limit=1")
    assert run(data, "--fail-on-remarks", *python(CALLS, "v3")).returncode == 0
    failed = run(data, "--fail-on-remarks", *python(remarked, "v3"))
    assert failed.returncode == 76
    assert "remark: query parameter limit is sent 2 times" in failed.stderr
    assert run(data, "--fail-on-remarks", *python(f"{remarked}\nraise SystemExit(3)", "v3")).returncode == 3


def test_calls_and_records_are_kept_in_files(data: Path, tmp_path: Path) -> None:
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
    assert "ZGVtbzpkZW1v" not in har.read_text()
    saved = json.loads(snapshot.read_text())
    assert saved["seed"] == 7
    assert saved["records"]["merchantpro"]["inventory"]["changed"]["10001"]["stock"] == 77


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--vendors", "nobody"], "unknown vendor nobody; there are "),
        (["--har", "/nowhere/calls.har"], "cannot write to /nowhere/calls.har"),
        (["--snapshot", "/"], "cannot write to /"),
    ],
    ids=["vendor", "har", "snapshot"],
)
def test_what_cannot_be_is_told_before_the_command_runs(arguments: list[str], words: str, data: Path) -> None:
    done = run(data, *arguments, *python("print('ran')"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mockserver: {words}") and len(done.stderr.splitlines()) == 1


def test_no_command_is_exit_code_2(data: Path) -> None:
    done = run(data)
    assert done.returncode == 2 and "Missing argument" in done.stderr


def test_only_vendors_refuses_the_rest_and_says_so(data: Path) -> None:
    code = """
import urllib.request
try:
    urllib.request.urlopen("https://other.example/")
except OSError as error:
    print(error)
"""
    done = run(data, "--only-vendors", *python(code))
    assert "403 other.example is no vendor's (--only-vendors)" in done.stdout
    assert done.stderr.endswith("  refused: other.example\n")


def test_the_command_can_ask_for_the_mocks_health(data: Path) -> None:
    code = """
import os, subprocess, sys, urllib.request
print(urllib.request.urlopen(os.environ["MOCKSERVER_URL"] + "/_mock/health").status)
health = [sys.executable, "-m", "mockserver", "healthcheck"]
print(subprocess.run(health, stdout=subprocess.DEVNULL).returncode)
"""
    assert run(data, "--only-vendors", *python(code)).stdout == "200\n0\n"
