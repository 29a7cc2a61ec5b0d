"""The architecture: allowed imports between folders, limits of depth and size, owners of heavy packages.

`violations` can check any copy of the package, so each rule has a test that breaks it in such a copy.
"""

import ast
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "mockserver"
RULE = (
    "data < vendor_api < vendors, sandbox < contract < server < control < console < app"
    " < embedding, cli < __main__"
)
RANKS = {name: rank for rank, names in enumerate(RULE.split(" < ")) for name in names.split(", ")}
FREE = {"client"}  # imports none of our folders, and every folder may import it
OWNERS = {  # heavy packages, with the files or folders that may import them
    "connexion": {"contract/connexion_engine"},
    "faker": {"data/catalog/word_provider.py"},
    "jsonschema": {
        "contract/openapi/schema.py",
        "contract/connexion_engine/hooks.py",
        "vendor_api/violations.py",
    },
    "jsonschema_rs": {"contract/openapi/schema.py"},
    "yaml": {"data/resources.py"},
    "uvicorn": {"server/server.py", "server/http"},
    "flask": {"contract/connexion_engine", "console"},
    "jinja2": {"console"},
    "click": {"cli"},
    "watchfiles": {"cli/serve/reload.py"},
    "immutables": {"data/store"},
    "prometheus_client": {"server/metrics.py"},
    "trustme": {"server/tls"},
    "cryptography": {"server/tls", "cli/exec/ca_bundles.py", "control/webhooks/signing.py"},
    "certifi": {"cli/exec/ca_bundles.py"},
    "h11": {"cli/exec", "control/webhooks/http_post.py"},
    "httptools": {"server/http/head_cache.py", "server/http/request_parser.py"},
    "filelock": {"server/tls"},
    "platformdirs": {"server/tls"},
    "pytest": {"embedding/pytest_plugin"},
    "redis": {"sandbox/log/redis/client.py"},
    "hiredis": {"sandbox/log/redis/client.py"},
    "schemathesis": {"embedding/schemathesis_hooks.py"},
    "aiohttp": {"embedding/interception"},
    "httpcore": {"embedding/interception"},
    "httpcore2": {"embedding/interception"},
    "httpx": {"embedding/interception"},
    "httpx2": {"embedding/interception"},
    "urllib3": {"embedding/interception"},
    "uvloop": {"embedding/interception", "server/server.py"},
}
# The engines must come to their answers independently, or a comparison of the two would prove nothing.
INDEPENDENT = {
    "contract/connexion_engine": {
        "contract/openapi/parameter.py",
        "contract/openapi/schema.py",
        "contract/openapi/operation.py",
        "contract/compiled_engine.py",
    },
    "contract/compiled_engine.py": {"contract/connexion_engine"},
}
MAX_ENTRIES, MAX_FOLDER_RANKS, MAX_DEPTH = 15, 8, 4
LISTS = {"vendors", "sandbox/faults", "console/pages"}  # one file per vendor, fault or group of pages
MAX_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 400, 40, 6


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


@cache
def nodes(text: str) -> tuple[ast.AST, ...]:
    """Return all AST nodes of a module. Cached, because copies of the package differ in few modules."""
    return tuple(ast.walk(ast.parse(text)))


@cache
def imports_in(text: str) -> tuple[str, ...]:
    """Return the dotted names that a module imports, at the top or anywhere in it."""
    names: list[str] = []
    for node in nodes(text):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import of {node.module}"
            names += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(names)


def imports_of(path: Path) -> tuple[str, ...]:
    return imports_in(path.read_text())


@cache
def own_imports(package: Path, path: Path) -> tuple[Path, ...]:
    """Return the modules of the package that a module imports.

    Cached, because each folder above a module asks. So change a copy before `violations` looks at it.
    """
    found = (module_of(package, name) for name in imports_of(path) if name.startswith("mockserver."))
    return tuple(module for module in found if module)


