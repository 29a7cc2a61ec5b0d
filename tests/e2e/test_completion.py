"""Completion of commands, options and values in real shells."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import needs

# By what is typed before Tab: words that must be among the suggestions, and one that must not.
TYPED = {
    "mockserver st": ({"status", "stop"}, "serve"),
    "mockserver --por": ({"--port"}, "--products"),
    "mockserver serve --eng": ({"--engine"}, "--tls"),
    "mockserver serve --engine c": ({"compiled", "connexion"}, "serve"),
    "mockserver serve --log-level w": ({"warning"}, "info"),
    "mockserver serve --vendors sabi,na": ({"sabi,narvar"}, "sabi,sabi"),
    "mockserver completion f": ({"fish"}, "bash"),
}
BASH = """
eval "$(mockserver completion bash)"
while read -r line; do
    read -ra COMP_WORDS <<< "$line"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _mockserver_completion mockserver
    echo "${COMPREPLY[@]}"
done
"""
ZSH = """
compdef() { :; }  # zsh's own functions work only while a line is edited: print what they would suggest
_describe() { print -rn -- ${${(P)3}%%:*} ""; }
compadd() { print -rn -- ${(P)5} ""; }
eval "$(mockserver completion zsh)"
while read -r line; do
    words=(${=line}) CURRENT=${#words}
    _mockserver_completion
    print
done
"""
FISH = """
mockserver completion fish | source
while read -l line
    complete -C "$line" | string replace -r '\\t.*' '' | string join ' '
end
"""


@pytest.mark.finding("C4")
@pytest.mark.parametrize(
    ("shell", "script"),
    [
        pytest.param("bash", BASH, marks=needs("bash")),
        pytest.param("zsh", ZSH, marks=needs("zsh")),
        pytest.param("fish", FISH, marks=needs("fish")),
    ],
    ids=["bash", "zsh", "fish"],
)
def test_shell_completes_commands_options_and_values(shell: str, script: str, tmp_path: Path) -> None:
    command = tmp_path / "mockserver"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m mockserver "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        [shell, "-c", script], input="\n".join([*TYPED, ""]), env=environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    suggestions = [set(line.split()) for line in done.stdout.splitlines()]
    assert len(suggestions) == len(TYPED), done.stdout + done.stderr
    for typed, found in zip(TYPED, suggestions, strict=True):
        wanted, other = TYPED[typed]
        assert wanted <= found and other not in found, (typed, found, done.stderr)
