"""`mockserver exec`."""

from mockserver.cli.exec.exec_command import command

__all__ = ["command"]
