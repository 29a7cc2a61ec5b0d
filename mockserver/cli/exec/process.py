"""Runs the user's command as a child process, forwards signals to it and returns its exit code."""

import asyncio
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

# The exit codes of a shell: command not found, not executable, and 128 + n if signal n ended it.
EXIT_NOT_FOUND, EXIT_NOT_STARTED, EXIT_BY_SIGNAL = 127, 126, 128
FORWARDED_SIGNALS = [signal.SIGINT, signal.SIGTERM] + [
    getattr(signal, name)
    for name in ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
    if hasattr(signal, name)
]
# A terminal sends these to every process of its foreground group.
TERMINAL_SIGNALS = {signal.SIGINT, getattr(signal, "SIGQUIT", None), getattr(signal, "SIGWINCH", None)}


class NotStarted(Exception):
    """Raised if the command cannot be started; `exit_code` is the one that a shell would use."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class CommandProcess:
    """Runs a command once. A signal that comes too early is forwarded as soon as the command has started."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self._argv, self._environment = argv, environment
        self._process: asyncio.subprocess.Process | None = None
        self._early_signals: list[int] = []

    def run(self) -> int:
        """Run the command until it ends; return its exit code, or 128 + n if signal n ended it.

        Raise NotStarted if it cannot be started.
        """
        handlers = {number: signal.getsignal(number) for number in FORWARDED_SIGNALS}
        forwarded = [number for number, handler in handlers.items() if handler is not signal.SIG_IGN]
        try:
            code = asyncio.run(self._run(forwarded))
        except FileNotFoundError:
            raise NotStarted(EXIT_NOT_FOUND, f"command not found: {self._argv[0]}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NotStarted(EXIT_NOT_STARTED, f"cannot start {self._argv[0]}: {reason}") from None
        finally:
            for number, handler in handlers.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        return EXIT_BY_SIGNAL - code if code < 0 else code

    async def _run(self, forwarded: Iterable[int]) -> int:
        """Run the command in an event loop, which can handle signals while it waits for the command."""
        for number in forwarded:
            with suppress(NotImplementedError):  # event loops on Windows do not support it
                asyncio.get_running_loop().add_signal_handler(number, self._forward, number)
        self._process = await asyncio.create_subprocess_exec(*self._argv, env=dict(self._environment))
        for number in self._early_signals:
            self._forward(number)
        return await self._process.wait()

    def _forward(self, number: int) -> None:
        if number in TERMINAL_SIGNALS and _in_foreground():
            return  # the terminal has sent it to the command too
        if self._process is None:
            self._early_signals.append(number)
        else:
            with suppress(ProcessLookupError):  # the command has just ended
                self._process.send_signal(number)


def _in_foreground() -> bool:
    """Return True if our process group is in the terminal's foreground. The command is in the same group."""
    with suppress(OSError, AttributeError):
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
