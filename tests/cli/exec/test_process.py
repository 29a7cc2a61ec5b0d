"""The child: a command whose exit code is what a shell would say."""

import os
import signal
import sys
from pathlib import Path

import pytest

from mockserver.cli.exec.process import PASSED_ON, CommandProcess, NotStarted


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(7)", 7),
        ("raise SystemExit(255)", 255),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
    ],
)
def test_the_exit_code_is_the_commands_or_128_and_the_signal(code: str, expected: int) -> None:
    assert CommandProcess(python(code), os.environ).run() == expected


def test_the_command_has_the_environment_that_it_is_given_and_no_other() -> None:
    code = "import os, sys; sys.exit('OWN' in os.environ and 'HOME' not in os.environ)"
    assert CommandProcess(python(code), {"OWN": "1"}).run() == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["no-such-command"], 127, "there is no command no-such-command"),
        (["./plain"], 126, "cannot start ./plain: Permission denied"),
        (["./broken"], 126, "cannot start ./broken: Exec format error"),
        (["."], 126, "cannot start .: Permission denied"),
        (["a\0b"], 126, "cannot start a\0b: embedded null byte"),
    ],
)
def test_what_cannot_be_started_is_told(
    words: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").write_text("no program")
    (tmp_path / "broken").write_bytes(b"\x7fELF and no more")
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotStarted) as told:
        CommandProcess(words, os.environ).run()
    assert (told.value.code, str(told.value)) == (code, message)


def test_signals_mean_again_what_they_meant_before() -> None:
    before = [signal.getsignal(number) for number in PASSED_ON]
    CommandProcess(python("0"), os.environ).run()
    assert [signal.getsignal(number) for number in PASSED_ON] == before
