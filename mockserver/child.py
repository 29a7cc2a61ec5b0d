"""The child: a command that runs in our place, with our signals, and whose exit code is ours."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

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


class Child:
    """A command, run once. Signals that come before it has started wait for it."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._words, self._environment = words, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []

    def run(self) -> int:
        """Its exit code, or 128 and the number of the signal that ended it. NotStarted."""
        with self._signals():
            try:
                self._process = subprocess.Popen(self._words, env=dict(self._environment))
            except FileNotFoundError:
                raise NotStarted(NOT_FOUND, f"there is no command {self._words[0]}") from None
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                raise NotStarted(NOT_STARTED, f"cannot start {self._words[0]}: {why}") from None
            for number in self._waiting:
                self._process.send_signal(number)
            code = self._process.wait()
        return KILLED - code if code < 0 else code

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Signals are the command's while the block runs; those that are ignored stay ignored."""
        before = {number: signal.getsignal(number) for number in PASSED_ON}
        for number in [number for number, handler in before.items() if handler is not signal.SIG_IGN]:
            signal.signal(number, self._pass_on)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if number in OF_THE_KEYBOARD and _at_the_keyboard():
            return  # the terminal has sent it to the command as well
        if self._process is None:
            self._waiting.append(number)
        else:
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
