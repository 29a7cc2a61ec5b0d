"""The options of `serve` about access: their values, and what the banner says."""

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from mockserver.cli import main
from tests.server_process import run, serving_command


def values(*arguments: str) -> dict[str, Any]:
    """Return the parsed values of all options of `serve`, by name."""
    command = main.get_command(click.Context(main), "serve")
    assert command is not None
    return command.make_context("serve", list(arguments)).params


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        ("", "trust_sandbox_header", None),
        ("--trust-sandbox-header", "trust_sandbox_header", True),
        ("--no-trust-sandbox-header", "trust_sandbox_header", False),
        ("", "any_credential", False),
        ("--any-credential", "any_credential", True),
        ("", "public_url", None),
        ("--public-url https://mock.example/", "public_url", "https://mock.example"),
        ("--public-url http://[::1]:80/a/b", "public_url", "http://[::1]:80/a/b"),
        ("", "trusted_proxy", ()),
        (
            "--trusted-proxy 10.0.0.7 --trusted-proxy fd00::/8",
            "trusted_proxy",
            (ip_network("10.0.0.7"), ip_network("fd00::/8")),
        ),
        ("", "control_origin", ()),
        (
            "--control-origin http://LocalHost:5173 --control-origin https://ci.example:443",
            "control_origin",
            ("http://localhost:5173", "https://ci.example"),
        ),
        ("", "max_sandboxes", 10_000),
        ("--max-sandboxes 3", "max_sandboxes", 3),
        ("", "sandbox_ttl", timedelta(days=1)),
        ("--sandbox-ttl 90s", "sandbox_ttl", timedelta(seconds=90)),
        ("--sandbox-ttl 30m", "sandbox_ttl", timedelta(minutes=30)),
        ("--sandbox-ttl 12h", "sandbox_ttl", timedelta(hours=12)),
    ],
)
def test_value_of_an_option(arguments: str, name: str, value: object) -> None:
    assert values(*arguments.split())[name] == value


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("MOCKSERVER_TRUST_SANDBOX_HEADER", "0", "trust_sandbox_header", False),
        ("MOCKSERVER_TRUST_SANDBOX_HEADER", "1", "trust_sandbox_header", True),
        ("MOCKSERVER_ANY_CREDENTIAL", "1", "any_credential", True),
        ("MOCKSERVER_PUBLIC_URL", "https://mock.example", "public_url", "https://mock.example"),
        (
            "MOCKSERVER_TRUSTED_PROXY",
            "10.0.0.7 fd00::/8",
            "trusted_proxy",
            (ip_network("10.0.0.7"), ip_network("fd00::/8")),
        ),
        ("MOCKSERVER_SANDBOX_TTL", "7d", "sandbox_ttl", timedelta(days=7)),
        ("MOCKSERVER_MAX_SANDBOXES", "5", "max_sandboxes", 5),
    ],
)
def test_value_of_a_variable(
    variable: str, text: str, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    assert values()[name] == value


@pytest.mark.parametrize(
    "arguments",
    [
        ("--public-url", "mock.example"),
        ("--public-url", "ftp://mock.example"),
        ("--public-url", "https://"),
        ("--public-url", "https://mock.example?x=1"),
        ("--public-url", "https://mock.example/a b"),
        ("--public-url", "https://user:secret@mock.example"),
        ("--public-url", "https://mock.example:99999"),
        ("--public-url", "https://[mock"),
        ("--public-url", ""),
        ("--trusted-proxy", "proxy.example"),
        ("--trusted-proxy", "10.0.0.0/99"),
        ("--trusted-proxy", ""),
        ("--control-origin", "localhost:5173"),
        ("--control-origin", "null"),
        ("--control-origin", "*"),
        ("--control-origin", "http://*:5173"),
        ("--control-origin", "http://localhost:5173/"),
        ("--control-origin", "http://localhost:5173?x"),
        ("--control-origin", "http://a@localhost:5173"),
        ("--control-origin", "file://localhost"),
        ("--control-origin", ""),
        ("--sandbox-ttl", "0s"),
        ("--sandbox-ttl", "5"),
        ("--sandbox-ttl", "-1h"),
        ("--sandbox-ttl", "9999d"),
        ("--sandbox-ttl", "999999999d"),
        ("--sandbox-ttl", "½d"),
        ("--max-sandboxes", "0"),
    ],
    ids=str,
)
def test_invalid_value_is_an_error(arguments: tuple[str, str]) -> None:
    with pytest.raises(click.BadParameter) as caught:
        values(*arguments)
    assert caught.value.exit_code == 2


def test_invalid_value_is_one_line() -> None:
    done = run("serve", "--port", "0", "--trusted-proxy", "proxy.example")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'proxy.example' is not an address or a network such as 10.0.0.0/8" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.finding("C5")
@pytest.mark.finding("C6")
@pytest.mark.parametrize(
    ("arguments", "told", "untold"),
    [
        (
            (),
            [
                "open to this machine; behind a proxy, set --admin-token",
                "X-Mock-Sandbox picks any sandbox",
                "/_mock/ui/\n",
            ],
            ["any opens the default sandbox", "s3cret", "?once="],
        ),
        (
            ("--admin-token", "s3cret", "--any-credential", "--public-url", "https://mock.example/x"),
            [
                "https://mock.example/x/_mock  needs the admin token",
                "Console      https://mock.example/x/_mock/ui/login?once=",
                "curl https://mock.example/x/narvar/exchanges",
                "Credentials  any opens the default sandbox",
            ],
            ["X-Mock-Sandbox", "s3cret"],
        ),
        (
            ("--admin-token", "s3cret", "--public-url", "http://mock.internal"),
            ["Console      http://mock.internal/_mock/ui/  (to log in, it needs HTTPS: --tls)\n"],
            ["?once="],
        ),
    ],
    ids=["default", "public", "plain http"],
)
def test_banner_tells_what_is_open(
    arguments: tuple[str, ...], told: list[str], untold: list[str], tmp_path: Path
) -> None:
    with serving_command(tmp_path, *arguments) as running:
        assert running.url.startswith("http://127.0.0.1:"), "the ready file is for programs on this machine"
        assert [text for text in told if text not in running.banner] == []
        assert [text for text in untold if text in running.banner] == []


@pytest.mark.console(42)
def test_link_in_the_banner_logs_in_once(tmp_path: Path) -> None:
    with (
        serving_command(tmp_path, "--admin-token", "s3cret") as running,
        httpx.Client(base_url=running.url) as browser,
    ):
        found = re.search(
            r"Console +(\S+)\?once=([\w-]{43})  \(works once, within 10 minutes\)\n", running.banner
        )
        assert found and found[1] == f"{running.url}/_mock/ui/login"
        for status in (303, 410):
            assert browser.post(found[1], data={"once": found[2]}).status_code == status
        assert browser.get("/_mock/ui/").status_code == 200
