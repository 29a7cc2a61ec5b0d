"""Reading YAML: the same values as PyYAML's, decimals instead of floats, and one line for each mistake."""

import sys
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from mockserver.data import resources
from mockserver.data.resources import HOME, InvalidFile, read_yaml

FILES = [*sorted((HOME / "specs").glob("*.yaml")), *sorted((HOME / "fixtures").glob("*.yaml"))]


def as_floats(value: object) -> object:
    match value:
        case dict():
            return {key: as_floats(item) for key, item in value.items()}
        case list():
            return [as_floats(item) for item in value]
        case Decimal():
            return float(value)
    return value


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_shipped_file_has_the_values_that_pyyaml_reads(file: Path) -> None:
    assert as_floats(read_yaml(file)) == yaml.safe_load(file.read_text())


def read(text: str, tmp_path: Path) -> object:
    file = tmp_path / "any.yaml"
    file.write_text(text)
    return read_yaml(file)


@pytest.mark.parametrize("text", [
    "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: no}\n",
    "[a, 2020-01-01, 0x10, ~, true, !!set {a, b}, '1.50', !!str 5]",
    "!!omap [a: b]",
    "{1: one, ~: none, 2020-01-01: a date}",
    "a: {b: 1, b: 2}",
    "",
])  # fmt: skip
def test_a_value_is_what_pyyaml_reads(text: str, tmp_path: Path) -> None:
    assert read(text, tmp_path) == yaml.safe_load(text)


def test_a_fraction_keeps_its_places(tmp_path: Path) -> None:
    assert str(read("12.50", tmp_path)) == "12.50"


@pytest.mark.parametrize(("text", "message"), [
    ("a:\n  [1]: 2", "line 2: a key must be a text or a number"),
    ("a: 1\n? {a: b}\n: c", "line 2: a key must be a text or a number"),
    ("a:\n  b: &b [1, *b]", "line 2: the value contains itself, by an alias"),
    ("a: !!int x", "line 1: 'x' looks like a number or a date, but is not one"),
    ("a: !!map [a]", "line 1: expected a mapping node, but found sequence"),
    ("a: !!str {a: b}", "line 1: expected a scalar node, but found mapping"),
    ("a: !!python/object:os.system x", "line 1: could not determine a constructor"),
])  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile) as caught:
        read(text, tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that counts as one of this package, in a package of its own."""
    monkeypatch.setattr(resources, "HOME", tmp_path)
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "specs").mkdir()
    (tmp_path / "package" / "__pycache__").mkdir(parents=True)
    file = tmp_path / "specs" / "acme.yaml"
    file.write_text("a: 1.50")
    return file


def kept(file: Path) -> list[Path]:
    return list((file.parent.parent / "package" / "__pycache__").iterdir())


def test_a_shipped_file_is_kept_as_json_until_it_changes(shipped: Path) -> None:
    assert str(read_yaml(shipped)) == "{'a': Decimal('1.50')}"
    (file,) = kept(shipped)
    file.write_bytes(file.read_bytes().replace(b"1.50", b"2.50"))
    assert str(read_yaml(shipped)["a"]) == "2.50", "it was read from there"
    shipped.write_text("a: 3.50")
    assert str(read_yaml(shipped)["a"]) == "3.50"
    assert str(read_yaml(shipped)["a"]) == "3.50"
    assert kept(shipped) == [file]


@pytest.mark.parametrize(
    "damage", [b"", b"\n", b"{", b"\xff\xfe"], ids=["empty", "line", "open", "not UTF-8"]
)
def test_a_kept_file_that_is_damaged_is_written_anew(shipped: Path, damage: bytes) -> None:
    read_yaml(shipped)
    (file,) = kept(shipped)
    whole = file.read_bytes()
    file.write_bytes(whole.partition(b"\n")[0] + b"\n" + damage)
    assert str(read_yaml(shipped)["a"]) == "1.50"
    assert file.read_bytes() == whole


@pytest.mark.parametrize("text", ["{1: 2}", "a: 2020-01-01", "{~: 1}"])
def test_what_json_cannot_hold_is_not_kept(shipped: Path, text: str) -> None:
    shipped.write_text(text)
    assert read_yaml(shipped) == read_yaml(shipped) == yaml.safe_load(text)
    assert kept(shipped) == []


def test_nothing_is_kept_where_python_keeps_nothing(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert str(read_yaml(shipped)["a"]) == "1.50"
    assert kept(shipped) == []


def test_a_file_of_the_user_is_not_kept(shipped: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / "specs" / "acme.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("a: 1.50")
    assert str(read_yaml(own)["a"]) == "1.50"
    assert kept(shipped) == []


def test_a_folder_that_cannot_be_written_is_no_obstacle(shipped: Path) -> None:
    folder = shipped.parent.parent / "package" / "__pycache__"
    folder.rmdir()
    folder.touch()
    assert str(read_yaml(shipped)["a"]) == "1.50"


def test_all_files_of_the_package_can_be_kept_before_the_first_start(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    resources.keep_all()
    (file,) = kept(shipped)
    file.write_bytes(file.read_bytes().replace(b"1.50", b"2.50"))
    assert str(read_yaml(shipped)["a"]) == "2.50"


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_json_can_hold_every_shipped_file(file: Path) -> None:
    content = read_yaml(file)
    assert resources.DECODER.decode(resources.ENCODER.encode(content)) == content
