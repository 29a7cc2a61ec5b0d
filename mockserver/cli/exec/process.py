"""The child: a command that runs in our place, with our signals, and whose exit code is ours."""

import asyncio
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

NOT_FOUND, NOT_STARTED, KILLED = 127, 126, 128
PASSED_ON = [signal.SIGINT, signal.SIGTERM] + [
    getattr(signal, name)
    for name in ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
    if hasattr(signal, name)
]
OF_THE_KEYBOARD = {signal.SIGINT, getattr(signal, "SIGQUIT", None), getattr(signal, "SIGWINCH", None)}


class NotStarted(Exception):
    """The command cannot be started; `code` is what a shell would say."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class CommandProcess:
    """A command, run once. Signals that come before it has started wait for it."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._words, self._environment = words, environment
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: list[int] = []

    def run(self) -> int:
        """Its exit code, or 128 and the number of the signal that ended it. NotStarted."""
        before = {number: signal.getsignal(number) for number in PASSED_ON}
        ours = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
        try:
            code = asyncio.run(self._run(ours))
        except FileNotFoundError:
            raise NotStarted(NOT_FOUND, f"there is no command {self._words[0]}") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise NotStarted(NOT_STARTED, f"cannot start {self._words[0]}: {why}") from None
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        return KILLED - code if code < 0 else code

    async def _run(self, ours: Iterable[int]) -> int:
        """In a loop, as that is told of every signal: who waits for a process may sleep through one."""
        for number in ours:
            with suppress(NotImplementedError):  # a system that has no signals to speak of
                asyncio.get_running_loop().add_signal_handler(number, self._pass_on, number)
        self._process = await asyncio.create_subprocess_exec(*self._words, env=dict(self._environment))
        for number in self._waiting:
            self._pass_on(number)
        return await self._process.wait()

    def _pass_on(self, number: int) -> None:
        if number in OF_THE_KEYBOARD and _at_the_keyboard():
            return  # the terminal has sent it to the command as well
        if self._process is None:
            self._waiting.append(number)
        else:
            with suppress(ProcessLookupError):  # it has just ended
                self._process.send_signal(number)


def _at_the_keyboard() -> bool:
    """Whether what a person types now is for us, and so for the command too."""
    with suppress(OSError, AttributeError):
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