@cache
def module_of(package: Path, name: str) -> Path | None:
    """Return the module of the package that has a dotted name or, if the name is in a module, that module."""
    parts = name.split(".")[1:]
    while parts:
        at = package.joinpath(*parts)
        for file in (at.with_suffix(".py"), at / "__init__.py"):
            if file.is_file():
                return file
        parts.pop()
    return None


def top(package: Path, path: Path) -> str:
    return path.relative_to(package).with_suffix("").parts[0]


def check_ranks(package: Path) -> Iterator[str]:
    """Yield the imports that break RULE."""
    for path in modules(package):
        name = top(package, path)
        if name == "__init__":
            continue
        if name not in RANKS | dict.fromkeys(FREE):
            yield f"{name} has no rank"
            continue
        for other in (top(package, found) for found in own_imports(package, path)):
            if other == name or other in FREE or other == "__init__":
                continue
            if name in FREE or RANKS[other] > RANKS[name]:
                yield f"{path.relative_to(package)} imports {other}, which is not below it in RULE"


def graph_of(package: Path, folder: Path) -> dict[str, set[str]]:
    """Map each entry of a folder (a module or subfolder) to the entries of that folder that it imports."""
    graph: dict[str, set[str]] = {}
    for path in modules(folder):
        entry = path.relative_to(folder).parts[0]
        uses = graph.setdefault(entry, set())
        for found in own_imports(package, path):
            if found.is_relative_to(folder) and (other := found.relative_to(folder).parts[0]) != entry:
                uses.add(other)
    return graph


