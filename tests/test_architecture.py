"""The house: imports only look down, heavy packages have one owner, nothing grows too large."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "mockserver"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
LAYERS = [
    {"goods", "files", "clock", "journal", "metrics", "limits", "bits", "memory"},
    {"folder", "greeting", "identity", "relay", "trust"},
    {"vocabulary", "tls", "client"},
    {"shelf"},
    {"store"},
    {"vendor"},
    {"schema", "catalogue", "vendors"},
    {"operation", "faults"},
    {"spec", "remarks", "sandbox"},
    {"visit"},
    {"express", "press", "connexion_app"},
    {"contract", "hosts"},
    {"access", "steering", "delivery"},
    {"arrival", "account", "stopping"},
    {"stray"},
    {"gateway", "fidelity", "control", "heads"},
    {"protocol", "environment", "report"},
    {"server"},
    {"app", "proxy", "child"},
    {"companion", "interception"},
    {"suite"},
    {"cli", "pytest_plugin"},
    {"__main__"},
]
RANK = {module: rank for rank, layer in enumerate(LAYERS) for module in layer}
OWNERS = {
    "connexion": {"connexion_app"},
    "faker": {"vocabulary"},
    "jsonschema": {"schema"},
    "jsonschema_rs": {"schema"},
    "yaml": {"files"},
    "uvicorn": {"server", "protocol"},
    "click": {"cli"},
    "watchfiles": {"cli"},
    "immutables": {"store"},
    "prometheus_client": {"metrics"},
    "trustme": {"tls"},
    "cryptography": {"tls", "trust"},
    "h11": {"greeting", "proxy"},
    "httptools": {"heads"},
    "filelock": {"tls"},
    "platformdirs": {"folder"},
    "pytest": {"pytest_plugin", "suite"},
    "aiohttp": {"interception"},
    "httpcore": {"interception"},
    "httpx": {"interception"},
    "urllib3": {"interception"},
}
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 400, 40, 6


def name_of(path: Path) -> str:
    """A module's name in the layers; every vendor is `vendors`."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports_of(path: Path) -> Iterator[str]:
    """Dotted names of all that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(imported: str) -> str | None:
    """The module of ours that an imported name belongs to."""
    parts = imported.split(".")
    return parts[1] if parts[0] == "mockserver" and len(parts) > 1 and parts[1] in RANK else None


def each(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


@pytest.mark.parametrize("module", MODULES, ids=each)
def test_imports_only_look_down(module: Path) -> None:
    name = name_of(module)
    if name == "__init__":
        return
    assert name in RANK, f"{name} has no layer"
    for imported in imports_of(module):
        if (other := own(imported)) and other != name:
            assert RANK[other] < RANK[name], f"{name} imports {other}"


@pytest.mark.parametrize("module", MODULES, ids=each)
def test_a_heavy_package_has_one_owner(module: Path) -> None:
    for imported in imports_of(module):
        owners = OWNERS.get(imported.split(".")[0])
        assert owners is None or name_of(module) in owners, f"{module.name} imports {imported}"


@pytest.mark.parametrize("module", sorted((PACKAGE / "vendors").glob("[!_]*.py")), ids=each)
def test_a_vendor_imports_only_vendor_and_the_standard_library(module: Path) -> None:
    import sys

    for imported in imports_of(module):
        first = imported.split(".")[0]
        assert imported.startswith("mockserver.vendor.") or first in sys.stdlib_module_names, imported


@pytest.mark.parametrize("module", sorted((PACKAGE / "vendors").glob("[!_]*.py")), ids=each)
def test_a_vendor_takes_time_chance_and_identity_from_its_sandbox(module: Path) -> None:
    names = {node.attr for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Attribute)}
    assert not names & {"now", "utcnow", "today", "time", "sleep", "uuid4", "uuid1", "random", "randint"}
    assert not {i.split(".")[0] for i in imports_of(module)} & {"random", "secrets", "time", "os"}


@pytest.mark.parametrize("module", sorted((PACKAGE / "vendors").glob("[!_]*.py")), ids=each)
def test_a_vendor_is_four_files_of_one_name(module: Path) -> None:
    for file in (f"specs/{module.stem}.yaml", f"fixtures/{module.stem}.yaml"):
        assert (ROOT / file).is_file()
    assert (ROOT / f"tests/vendors/test_{module.stem}.py").is_file()


@pytest.mark.parametrize("module", MODULES, ids=each)
def test_no_vendor_is_named_outside_its_own_files(module: Path) -> None:
    if "vendors" in module.parts or module.name == "__init__.py":
        return
    text = module.read_text().lower()
    for vendor in (path.stem for path in (PACKAGE / "vendors").glob("[!_]*.py")):
        assert vendor not in text, f"{module.name} knows {vendor}"


@pytest.mark.parametrize("module", MODULES, ids=each)
def test_nothing_is_too_large(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            parameters = [name for name in names if name not in ("self", "cls")]
            assert lines <= MOST_FUNCTION_LINES, f"{node.name} has {lines} lines"
            command = any("command" in ast.unparse(decorator) for decorator in node.decorator_list)
            assert command or len(parameters) <= MOST_PARAMETERS, f"{node.name} takes {len(parameters)}"


@pytest.mark.parametrize("module", MODULES, ids=each)
def test_every_module_opens_with_a_sentence_saying_what_it_is(module: Path) -> None:
    assert (ast.get_docstring(ast.parse(module.read_text())) or "").rstrip().endswith(".")


def test_files_have_no_vague_names() -> None:
    vague = {"utils", "helpers", "common", "base", "misc", "core", "manager"}
    assert not {path.stem for path in MODULES} & vague


def test_every_file_of_tests_fits_the_eye() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= MOST_LINES, path
