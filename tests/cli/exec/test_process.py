"""Running a command: its environment, its exit code, and the error if it cannot be started."""

import os
import signal
import sys
from pathlib import Path

import pytest

from mockserver.cli.exec.process import FORWARDED_SIGNALS, CommandProcess, NotStarted


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(7)", 7),
        ("raise SystemExit(255)", 255),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
    ],
)
def test_exit_code_is_that_of_the_command_or_128_plus_the_signal(code: str, exit_code: int) -> None:
    assert CommandProcess(python(code), os.environ).run() == exit_code


def test_command_gets_only_the_given_environment() -> None:
    code = "import os, sys; sys.exit('OWN' in os.environ and 'HOME' not in os.environ)"
    assert CommandProcess(python(code), {"OWN": "1"}).run() == 1


@pytest.mark.parametrize(
    ("argv", "exit_code", "message"),
    [
        (["no-such-command"], 127, "command not found: no-such-command"),
        (["./plain"], 126, "cannot start ./plain: Permission denied"),
        (["./broken"], 126, "cannot start ./broken: Exec format error"),
        (["."], 126, "cannot start .: Permission denied"),
        (["a\0b"], 126, "cannot start a\0b: embedded null byte"),
    ],
)
def test_command_that_cannot_start_raises_not_started(
    argv: list[str], exit_code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").write_text("not a program")
    (tmp_path / "broken").write_bytes(b"\x7fELF and no more")
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotStarted) as caught:
        CommandProcess(argv, os.environ).run()
    assert (caught.value.exit_code, str(caught.value)) == (exit_code, message)


def test_signal_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in FORWARDED_SIGNALS]
    CommandProcess(python("0"), os.environ).run()
    assert [signal.getsignal(number) for number in FORWARDED_SIGNALS] == before
