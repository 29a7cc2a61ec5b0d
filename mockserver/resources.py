"""The spec and fixture files: where they are, and how they are read."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(__file__).parent
# A checkout has `specs` and `fixtures` beside the package. A wheel has them inside the package.
HOME = PACKAGE if (PACKAGE / "specs").is_dir() else PACKAGE.parent


class InvalidFile(Exception):
    """A spec or fixture that cannot be used. The message is one line and names the file and the place."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split())[:500])


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader, except that `12.50` becomes a Decimal, which keeps both decimal places."""


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def spec_file(name: str) -> Path:
    return HOME / "specs" / f"{name}.yaml"


def fixture_file(name: str) -> Path:
    return HOME / "fixtures" / f"{name}.yaml"


def word_lists_file() -> Path:
    return HOME / "fixtures" / "vocabulary.json"


def read(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raise InvalidFile if the file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        content = yaml.load(path.read_bytes(), Loader=_Loader)
    except FileNotFoundError:
        raise InvalidFile(f"{path}: there is no such file: every vendor needs it, so add it") from None
    except OSError as error:
        raise InvalidFile(f"{path}: {error.strerror}: make the file readable") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InvalidFile(f"{path}: line {line}: {error.problem}: correct the YAML there") from None
    except (yaml.YAMLError, ArithmeticError, UnicodeDecodeError) as error:
        raise InvalidFile(f"{path}: {error}: correct the YAML") from None
    if not isinstance(content, dict):
        raise InvalidFile(f"{path}: the file must be a mapping: write lines such as `name: value`")
    return content
