"""Running in the background: the command forks, and the shell gets control back once the child is ready."""

import os
import stat
import sys
from collections.abc import Callable

import click

from mockserver.cli.options import CommandError


def fork() -> Callable[[str], None]:
    """Continue in a child process, and return a function that the child must call once it is ready.

    The parent never returns. It waits for that call, prints the text that the child gave, and exits
    with 0. If the child ends first, the parent exits with the child's exit code; the child has then
    said on stderr what went wrong. Raise CommandError if this system cannot fork.
    """
    if not hasattr(os, "fork"):
        raise CommandError("--wait is not available on this system, which cannot fork a process")
    read_end, write_end = os.pipe()
    if pid := os.fork():
        os.close(write_end)
        with open(read_end, encoding="utf-8") as pipe:
            text = pipe.read()
        if not text:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) or 1)
        click.echo(text)
        sys.exit(0)
    os.close(read_end)
    os.setsid()

    def ready(text: str) -> None:
        _detach_standard_streams()
        with open(write_end, "w", encoding="utf-8") as pipe:
            pipe.write(text)

    return ready


def _detach_standard_streams() -> None:
    """Point stdin, stdout and stderr at the null device; stderr stays if it is a file.

    A process that reads our output from a pipe would otherwise wait until the server ends. Nobody
    waits for a file, so the log may go there.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        if descriptor != 2 or not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.dup2(null, descriptor)
    os.close(null)
