"""README.md and docs/ are correct: their commands run, and give the output that the pages show.

The kind of a code block, the text after the three backticks, decides how the block is checked:

- `sh` and `python` are run. All blocks of a page run in order, in one folder, against one server;
- `json` or `text` directly after one of them is its output; `…` in it stands for anything, including
  the rest of an object or array;
- `python test` is run by pytest;
- `sh not-run` is only shown, but each `mockserver` command in it must be valid;
- `sh in-tree`, `sh own-folder` and blocks with `file=` are run by tests/e2e/test_add_a_vendor.py;
- other kinds are only shown; `yaml`, `toml` and `json` must be well-formed.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from mockserver import app
from mockserver.cli import main
from mockserver.contract import evidence
from mockserver.contract.openapi.spec import Spec
from mockserver.contract.vendor_files import VendorFiles
from mockserver.sandbox import faults
from mockserver.server.access.quotas import demo_quotas
from mockserver.server.server import serving
from tests.conftest import LEAN, ROOT, Suite, exact

pytest_plugins = ["pytester"]

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BASE_URL = "http://localhost:8080"
MAKE_COMMANDS = re.compile(r"make (run|test|check|lowest|guard|conform|bench|lint|lock)\b.*")
TIMEOUT = 300.0  # seconds for one block
LEAN_PYTEST = {
    "PYTEST_ADDOPTS": " ".join(LEAN)
}  # a reader has not our other plugins, which take long to load


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and the output that the page shows after it, if any."""

    kind: str
    text: str
    output: str | None
    line: int

    @property
    def is_run(self) -> bool:
        return self.kind in ("sh", "python") and not MAKE_COMMANDS.fullmatch(self.text)


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page. An output belongs to the block before it."""
    found: list[Block] = []
    pattern = re.compile(r"^```([\w][^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    end = -1
    for match in pattern.finditer(text):
        kind, body = match[1], match[2].rstrip("\n")
        directly_after = not text[end : match.start()].strip() if end >= 0 else False
        if kind in ("json", "text") and directly_after and found[-1].kind.split()[0] in ("sh", "python"):
            found[-1] = Block(found[-1].kind, found[-1].text, body, found[-1].line)
        else:
            found.append(Block(kind, body, None, text.count("\n", 0, match.start()) + 1))
        end = match.end()
    return found


def fits(shown: Any, got: Any) -> bool:
    """Return True if `got` equals the value that a page shows. In that value, `…` matches anything."""
    if isinstance(shown, str) and isinstance(got, str):
        return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), got, re.DOTALL) is not None
    if shown == "…":
        return True
    if isinstance(shown, (list, tuple)) and isinstance(got, (list, tuple)):
        if shown and shown[-1] in ("…", ("…", "…")):
            shown, got = shown[:-1], got[: len(shown) - 1]
        return len(shown) == len(got) and all(map(fits, shown, got))
    return bool(shown == got)


def output_fits(shown: str, got: str) -> bool:
    """Compare two outputs as JSON, including key order and digits, or as text if one is not JSON."""
    try:
        return fits(exact(shown), exact(got))
    except ValueError:
        return fits(shown.strip(), got.strip())


ALL = [(page, block) for page in PAGES for block in blocks(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_run_and_give_the_output_shown(page: Path, data: Path, tmp_path: Path) -> None:
    run = [block for block in blocks(page.read_text()) if block.is_run]
    if any("curl" in block.text for block in run) and not shutil.which("curl"):
        assert "CI" not in os.environ, "curl is not installed"
        pytest.skip("curl is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "MOCKSERVER_DATA_DIR": str(data), **LEAN_PYTEST}
    environment.pop("CI", None)  # pytest shows more in CI than on a reader's machine
    with serving(app.build(names=documented_vendors()).application) as url:
        for block in run:
            text = block.text.replace(BASE_URL, url).replace("--port 8443", "--port 0")
            command = ["sh", "-ec", text] if block.kind == "sh" else [sys.executable, "-c", text]
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT
            )
            where = f"{page.name}:{block.line}"
            assert done.returncode == 0, f"{where}: {done.stdout}{done.stderr}"
            if block.output is not None:
                got = done.stdout.replace(url, BASE_URL)
                assert output_fits(block.output, got), f"{where}: the output differs from the page: {got}"


@pytest.mark.parametrize(
    "block", [block for _, block in ALL if block.kind == "python test"], ids=lambda block: block.text[:30]
)
def test_example_test_passes(block: Block, suite: Suite) -> None:
    result = suite(block.text, "--mockserver-strict")
    assert result.ret == 0


def shown_commands() -> Iterator[str]:
    for _, block in ALL:
        if block.kind in ("sh not-run", "sh in-tree", "sh own-folder"):
            yield from re.findall(r"(?<![\w/.-])mockserver (\w[^\n#|;)]*)", block.text)
    for page in PAGES:
        prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        yield from (line for line in re.findall(r"`mockserver ([a-z][^`]*)`", prose) if "…" not in line)


@pytest.mark.parametrize("line", sorted(set(shown_commands())))
def test_command_that_is_only_shown_is_valid(line: str) -> None:
    name, *arguments = shlex.split(line.replace("...", ""))
    command = main.get_command(click.Context(main), name)
    assert command and command.make_context(name, arguments, resilient_parsing=not arguments)


def test_every_block_has_a_known_kind() -> None:
    kinds = {block.kind.split(" file=")[0] for _, block in ALL}
    assert kinds <= {
        "sh", "sh not-run", "sh in-tree", "sh own-folder",
        "python", "python test", "python not-run", "json", "text", "yaml", "toml",
        "dockerfile", "nginx", "caddyfile", "ini", "js", "php", "go", "java", "ruby", "mermaid",
    }  # fmt: skip


@pytest.mark.parametrize("block", [b for _, b in ALL if b.kind in ("yaml", "toml", "json")],
                         ids=lambda block: f"{block.kind}-{block.line}")  # fmt: skip
def test_example_that_is_not_run_is_well_formed(block: Block) -> None:
    parse = {"yaml": yaml.safe_load, "toml": tomllib.loads, "json": json.loads}[block.kind]
    assert parse(block.text)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


def test_every_page_is_linked_in_the_readme() -> None:
    linked = set(re.findall(r"docs/[\w-]+\.md", PAGES[0].read_text()))
    assert linked == {f"docs/{page.name}" for page in PAGES[2:]}


def test_readme_is_short() -> None:
    readme = PAGES[0].read_text()
    assert len(readme.splitlines()) <= 120
    first = [block.text for block in blocks(readme)][:2]
    assert first == ["make run", "make test"], "the two commands come first"


def documented_vendors() -> list[str]:
    """Return the names of the vendors in the fidelity table: a new vendor may be documented later."""
    rows = re.findall(r"^\| ([a-z_, ]+) \|", docs("fidelity"), re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")}
    return [name for name in app.vendor_names() if name in named]


def docs(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


@pytest.mark.parametrize(("command", "page"), [("serve", "server"), ("exec", "exec")])
def test_every_option_is_in_the_docs(command: str, page: str) -> None:
    context = click.Context(main)
    found = main.get_command(context, command)
    assert found
    options = {text for parameter in found.params for text in parameter.opts if text.startswith("--")}
    pages = docs(page) + docs("demo")
    assert not [text for text in sorted(options - {"--help"}) if f"`{text}" not in pages]


def test_every_plugin_option_is_in_the_docs() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "pytest", *LEAN, "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    options = set(re.findall("--mockserver-[a-z-]+", help_text))
    assert len(options) == 8
    assert not [option for option in options if f"`{option}`" not in docs("pytest")]


def test_every_control_operation_is_in_the_docs() -> None:
    page = docs("control-api")
    missing = [f"{operation.method} {operation.template}" for operation in Spec("control").operations.values()
               if f"`{operation.method} {operation.template}`" not in page]  # fmt: skip
    assert not missing


def codes_of_mock_errors() -> Iterator[tuple[str, str]]:
    """Yield code and status of each `MockError(503, "code", …)` in the package."""
    for file in (ROOT / "mockserver").rglob("*.py"):
        for status, code in re.findall(r'\bMockError\(\s*(\d{3}),\s*"(\w+)"', file.read_text()):
            yield code, status


def test_every_error_of_the_mock_is_in_the_docs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d, ]+) \|", docs("troubleshooting"), re.MULTILINE)
    documented = {(code, status) for code, statuses in rows for status in statuses.split(", ")}
    found = set(codes_of_mock_errors())
    assert ("sandbox_lost", "503") in found
    assert found - documented == set()


def test_fault_table_is_up_to_date() -> None:
    assert faults.as_markdown() in docs("faults-and-limits"), (
        "replace the table with the output of faults.as_markdown()"
    )


def test_table_of_quotas_is_up_to_date() -> None:
    table = demo_quotas.as_markdown()
    assert table in docs("demo"), "replace the table with the output of demo_quotas.as_markdown()"


def test_fidelity_table_is_up_to_date() -> None:
    table = evidence.as_markdown([VendorFiles().spec(name) for name in documented_vendors()])
    assert table in docs("fidelity"), "replace the tables with the output of: mockserver vendors --markdown"


def read_until(lines: Iterator[str], text: str) -> str:
    """Return the first line that contains `text`. Fail if the process ends before it prints one."""
    found = next((line for line in lines if text in line), None)
    assert found, f"no line contains {text}"
    return found


@pytest.mark.skipif("MAKELEVEL" not in os.environ, reason="needs the environment that make creates")
def test_make_run_serves() -> None:
    process = subprocess.Popen(
        ["make", "run"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "MOCKSERVER_PORT": "0", "MAKEFLAGS": "", "ARGS": ""},
    )
    try:
        line = read_until(process.stdout, "http://")
        url = re.search(r"http://[^\s/]+", line)[0]
        if "ready" not in line:
            read_until(process.stdout, "ready")
        request = urllib.request.Request(
            f"{url}/exchanges/inventory/9999", headers={"Authorization": "Basic ZGVtbzpkZW1v"}
        )
        assert urllib.request.urlopen(request).status == 200
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
