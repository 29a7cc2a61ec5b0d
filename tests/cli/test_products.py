"""`mockserver products`: readable on 80 columns, computed here or asked from a server."""

import pytest
from click.testing import CliRunner, Result

from mockserver.cli import main
from mockserver.client import Sandbox
from mockserver.embedding.pytest_plugin.fixtures import RunningServer


def products(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["products", *arguments], env={"MOCKSERVER_URL": ""})


@pytest.mark.finding("C2")
def test_product_is_shown_with_its_ids_on_80_columns() -> None:
    done = products("10004")
    assert done.exit_code == 0
    title, *lines = done.stdout.splitlines()
    assert title.startswith("DRESS-BLA-XL-0001  ") and " EAN 2080000000017" in title
    assert [line.split()[0] for line in lines] == [
        "highlevel", "merchantpro", "narvar", "sabi", "shoplazza", "variant_id"
    ]  # fmt: skip
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_list_tells_that_there_are_more(mockserver: RunningServer) -> None:
    for where in ([], ["--url", mockserver.url]):
        done = products("--limit", "2", *where)
        assert done.stdout.count("\n  ") == 2
        assert done.output.endswith("mockserver: more products match: raise --limit, which is 2\n")
    assert products("--sku", "nothing").output.endswith("mockserver: no product matches\n")


@pytest.mark.finding("C2")
def test_running_server_is_asked(mockserver: RunningServer, mock_sandbox: Sandbox) -> None:
    mock_sandbox.add_product("LAMP-1", "Lamp \x1b[31m" + "x" * 100)
    done = products("--url", mockserver.url, "--sandbox", mock_sandbox.name, "--sku", "LAMP-1")
    assert done.stdout.startswith("LAMP-1  Lamp ?[31mxxx") and done.stdout.splitlines()[0].endswith("…")
    nobody = products("--url", mockserver.url, "--sandbox", "nobody")
    assert (nobody.exit_code, nobody.output) == (2, "mockserver: there is no sandbox nobody\n")
    wrong = products("--url", "nowhere")
    assert wrong.exit_code == 2 and len(wrong.output.splitlines()) == 1
