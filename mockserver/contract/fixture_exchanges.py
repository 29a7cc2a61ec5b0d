"""The exchanges of a fixture file: requests, each with the response that a vendor must give to it."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from mockserver.contract.response import is_header
from mockserver.data.resources import InvalidFile, read
from mockserver.sandbox.dialects import Dialect

ANYTHING = "*"  # in an expected response: stands for a string or a whole number that differs from run to run
REQUEST = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /[!-~]*")
NO_BODY = ("no body",)  # unequal to all JSON values


class FixtureExchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request and the response to expect in a dialect.

    `request` is a method and a target. `response` is a JSON text, or empty if no body is expected. `given`
    is a list of names: the exchanges with these names are sent first.
    """

    name: str
    request: str
    status: int
    response: str
    source: str = ""
    headers: dict[str, str] = {}
    body: str | None = None
    given: list[str] = []
    dialect: Dialect = "documented"

    @property
    def method(self) -> str:
        return self.request.partition(" ")[0]

    @property
    def target(self) -> str:
        return self.request.partition(" ")[2]

    def mistake(self, known: set[str]) -> str | None:
        """Return what is wrong with the exchange, or None. `known` holds the names of all exchanges."""
        if not REQUEST.fullmatch(self.request):
            return f"request must be a method and a path in ASCII, such as GET /items, not {self.request!r}"
        for name, value in self.headers.items():
            if not is_header(name, value):
                return f"header {name} must be a name with a value of latin-1 characters in one line"
        if unknown := sorted(set(self.given) - known):
            return f"given contains {unknown[0]!r}, but no exchange has this name"
        try:
            exact(self.response)
        except ValueError as error:
            return f"response is not valid JSON: {error}"
        return None

    def accepts(self, status: int, body: str) -> bool:
        """Return True if a response equals the expected one, with the same order of keys."""
        try:
            return status == self.status and matches(exact(self.response), exact(body))
        except (ValueError, RecursionError):
            return False


def fixture_exchanges(file: Path) -> dict[str, FixtureExchange]:
    """Return the exchanges of a fixture file by name. Raise InvalidFile if one of them is malformed."""
    items = read(file).get("exchanges")
    if items is None:
        return {}
    if not isinstance(items, list):
        raise InvalidFile(f"{file}: exchanges must be a list: begin each exchange with a dash")
    found: dict[str, FixtureExchange] = {}
    for number, item in enumerate(items, 1):
        name = item.get("name") if isinstance(item, dict) else None
        where = f"{file}: exchange {name or number}"
        try:
            exchange = msgspec.convert(item, FixtureExchange)
        except msgspec.ValidationError as error:
            raise InvalidFile(f"{where}: {error}: correct it") from None
        if exchange.name in found:
            raise InvalidFile(f"{where}: another exchange has the same name: rename one of them")
        found[exchange.name] = exchange
    for exchange in found.values():
        if mistake := exchange.mistake(set(found)):
            raise InvalidFile(f"{file}: exchange {exchange.name}: {mistake}: correct it")
    return found


def exact(text: str) -> Any:
    """Parse a JSON text so that a comparison also sees the order of keys and the digits of numbers.

    An object becomes a list of pairs. A number with a fraction or an exponent keeps its text. Raise
    ValueError if the text is not JSON.
    """
    if not text:
        return NO_BODY
    try:
        return json.loads(text, object_pairs_hook=list, parse_float=lambda number: ("number", number))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def matches(expected: Any, got: Any) -> bool:
    """Return True if two values returned by `exact` are equal.

    In `expected`, `*` stands for any string or whole number.
    """
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        return len(expected) == len(got) and all(map(matches, expected, got))
    return bool(expected == got) or (expected == ANYTHING and type(got) in (str, int))
