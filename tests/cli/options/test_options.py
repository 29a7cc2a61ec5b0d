"""Options: an invalid value is an error on the command line, and a warning in an environment variable."""

from pathlib import Path
from typing import Any

import click
import pytest

from mockserver import app
from mockserver.cli import main
from tests.server_process import run, serving_command

# (variable, invalid value, printed reason, default that is used). Kubernetes sets MOCKSERVER_PORT to such
# a URL for a service called mockserver. WARN is a log level of the MockServer of mock-server.com.
INVALID = [
    ("LOG_LEVEL", "WARN", "'WARN' is not one of 'debug', 'info', 'warning', 'error'", "info"),
    ("LOG_FORMAT", "xml", "'xml' is not one of 'text', 'json'", "text"),
    ("PORT", "tcp://10.0.0.1:80", "must be a whole number from 0 to 65535, not 'tcp://10.0.0.1:80'", 8080),
    ("PORT", "99999", "must be a whole number from 0 to 65535, not '99999'", 8080),
    ("SEED", "x", "must be a whole number from 0, not 'x'", 42),
    ("SEED", "-5", "must be a whole number from 0, not '-5'", 42),
    ("PRODUCTS", "0", "must be a whole number from 1 to 10000000, not '0'", 100),
    ("PRODUCTS", "many", "must be a whole number from 1 to 10000000, not 'many'", 100),
    ("ENGINE", "fast", "'fast' is not one of 'compiled', 'connexion'", "compiled"),
    ("TLS", "maybe", "must be 1 or 0, not 'maybe'", False),
    ("LIMITS", "maybe", "must be 1 or 0, not 'maybe'", False),
    ("NO_FAST_PATH", "maybe", "must be 1 or 0, not 'maybe'", False),
    ("RELOAD", "maybe", "must be 1 or 0, not 'maybe'", False),
    (
        "DIALECT",
        "live",
        "there is no dialect 'live': use documented or observed, or name vendors: VENDOR=observed,…",
        "documented",
    ),
    ("JOURNAL_MEMORY", "lots", "'lots' is not a size, such as 256MB or 1GiB", 256_000_000),
    ("JOURNAL_MEMORY", "-1MB", "'-1MB' is not a size, such as 256MB or 1GiB", 256_000_000),
    ("JOURNAL_MEMORY", "5KB", "'5KB' is too small: the least is 1,000,000 bytes", 256_000_000),
]
FLAGS = {"TLS", "LIMITS", "NO_FAST_PATH", "RELOAD"}
VALID = [
    ("LOG_LEVEL", "WARNING", "warning"),
    ("PORT", "0", 0),
    ("SEED", "7", 7),
    ("TLS", "yes", True),
    ("TLS", "off", False),
    ("VENDORS", " a, b,", ("a", "b")),
    ("JOURNAL_MEMORY", "64 MiB", 64 * 1024 * 1024),
    ("JOURNAL_MEMORY", "1gb", 1_000_000_000),
    ("JOURNAL_MEMORY", "2000000", 2_000_000),
    ("REDACT", " a, b,", ("a", "b")),
    ("DIALECT", "acme=observed,globex=documented", "acme=observed,globex=documented"),
]


def options(command: str = "serve", *arguments: str) -> dict[str, Any]:
    """Return the parsed values of all options of a command, by name."""
    found = main.get_command(click.Context(main), command)
    assert found is not None
    return found.make_context(command, list(arguments)).params


def option_name(variable: str) -> str:
    return "--" + variable.lower().replace("_", "-")