def longest_chain(graph: dict[str, set[str]], entry: str, above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the longest chain of imports that begins at an entry.

    A chain that ends with its first entry is a cycle.
    """
    if entry in above:
        return (*above[above.index(entry) :], entry)
    chains = [longest_chain(graph, other, (*above, entry)) for other in sorted(graph.get(entry, ()))]
    cycles = [chain for chain in chains if len(chain) > 1 and chain[0] == chain[-1]]
    return max(cycles or chains or [(*above, entry)], key=len)


def check_depth(package: Path) -> Iterator[str]:
    """Yield cycles of imports, and chains of imports inside a folder that are too long."""
    folders = {path.parent for path in modules(package)}
    for folder in sorted(folders):
        graph = graph_of(package, folder)
        if folder == package:
            graph = {name: uses - {"__init__.py"} for name, uses in graph.items() if name != "__init__.py"}
        for entry in sorted(graph):
            chain = longest_chain(graph, entry)
            if len(chain) > 1 and chain[0] == chain[-1]:
                yield f"{folder.name}: a cycle of imports, {' > '.join(chain)}"
            elif folder != package and len(chain) > MAX_DEPTH:
                yield f"{folder.name}: imports {len(chain)} deep, {' > '.join(chain)}"


def check_entries(package: Path) -> Iterator[str]:
    """Yield folders with too many entries, and too many ranks of folders."""
    folders = {path.parent for path in modules(package)}
    for folder in sorted(folders):
        count = len([entry for entry in folder.iterdir() if entry.name != "__pycache__"])
        if count > MAX_ENTRIES and str(folder.relative_to(package)) not in LISTS:
            yield f"{folder.name} has {count} entries, at most {MAX_ENTRIES}"
    ranks = {RANKS[folder.name] for folder in package.iterdir() if folder.is_dir() and folder.name in RANKS}
    if len(ranks) > MAX_FOLDER_RANKS:
        yield f"{len(ranks)} ranks of folders, at most {MAX_FOLDER_RANKS}"


def check_sizes(package: Path) -> Iterator[str]:
    """Yield modules and functions that are too long, and functions with too many parameters."""
    for path in modules(package):
        text, name = path.read_text(), path.relative_to(package)
        if (lines := len(text.splitlines())) > MAX_LINES:
            yield f"{name} has {lines} lines"
        for node in nodes(text):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if (lines := node.end_lineno - node.lineno + 1) > MAX_FUNCTION_LINES:
                    yield f"{name}: {node.name} has {lines} lines"
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                count = len([name for name in names if name not in ("self", "cls")])
                command = any("command" in ast.unparse(decorator) for decorator in node.decorator_list)
                if not command and count > MAX_PARAMETERS:
                    yield f"{name}: {node.name} takes {count} parameters"


def check_owners(package: Path) -> Iterator[str]:
    """Yield imports of a heavy package by a module that is not among its OWNERS."""
    for path in modules(package):
        name = str(path.relative_to(package))
        for imported in imports_of(path):
            owners = OWNERS.get(imported.split(".")[0])
            if owners is not None and not any(
                name == owner or name.startswith(f"{owner}/") for owner in owners
            ):
                yield f"{name} imports {imported}"


def check_independence(package: Path) -> Iterator[str]:
    """Yield imports between modules that must be independent of each other."""
    for name, forbidden in INDEPENDENT.items():
        for path in modules(package):
            if str(path.relative_to(package)).startswith(name):
                imported = {str(found.relative_to(package)) for found in own_imports(package, path)}
                for other in forbidden:
                    if any(one.startswith(other) for one in imported):
                        yield f"{path.relative_to(package)} must not use {other}"


def violations(package: Path) -> list[str]:
    checks = (check_ranks, check_depth, check_entries, check_sizes, check_owners, check_independence)
    return [violation for check in checks for violation in check(package)]


def test_package_has_no_violations() -> None:
    assert violations(PACKAGE) == []


def test_no_docstring_begins_like_a_question() -> None:
    """A docstring says what something does or is: it begins with a verb, or names the thing."""
    question = re.compile(r'"""(What|Whether|How|Who|Whom|Whose)\b')
    files = [*PACKAGE.rglob("*.py"), *Path(__file__).parent.rglob("*.py")]
    assert [str(path) for path in files if question.search(path.read_text())] == []


VIOLATIONS = {
    "an engine that imports the other engine's checks": (
        "contract/connexion_engine/hooks.py",
        "from mockserver.contract.openapi.schema import Schema",
        "must not use",
    ),
    "an import of a higher folder": (
        "data/catalog/ids.py", "from mockserver.server import server", "not below it"
    ),
    "an import of a higher folder in a function": (
        "data/store/records.py", "def late() -> None:\n    import mockserver.app", "not below it"
    ),
    "an import of another folder by the client": (
        "client/models.py", "import mockserver.data.catalog.ids", "not below it"
    ),
    "a module without a rank": ("other.py", "", "other has no rank"),
    "a cycle of files": ("data/catalog/ids.py", "import mockserver.data.catalog.catalog", "a cycle"),
    "a cycle of folders": (
        "embedding/x.py", "import mockserver.cli.ca", "a cycle"
    ),
    "a long module": ("data/catalog/ids.py", "\n" * 401, "lines"),
    "a long function": ("data/catalog/ids.py", "def f():\n" + "    pass\n" * 40, "f has 41 lines"),
    "a function with many parameters": ("data/catalog/ids.py", "def h(a, b, c, d, e, f, *, g): ...",
                                   "h takes 7 parameters"),
    "an import by a module that is not an owner": ("data/catalog/ids.py", "import faker", "imports faker"),
}  # fmt: skip


@pytest.fixture
def package_copy(tmp_path: Path) -> Path:
    """Return a copy of the package, in which a test can break a rule."""
    return shutil.copytree(PACKAGE, tmp_path / "mockserver", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize(("file", "code", "message"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_violation_is_found(package_copy: Path, file: str, code: str, message: str) -> None:
    path = package_copy / file
    path.write_text((path.read_text() if path.exists() else "") + f"\n{code}\n")
    if message == "a cycle" and file.startswith("embedding"):
        (package_copy / "cli/ca.py").write_text("import mockserver.embedding.x\n")
    assert any(message in found for found in violations(package_copy)), violations(package_copy)


def test_chain_of_five_imports_is_too_deep(package_copy: Path) -> None:
    for number in range(5):
        (package_copy / f"data/catalog/link{number}.py").write_text(
            f"import mockserver.data.catalog.link{number + 1}\n" if number < 4 else ""
        )
    assert any("5 deep, link0.py > link1.py" in found for found in violations(package_copy))


@pytest.mark.parametrize("folder", ["", "data/catalog"])
def test_too_many_entries_are_found(package_copy: Path, folder: str) -> None:
    path = package_copy / folder
    entries = [entry for entry in path.iterdir()]
    for number in range(MAX_ENTRIES + 1 - len(entries)):
        (path / f"extra{number}.txt").touch()
    assert any(f"has {MAX_ENTRIES + 1} entries" in found for found in violations(package_copy))


def test_too_many_ranks_of_folders_are_found(package_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MAX_FOLDER_RANKS):
        monkeypatch.setitem(RANKS, f"more{number}", 100 + number)
        (package_copy / f"more{number}").mkdir()
    assert any("ranks of folders" in found for found in violations(package_copy))


IN_VENDORS = sorted((PACKAGE / "vendors").glob("[!_]*"))
VENDORS = [path.stem for path in IN_VENDORS if path.suffix == ".py" or (path / "definition.py").is_file()]
VENDOR_MODULES = [
    file for path in IN_VENDORS for file in ([path] if path.suffix else sorted(path.glob("*.py")))
]


def module_id(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


@pytest.mark.parametrize("module", VENDOR_MODULES, ids=module_id)
def test_vendor_imports_only_vendor_api_and_standard_library(module: Path) -> None:
    for imported in imports_of(module):
        first = imported.split(".")[0]
        own = imported.startswith(("mockserver.vendor_api.", f"mockserver.vendors.{module.parent.name}."))
        assert own or first in sys.stdlib_module_names, imported


@pytest.mark.parametrize("module", VENDOR_MODULES, ids=module_id)
def test_vendor_takes_time_and_randomness_from_its_sandbox(module: Path) -> None:
    """`call.now` is the time of the sandbox."""
    attributes = [node for node in nodes(module.read_text()) if isinstance(node, ast.Attribute)]
    names = {node.attr for node in attributes if ast.unparse(node) != "call.now"}
    assert not names & {"now", "utcnow", "today", "time", "sleep", "uuid4", "uuid1", "random", "randint"}
    assert not {i.split(".")[0] for i in imports_of(module)} & {"random", "secrets", "time", "os"}


@pytest.mark.parametrize("vendor", VENDORS)
def test_vendor_has_spec_fixture_and_test_with_its_name(vendor: str) -> None:
    for file in (f"specs/{vendor}.yaml", f"fixtures/{vendor}.yaml"):
        assert (ROOT / file).is_file()
    tests = ROOT / "tests/vendors"
    assert (tests / f"test_{vendor}.py").is_file() or (tests / vendor).is_dir()


def test_vendor_names_appear_only_in_vendor_files() -> None:
    others = [module for module in modules(PACKAGE)
              if "vendors" not in module.parts and module.name != "__init__.py"]  # fmt: skip
    texts = {module: module.read_text().lower() for module in others}
    assert [(module_id(module), vendor) for module, text in texts.items()
            for vendor in VENDORS if vendor in text] == []  # fmt: skip


def test_every_module_has_a_docstring_that_ends_with_a_full_stop() -> None:
    docstrings = {module: ast.get_docstring(nodes(module.read_text())[0]) for module in modules(PACKAGE)}
    assert [module_id(module) for module, text in docstrings.items()
            if not (text or "").rstrip().endswith(".")] == []  # fmt: skip


def test_no_file_has_a_vague_name() -> None:
    vague = {"utils", "helpers", "common", "base", "misc", "core", "manager"}
    assert not {path.stem for path in modules(PACKAGE)} & vague


def test_test_files_are_not_too_long() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= MAX_LINES, path
