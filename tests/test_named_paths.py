"""The files and folders that README.md, CONTRIBUTING.md and docs/ name exist, also after a move.

A path begins with a folder of the project (`mockserver/server/router.py`) or of the package
(`server/router.py`). A name alone (`guard.py`) is that of a file somewhere in the package or the tests.
`<vendor>` stands for any name.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGE = ROOT / "mockserver"
PLACES = {"mockserver", "specs", "fixtures", "tests"}
FOLDERS = {file.parent.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("__init__.py")}
OF_A_READER = re.compile(
    r"\bdepot\b|test_(depot|stock|strict|shared)\b"
)  # files that a page tells you to make


def missing(text: str) -> Iterator[str]:
    """Yield the paths between single backticks that are not there."""
    for name in re.findall(r"(?<!`)`([\w./<>-]+)`(?!`)", text):
        first, slash, _ = name.partition("/")
        pattern = re.sub(r"<\w+>", "*", name).rstrip("/")
        if slash and first in PLACES:
            found = list(ROOT.glob(pattern))
        elif slash and first in FOLDERS:
            found = list(PACKAGE.glob(pattern))
        elif not slash and name.endswith(".py"):
            found = [*PACKAGE.rglob(pattern), *(ROOT / "tests").rglob(pattern)]
        else:
            continue
        if not found and not OF_A_READER.search(name):
            yield name


def tree() -> Iterator[str]:
    """Yield each path of the tree in docs/architecture.md, relative to the project."""
    folders: list[str] = []
    block = re.search(
        r"```text\n(mockserver/\n.*?)```", (ROOT / "docs/architecture.md").read_text(), re.DOTALL
    )
    assert block
    for indent, name in re.findall(r"^( *)(\S+)", block[1], re.MULTILINE):
        folders[len(indent) // 2 :] = [name.rstrip("/")]
        yield "/".join(folders)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_that_a_page_names_exist(page: Path) -> None:
    assert list(missing(page.read_text())) == []


def test_tree_in_the_architecture_exists() -> None:
    assert [path for path in tree() if not (ROOT / path).exists()] == []


def test_tree_in_the_architecture_has_the_folders_of_the_package() -> None:
    shown = {path.removeprefix("mockserver/") for path in tree()}
    folders = {folder for folder in FOLDERS if folder.count("/") < 2} - {"."}
    assert [
        folder for folder in sorted(folders - shown) if not folder.startswith(("vendors/", "console/"))
    ] == []


@pytest.mark.parametrize(
    "name",
    ["mockserver/server/gone.py", "server/gone.py", "gone.py", "specs/<vendor>.txt", "mockserver/gone"],
)
def test_path_that_is_gone_is_found(name: str) -> None:
    assert list(missing(f"See `{name}` and `mockserver/app.py`.")) == [name]
