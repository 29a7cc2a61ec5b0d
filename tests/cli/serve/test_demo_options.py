"""The options of `serve` about the public demo."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner

from mockserver.cli import main
from mockserver.cli.options import CommandError
from mockserver.cli.serve import demo_options
from mockserver.cli.serve.demo_options import ServeCommand
from mockserver.server.access.quotas.demo_quotas import DemoQuotas, about_quotas, option_of
from tests.server_process import run, serving_command


@click.command("serve", cls=ServeCommand)
@click.option("--products", default=100)
@demo_options.demo_options
def command(**values: Any) -> Any:
    """Return the settings, as the real command gets them."""
    return values["demo"]


def settings(*arguments: str) -> demo_options.DemoSettings:
    found = command.main([*arguments], standalone_mode=False)
    assert isinstance(found, demo_options.DemoSettings)
    return found


def test_without_demo_there_are_no_quotas() -> None:
    assert settings().quotas is None


def test_defaults_of_the_options_are_those_of_the_quotas() -> None:
    assert settings("--demo").quotas == DemoQuotas()


def test_each_quota_is_an_option() -> None:
    values = {"number": ("7", 7), "bytes": ("7KiB", 7168), "time": ("7m", timedelta(minutes=7))}
    for name in about_quotas():
        text, value = values[demo_options.kind_of(name)]
        found = settings("--demo", option_of(name), text).quotas
        assert found == DemoQuotas(**{name: value})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--demo-sandboxes", "5"], "--demo-sandboxes needs --demo"),
        (["--demo-pause"], "--demo-pause needs --demo"),
        (["--demo", "--products", "5"], "--demo cannot be used with --products: use --demo-products"),
    ],
)
def test_contradiction_is_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=re.escape(said)):
        settings(*arguments)


@pytest.mark.parametrize(
    "option", ["--any-credential", "--trust-sandbox-header", "--no-trust-sandbox-header", "--reload",
               "--export-on-exit=x"]
)  # fmt: skip
def test_option_that_lets_visitors_out_is_refused(option: str) -> None:
    refused = run("serve", "--demo", "--port", "0", option)
    assert refused.returncode == 2
    assert refused.stderr.startswith("mockserver: --demo cannot be used with --")


def test_help_shows_the_demo_in_a_group_of_its_own() -> None:
    text = CliRunner().invoke(main, ["serve", "--help"]).output
    before, _, group = text.partition("\nPublic demo:\n")
    options = re.findall(r"--demo[\w-]*", group.replace("--demo-products\n", ""))
    assert "--demo" not in before.replace("--demo-", "")
    assert {option_of(name) for name in about_quotas()} | {"--demo", "--demo-pause"} <= {*options}


@pytest.mark.console(47)
def test_command_serves_a_demo(tmp_path: Path) -> None:
    arguments = ("--demo", "--demo-pause", "--demo-products", "20")
    with serving_command(tmp_path, *arguments, MOCKSERVER_DEMO_BURST="2") as server:
        token = re.search(r"admin token (\S+)", server.banner)[1]
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.url) as http:
            assert f"Public demo  {server.url}/" in server.banner
            assert http.get("/_mock/sandboxes").status_code == 401
            assert http.get("/merchantpro/api/v2/inventory/id/10001", auth=("sbx_new", "")).status_code == 401
            refused = http.post("/_mock/demo/sandboxes")
            assert (refused.status_code, refused.json()["quota"]) == (503, "paused")
            http.patch("/_mock/demo", json={"paused": False}, headers=headers)
            made = http.post("/_mock/demo/sandboxes").json()
            demo = http.get("/_mock/demo", headers=headers).json()
    assert made["products"] == 20
    assert demo["quotas"]["burst"]["value"] == "2"
    assert (demo["sandboxes"], demo["refused"]) == (1, {"paused": 1})
