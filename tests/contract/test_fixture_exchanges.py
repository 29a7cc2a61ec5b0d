"""The exchanges of a fixture file: a malformed one is reported in one line, with the file and the fix."""

from pathlib import Path

import pytest

from mockserver.contract.fixture_exchanges import fixture_exchanges
from mockserver.data.resources import InvalidFile

EXCHANGE = {"name": "a", "request": "GET /items/1", "status": "200", "response": "'{}'"}
WRONG_REQUEST = "request must be a method and a path in ASCII, such as GET /items, not"
WRONG_HEADER = "must be a name with a value of latin-1 characters in one line"

# For each mistake: the changed fields of the exchange as YAML (None: left out), and the rest of the message.
WRONG_FIELDS: dict[str, tuple[dict[str, str | None], str]] = {
    "name is missing": ({"name": None}, "exchange 1: Object missing required field `name`: correct it"),
    "status is missing": ({"status": None}, "exchange a: Object missing required field `status`: correct it"),
    "status is a text": ({"status": "'200'"},
        "exchange a: Expected `int`, got `str` - at `$.status`: correct it"),
    "unknown key": ({"statis": "200"}, "exchange a: Object contains unknown field `statis`: correct it"),
    "key is a number": ({"7": "200"}, "exchange a: Expected `str` - at `key` in `$`: correct it"),
    "body is a mapping": ({"body": "{stock: 3}"},
        "exchange a: Expected `str | null`, got `object` - at `$.body`: correct it"),
    "headers are a list": ({"headers": "[Host]"},
        "exchange a: Expected `object`, got `array` - at `$.headers`: correct it"),
    "header with a line break": ({"headers": '{X-A: "b\\r\\nc: d"}'},
        f"exchange a: header X-A {WRONG_HEADER}: correct it"),
    "header beyond latin-1": ({"headers": "{X-A: ł}"}, f"exchange a: header X-A {WRONG_HEADER}: correct it"),
    "header name with a space": ({"headers": "{X A: b}"},
        f"exchange a: header X A {WRONG_HEADER}: correct it"),
    "given is not a list": ({"given": "a"},
        "exchange a: Expected `array`, got `str` - at `$.given`: correct it"),
    "given is unknown": ({"given": "[b]"},
        "exchange a: given contains 'b', but no exchange has this name: correct it"),
    "path with a space": ({"request": "GET /x y"}, f"exchange a: {WRONG_REQUEST} 'GET /x y': correct it"),
    "path is not ASCII": ({"request": "GET /é"}, f"exchange a: {WRONG_REQUEST} 'GET /é': correct it"),
    "unknown method": ({"request": "GIT /items"}, f"exchange a: {WRONG_REQUEST} 'GIT /items': correct it"),
    "request without path": ({"request": "GET"}, f"exchange a: {WRONG_REQUEST} 'GET': correct it"),
    "request without method": ({"request": "/items"}, f"exchange a: {WRONG_REQUEST} '/items': correct it"),
    "response is not JSON": ({"response": "'{'"},
        "exchange a: response is not valid JSON: Expecting property name enclosed in double quotes: line 1 "
        "column 2 (char 1): correct it"),
    "response is nested too deeply": ({"response": "[" * 100_000},
        "exchange a: response is not valid JSON: it is nested too deeply: correct it"),
}  # fmt: skip
WRONG_LISTS = {
    "exchanges is a mapping": ("{}", "exchanges must be a list: begin each exchange with a dash"),
    "exchanges is a text": ("none", "exchanges must be a list: begin each exchange with a dash"),
    "exchange is a text": ("[a]", "exchange 1: Expected `object`, got `str`: correct it"),
}


def exchanges(folder: Path, text: str) -> dict[str, object]:
    file = folder / "acme.yaml"
    file.write_text(f"records: {{}}\nexchanges: {text}\n", encoding="utf-8")
    return dict(fixture_exchanges(file))


def as_yaml(fields: dict[str, str | None]) -> str:
    """Return a mapping with these fields as YAML. The values are YAML already, but for long ones."""
    lines = [
        f"{name}: {value if len(value) < 1000 else repr(value)}" for name, value in fields.items() if value
    ]
    return "\n  - " + "\n    ".join(lines)


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        exchanges(folder, text)
    file, _, rest = str(caught.value).partition(": ")
    assert file == str(folder / "acme.yaml")
    return rest


@pytest.mark.parametrize("name", WRONG_FIELDS)
def test_wrong_field_is_reported_in_one_line(name: str, tmp_path: Path) -> None:
    fields, message = WRONG_FIELDS[name]
    assert mistake(tmp_path, as_yaml({**EXCHANGE, **fields})) == message


@pytest.mark.parametrize(("text", "message"), WRONG_LISTS.values(), ids=WRONG_LISTS)
def test_exchanges_that_are_not_a_list_of_mappings_are_reported(
    text: str, message: str, tmp_path: Path
) -> None:
    assert mistake(tmp_path, text) == message


def test_two_exchanges_of_one_name_are_reported(tmp_path: Path) -> None:
    text = as_yaml({**EXCHANGE}) * 2
    assert mistake(tmp_path, text) == "exchange a: another exchange has the same name: rename one of them"


@pytest.mark.parametrize("text", ["", "[]"])
def test_fixture_file_may_have_no_exchanges(text: str, tmp_path: Path) -> None:
    assert exchanges(tmp_path, text) == {}


def test_response_may_be_empty(tmp_path: Path) -> None:
    exchanges(tmp_path, as_yaml({**EXCHANGE, "status": "204", "response": "''"}))
    [exchange] = fixture_exchanges(tmp_path / "acme.yaml").values()
    assert exchange.accepts(204, "")
    assert not exchange.accepts(204, '""')
    assert not exchange.accepts(200, "")
