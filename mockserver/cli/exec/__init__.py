"""`mockserver exec`: runs a command whose calls to the vendors' hosts are answered by a mock."""

from mockserver.cli.exec.exec_command import command

__all__ = ["command"]
