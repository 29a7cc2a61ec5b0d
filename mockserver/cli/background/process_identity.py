"""The identity of a process, which its id alone is not: another process gets the id after it has ended."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
BOOT_ID = PROC / "sys/kernel/random/boot_id"
ENDED_STATES = ("Z", "X")


class NotThatProcess(Exception):
    """Raised if a process has ended; maybe its id belongs to another process now."""

    def __init__(self) -> None:
        super().__init__("the server has just ended")


def identity_of(pid: int) -> str | None:
    """Return a text that no other process has: not after a restart of the machine, not in another container.

    Return None if no such process runs, or if this system or the process's owner does not tell.
    """
    if not (PROC / "self/stat").exists():
        return _identity_from_ps(pid)
    try:
        # The fields after the name, which is in parentheses: the state comes first, the start time is 20th.
        fields = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
        namespace = (PROC / f"{pid}/ns/pid").readlink()
        ended = fields[0] in ENDED_STATES
        return None if ended else f"{BOOT_ID.read_text().strip()} {namespace} {pid} {fields[19]}"
    except (OSError, IndexError):
        return None


def _identity_from_ps(pid: int) -> str | None:
    """Ask `ps`, on systems without /proc such as macOS."""
    with suppress(OSError):
        command = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        state, _, started = shown.stdout.strip().partition(" ")
        return f"{pid} {started.strip()}" if started and state[0] not in ENDED_STATES else None
    return None


def terminate(pid: int, identity: str) -> None:
    """Send SIGTERM to a process. Raise NotThatProcess if it has another identity."""
    if not hasattr(os, "pidfd_open"):
        if identity_of(pid) != identity:
            raise NotThatProcess
        return os.kill(pid, signal.SIGTERM)
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        raise NotThatProcess from None
    try:
        # The descriptor stands for one process, even if that ends now and another one gets its id.
        if identity_of(pid) != identity:
            raise NotThatProcess
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    except ProcessLookupError:
        raise NotThatProcess from None
    finally:
        os.close(descriptor)
