"""Running in the background: the command forks, and returns to the shell once the child is ready."""

import os
import stat
import sys
from collections.abc import Callable

import click

from mockserver.cli.options import CommandError


def fork() -> Callable[[str], None]:
    """Fork, and return in the child process only. Return a function `ready(text)`.

    The child must call `ready` once it can work. The parent waits for this call, prints the text and exits
    with 0. If the child ends without the call, it has reported an error on stderr, and the parent exits
    with the child's exit code. Raise CommandError if this system cannot fork.
    """
    if not hasattr(os, "fork"):
        raise CommandError("--wait is not available here, because this system cannot fork a process")
    read_end, write_end = os.pipe()
    if pid := os.fork():
        os.close(write_end)
        with open(read_end, encoding="utf-8") as pipe:
            text = pipe.readline().rstrip("\n")  # not to the end, because workers may hold the pipe open
        if not text:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) or 1)
        click.echo(text)
        sys.exit(0)
    os.close(read_end)
    os.setsid()

    def ready(text: str) -> None:
        detach_standard_streams()
        with open(write_end, "w", encoding="utf-8") as pipe:
            pipe.write(f"{text}\n")

    return ready


def detach_standard_streams() -> None:
    """Redirect stdin, stdout and stderr to the null device. But if stderr is a file, keep it for the log.

    Without this, a process that reads our output through a pipe would wait until the server ends.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        if descriptor != 2 or not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.dup2(null, descriptor)
    os.close(null)
