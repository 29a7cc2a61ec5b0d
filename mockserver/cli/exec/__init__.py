"""`mockserver exec`: runs a command with the vendors' host names leading to a mock."""

from mockserver.cli.exec.exec_command import command

__all__ = ["command"]
