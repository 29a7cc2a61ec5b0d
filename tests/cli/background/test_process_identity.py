"""The identity of a process: a signal never reaches another process that has got the same id."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.cli.background import process_identity
from mockserver.cli.background.process_identity import NotThatProcess, identity_of, terminate

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_identity_stays_the_same_and_differs_between_processes() -> None:
    assert identity_of(os.getpid()) == identity_of(os.getpid())
    assert identity_of(os.getpid()) != identity_of(os.getppid())


def test_process_that_has_ended_has_no_identity() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        process.stdout.read()  # it has ended, or is about to; nobody has asked for its exit code yet
        while identity_of(process.pid):
            pass
    assert identity_of(process.pid) is None


@pytest.mark.finding("C4")
@pytest.mark.parametrize("pidfd", [True, False], ids=["pidfd", "kill"])
def test_other_process_with_the_same_id_is_not_stopped(pidfd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    with subprocess.Popen(SLEEP) as process:
        identity = identity_of(process.pid)
        with pytest.raises(NotThatProcess):
            terminate(process.pid, f"{identity}0")
        assert process.poll() is None
        terminate(process.pid, identity)
        assert process.wait() == -signal.SIGTERM
    with pytest.raises(NotThatProcess):
        terminate(process.pid, identity)


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="ps is not installed")
def test_systems_without_proc_ask_ps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process_identity, "PROC", tmp_path)
    assert identity_of(os.getpid()).startswith(f"{os.getpid()} ")
    assert identity_of(os.getpid()) == identity_of(os.getpid())
    assert identity_of(2**22 + 1) is None
