"""The spec and fixture files: where they are, and how they are read."""

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import yaml

PACKAGE = Path(__file__).parent.parent
# A checkout has `specs` and `fixtures` beside the package. A wheel has them inside the package.
HOME = PACKAGE if (PACKAGE / "specs").is_dir() else PACKAGE.parent

MAX_FILE_BYTES = 5 * 1024 * 1024
MAX_YAML_DEPTH = 100
STRING, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
PLAIN = {(yaml.SequenceNode, "tag:yaml.org,2002:seq"), (yaml.MappingNode, "tag:yaml.org,2002:map")}
NEW, UNFINISHED = object(), object()
ENCODER = msgspec.json.Encoder(decimal_format="number")
DECODER = msgspec.json.Decoder(float_hook=Decimal)


class InvalidFile(Exception):
    """A spec or fixture that cannot be used. The message is one line and names the file and the place."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split())[:500])


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader, except that `12.50` becomes a Decimal, which keeps both decimal places.

    Plain mappings, lists and strings, of which specs consist, are constructed by `_build`: reading all specs
    is a good part of a start, and takes two thirds of the time in this way.
    """

    def construct_document(self, node: yaml.Node) -> Any:
        self._built: dict[yaml.Node, Any] = {}  # the content of nodes with an anchor is shared
        return self._build(node)

    def _build(self, node: yaml.Node) -> Any:
        kind, tag = type(node), node.tag
        if kind is yaml.ScalarNode and tag == STRING:
            return node.value
        if (kind, tag) not in PLAIN:
            return self.construct_object(node, deep=True)
        built = self._built.get(node, NEW)
        if built is NEW:
            self._built[node] = UNFINISHED
            built = self._mapping(node) if isinstance(node, yaml.MappingNode) else self._list(node)
            self._built[node] = built
        elif built is UNFINISHED:
            raise _wrong(node, "the value contains itself, by an alias")
        return built

    def _list(self, node: yaml.Node) -> list[Any]:
        return [self._build(item) for item in node.value]

    def _mapping(self, node: yaml.MappingNode) -> dict[Any, Any]:
        if any([key.tag == MERGE for key, _ in node.value]):
            self.flatten_mapping(node)
        for key, _ in node.value:
            if type(key) is not yaml.ScalarNode:
                raise _wrong(key, "a key must be a text or a number")
        build = self._build
        return {build(key): build(value) for key, value in node.value}


def _wrong(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _scalar(construct: Callable[[Any, yaml.ScalarNode], Any]) -> Callable[[Any, yaml.ScalarNode], Any]:
    """Return a constructor of a scalar that names the line if a value is not valid."""

    def checked(loader: _Loader, node: yaml.ScalarNode) -> Any:
        try:
            return construct(loader, node)
        except (ValueError, ArithmeticError, AttributeError):
            problem = f"{node.value!r} looks like a number or a date, but is not one"
            raise _wrong(node, problem) from None

    return checked


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:float", _scalar(_decimal))
_Loader.add_constructor("tag:yaml.org,2002:int", _scalar(_Loader.construct_yaml_int))
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _scalar(_Loader.construct_yaml_timestamp))


def spec_file(name: str) -> Path:
    return HOME / "specs" / f"{name}.yaml"


def fixture_file(name: str) -> Path:
    return HOME / "fixtures" / f"{name}.yaml"


def word_lists_file() -> Path:
    return HOME / "fixtures" / "word_lists.json"


def faker_words_file() -> Path:
    return HOME / "fixtures" / "faker_words.json"


def read(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file of a vendor.

    Raise InvalidFile if the file cannot be read, is too large, is not YAML, or is not a mapping.
    """
    return parse(path, content_of(path))


def content_of(path: Path) -> bytes:
    """Return the bytes of a YAML file of a vendor. Raise InvalidFile if it cannot be read or is too large."""
    if not path.exists():
        raise InvalidFile(f"{path}: there is no such file: every vendor needs it, so add it")
    return _checked_bytes(path)


def parse(path: Path, content: bytes) -> dict[str, Any]:
    """Return the mapping in the bytes of a file. Raise InvalidFile if they are not YAML, or no mapping."""
    parsed = _value(path, content)
    if not isinstance(parsed, dict):
        raise InvalidFile(f"{path}: the file must be a mapping: write lines such as `name: value`")
    return parsed


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML or JSON file, with decimals instead of floats.

    Raise InvalidFile if the file cannot be read, is too large or is not YAML.
    """
    return _value(path, _checked_bytes(path))


def _value(path: Path, content: bytes) -> Any:
    try:
        return _parsed(path, content)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InvalidFile(f"{path}: line {line}: {error.problem}: correct the YAML there") from None
    except (yaml.YAMLError, ArithmeticError, ValueError, RecursionError) as error:
        raise InvalidFile(f"{path}: {error}: correct the YAML") from None


def _parsed(path: Path, content: bytes) -> Any:
    """Return the content of a file. A file of this package is kept as JSON, which is read much faster.

    It is kept where Python keeps the compiled modules: whoever may write there can change the code itself.
    """
    if path.parent.parent != HOME:
        _check_depth(path, content)
        return yaml.load(content, Loader=_Loader)
    kept, digest = _kept_file(path), _digest(content)
    with suppress(OSError, msgspec.DecodeError):
        first, _, text = kept.read_bytes().partition(b"\n")
        if first == digest:
            return DECODER.decode(text)
    parsed = yaml.load(content, Loader=_Loader)
    if not sys.dont_write_bytecode:
        _keep(kept, digest, parsed)
    return parsed


def keep_all() -> None:
    """Keep all specs and fixtures of this package as JSON, as `compileall` does with its modules."""
    for path in (*HOME.glob("specs/*.yaml"), *HOME.glob("fixtures/*.yaml")):
        content = path.read_bytes()
        _keep(_kept_file(path), _digest(content), yaml.load(content, Loader=_Loader))


def _kept_file(path: Path) -> Path:
    return PACKAGE / "__pycache__" / f"{path.parent.name}-{path.name}.json"


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content).hexdigest().encode()


def _keep(file: Path, digest: bytes, parsed: Any) -> None:
    """Write a parsed file, if JSON can hold all of it, and if the folder can be written."""
    try:
        text = ENCODER.encode(parsed)
    except TypeError:  # a key that is null
        return
    if DECODER.decode(text) != parsed:  # for example a key that is a number, or a date
        return
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        temporary.write_bytes(digest + b"\n" + text)
        temporary.replace(file)


def _checked_bytes(path: Path) -> bytes:
    """Return the bytes of a file. Raise InvalidFile if it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidFile(f"{path}: {error.strerror}: make the file readable") from None
    if len(content) > MAX_FILE_BYTES:
        raise InvalidFile(f"{path}: the file is larger than {MAX_FILE_BYTES // 1024**2} MiB: make it smaller")
    return content


def _check_depth(path: Path, content: bytes) -> None:
    """Raise InvalidFile if YAML is nested too deeply."""
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_YAML_DEPTH:  # the loader is recursive, and would end the process
                line = event.start_mark.line + 1 if event.start_mark else "?"
                raise InvalidFile(
                    f"{path}: line {line}: more than {MAX_YAML_DEPTH} levels: nest the YAML less"
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def floats(schema: Any) -> Any:
    """Return a copy of a document with floats instead of decimals, which some libraries do not support."""
    if isinstance(schema, dict):
        return {key: floats(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [floats(item) for item in schema]
    return float(schema) if isinstance(schema, Decimal) else schema
