"""Workers that cannot start, or end again and again. What they serve does not matter here."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from tests.server_process import TIMEOUT

SCRIPT = """
import logging, os, signal, socket, sys, time
from mockserver.cli.options import CommandError
from mockserver.cli.serve.workers.channel import READY, send
from mockserver.cli.serve.workers.workers import Workers

logging.basicConfig(format="%(message)s")

all_answer = os.pipe()  # has a byte for each worker that begins after all have answered, and more

def serve(place, channel):
    {body}

def ready():
    print("all answer", flush=True)
    os.write(all_answer[1], bytes(100))

try:
    sys.exit(Workers(2, socket.socket(), serve).run(ready))
except CommandError as error:
    print(error.message)
    sys.exit(error.exit_code)
"""
ANSWER = "if place == 0: send(channel, READY), channel.setblocking(True), channel.recv(1), os._exit(0)"
BEGINS = 5


def outcome(body: str, *arguments: str) -> tuple[int, str, str]:
    """Run two workers that do something, and return exit code, output and log."""
    command = [sys.executable, "-c", SCRIPT.format(body=body), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    return done.returncode, done.stdout, done.stderr


def test_reason_why_workers_cannot_start_is_said_once() -> None:
    assert outcome('raise CommandError("there is no store")') == (2, "there is no store\n", "")


def test_one_worker_that_cannot_start_ends_the_others() -> None:
    body = f"{ANSWER}\n    raise CommandError('there is no store')"
    assert outcome(body)[:2] == (2, "there is no store\n")


def test_worker_that_is_killed_at_the_start_ends_all() -> None:
    code, output, _ = outcome("os.kill(os.getpid(), signal.SIGKILL)")
    assert code == 2
    assert output.startswith("a worker cannot start: process ")
    assert output.endswith(" was ended by signal 9\n")


def test_error_that_nobody_expects_is_logged_with_its_traceback() -> None:
    code, output, errors = outcome("1 / 0")
    assert (code, output) == (2, "ZeroDivisionError: division by zero\n")
    assert "Traceback" in errors


def test_pauses_grow_if_workers_end_again_and_again(tmp_path: Path) -> None:
    body = f"""
    begins = open(sys.argv[1], "a+")
    {ANSWER}
    send(channel, READY)
    os.read(all_answer[0], 1)  # one that ends earlier ends all
    print(time.monotonic(), file=begins, flush=True)
    begins.seek(0)
    if len(begins.readlines()) == {BEGINS}:
        os.kill(os.getppid(), signal.SIGTERM)
    """
    _, output, errors = outcome(body, str(tmp_path / "begins"))
    begins = [float(line) for line in (tmp_path / "begins").read_text().splitlines()]
    pauses = [after - before for before, after in pairwise(begins)]
    assert len(begins) == BEGINS
    assert [pause >= least for pause, least in zip(pauses, [0, 0.1, 0.2, 0.4], strict=True)] == [True] * 4
    assert output == "all answer\n"
    assert errors.count("a worker has ended, another one begins: process ") == BEGINS - 1
