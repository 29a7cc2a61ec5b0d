"""`mockserver serve`: serves the vendors and the control API on one port until a signal stops it."""

from mockserver.cli.serve.serve_command import command

__all__ = ["command"]
