"""The background: a command that is ready goes on there, and gives the shell back."""

import os
import stat
import sys
from collections.abc import Callable

import click

from mockserver.cli.options import CommandError


def fork() -> Callable[[str], None]:
    """Go on as another process; this one ends when that one calls what is returned, with words to print.

    If that one ends before, this one ends likewise: why was on stderr.
    """
    if not hasattr(os, "fork"):
        raise CommandError("--wait needs a system that can fork")
    read_draft, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        with open(read_draft, encoding="utf-8") as pipe:
            words = pipe.read()
        if not words:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) or 1)
        click.echo(words)
        sys.exit(0)
    os.close(read_draft)
    os.setsid()

    def ready(words: str) -> None:
        _let_go()
        with open(writing, "w", encoding="utf-8") as pipe:
            pipe.write(words)

    return ready


def _let_go() -> None:
    """Hold on to no terminal and no pipe, whose readers would wait for their end; a file may have the log."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        if number != 2 or not stat.S_ISREG(os.fstat(number).st_mode):
            os.dup2(nothing, number)
    os.close(nothing)