@pytest.mark.parametrize(("variable", "value", "reason", "default"), INVALID)
def test_invalid_variable_is_ignored_with_a_warning(
    variable: str, value: str, reason: str, default: Any,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv(f"MOCKSERVER_{variable}", value)
    assert options()[variable.lower()] == default
    output, errors = capsys.readouterr()
    warning = f"mockserver: MOCKSERVER_{variable} is ignored, the default is used: {reason}"
    assert (output, errors.startswith(warning), len(errors.splitlines())) == ("", True, 1), errors


@pytest.mark.parametrize(("variable", "value", "reason"), [row[:3] for row in INVALID if row[0] not in FLAGS])
def test_invalid_value_on_the_command_line_is_an_error(variable: str, value: str, reason: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        options("serve", option_name(variable), value)
    assert caught.value.message.rstrip(".") == reason
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("variable", "value", "expected"), VALID)
def test_valid_variable_is_used(
    variable: str, value: str, expected: Any,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv(f"MOCKSERVER_{variable}", value)
    assert options()[variable.lower()] == expected
    assert capsys.readouterr() == ("", "")


def test_command_line_overrides_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOCKSERVER_SEED", "x")
    assert options("serve", "--seed", "7")["seed"] == 7
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("variable", ["MOCKSERVER_FOO", "MOCKSERVER_SERVICE_HOST", "MOCKSERVER_PORT_80_TCP"])
def test_unknown_variable_is_ignored_without_a_warning(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = options()
    monkeypatch.setenv(variable, "1")
    assert options() == before
    assert capsys.readouterr() == ("", "")


def test_server_starts_with_one_warning_for_each_invalid_variable(tmp_path: Path) -> None:
    variables = {"MOCKSERVER_SEED": "x", "MOCKSERVER_TLS": "maybe", "MOCKSERVER_FOO": "1"}
    with serving_command(tmp_path, **variables) as running:
        assert running.url.startswith("http://")
        assert "(seed 42, " in running.banner
        running.process.terminate()
        code, errors = running.wait()
    *warnings, last = errors.splitlines()
    assert (code, last) == (0, "stopped")
    assert sorted(line.split(":")[1] for line in warnings) == [
        " MOCKSERVER_SEED is ignored, the default is used",
        " MOCKSERVER_TLS is ignored, the default is used",
    ]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--vendors", "acme"], {}), ([], {"MOCKSERVER_VENDORS": "acme"})],
    ids=["command line", "environment"],
)
def test_unknown_vendor_is_an_error_even_in_a_variable(
    arguments: list[str], environment: dict[str, str]
) -> None:
    """This variable is not ignored, because serving vendors that were not requested would mislead."""
    done = run("serve", "--port", "0", *arguments, **environment)
    known = ", ".join(app.vendor_names())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"mockserver: unknown vendor acme; there are {known}\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["serve", "--log-level", "WARN"], "'WARN' is not one of 'debug', 'info', 'warning', 'error'"),
        (["serve", "--seed", "-5"], "must be a whole number from 0, not '-5'"),
        (["exec", "--seed", "-5", "true"], "must be a whole number from 0, not '-5'"),
    ],
    ids=str,
)
def test_invalid_value_on_the_command_line_exits_2_with_its_reason(arguments: list[str], reason: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (option,) = (word for word in arguments if word.startswith("--"))
    assert done.stderr == f"mockserver: {option}: {reason} (see mockserver {arguments[0]} --help)\n"


@pytest.mark.finding("C4")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--vendors", " , "], "--vendors: must have at least one name, not ' , '"),
        (["serve", "--tls-name", "a_b"], "--tls-name: 'a_b' is not a host name or an IP address"),
        (["serve", "--prot", "1"], "no such option '--prot'"),
        (["nope"], "no such command 'nope'"),
        (["exec"], "missing argument '[--] COMMAND...'"),
        (["completion"], "missing argument 'SHELL': choose from bash, zsh, fish (see "),
        (["exec", "--har", "/nope/x", "true"], "cannot write to /nope/x: there is no folder /nope"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_on_the_command_line_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    output, errors = capsys.readouterr()
    assert (exit.value.code, output) == (2, "")
    assert errors.lower().startswith(f"mockserver: {message}".lower().replace(" '--prot'", ""))
    assert len(errors.splitlines()) == 1
