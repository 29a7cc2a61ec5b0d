"""JSON texts: numbers keep their digits, and are whole or not as they are written."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.vendor_api import json_text
from mockserver.vendor_api.json_text import MAX_DEPTH, decode, encode


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("5.0", Decimal("5.0")), ("5e0", Decimal("5.0")), ("5E0", Decimal("5.0")),
        ("1.0e1", Decimal("10.0")), ("0.5e1", Decimal("5.0")), ("-0.0", Decimal("-0.0")),
        ("1E+2", Decimal("1E+2")),
        ("-7e-0", Decimal("-7.0")), ("1e1", Decimal("1E+1")), ("12.50", Decimal("12.50")),
        ("12345678901234567890123456789012e0", Decimal("12345678901234567890123456789012.0")),
    ],
)  # fmt: skip
def test_number_is_an_int_only_without_fraction_and_exponent(text: str, value: object) -> None:
    decoded = decode(text)
    assert (type(decoded), str(decoded)) == (type(value), str(value))


SPELLINGS = ["5e0", "5E+0", "0.5e1", "50e-1", "5.0", "1.0e1", "10e0", "1E+2", "-0.0", "0e0", "0.0", "1e-1"]
COUNT = {
    "stock": ("PATCH", "/api/v2/inventory/id/10001", '{"stock": %s}'),
    "change of stock": ("PATCH", "/api/v2/inventory/id/10001", '{"stock": {"adjust_by": %s}}'),
    "products": ("POST", "/_mock/sandboxes", '{"products": %s}'),
    "status": ("PUT", "/_mock/sandboxes/SANDBOX/faults", "[%s]"),
    "number of calls": ("POST", "/_mock/requests/verify", '{"match": {}, "at_least": %s}'),
    "record": ("PATCH", "/_mock/sandboxes/SANDBOX/records/merchantpro/inventory/10001", '{"stock": %s}'),
}
AMOUNT = {
    "price": ("PATCH", "/api/v2/inventory/id/10001", '{"price_net": %s}'),
    "seconds": ("PUT", "/_mock/sandboxes/SANDBOX/clock", '{"action": "advance", "seconds": %s}'),
    "probability": ("PUT", "/_mock/sandboxes/SANDBOX/faults", '[{"probability": %s, "delay": %s}]'),
    "price of a record": (
        "PATCH", "/_mock/sandboxes/SANDBOX/records/merchantpro/inventory/10001", '{"price_net": %s}'
    ),
}  # fmt: skip
SMALL = ["0e0", "0.0", "1e-1", "10e-1", "1.0"]


def send(api: httpx.Client, sandbox: str, request: tuple[str, str, str], number: str) -> int:
    """Send a body with a number in it to a sandbox, and return the status."""
    method, path, body = request
    headers, auth = {"Content-Type": "application/json"}, (f"sbx_{sandbox}", "x")
    api.get("/api/v2/inventory/id/10001", auth=auth)  # makes the sandbox
    path, content = path.replace("SANDBOX", sandbox), body.replace("%s", number)
    return api.request(method, path, content=content, headers=headers, auth=auth).status_code


@pytest.mark.finding("A9")
@pytest.mark.parametrize("number", SPELLINGS)
@pytest.mark.parametrize("request_", COUNT.values(), ids=COUNT)
def test_number_with_fraction_or_exponent_is_not_whole(
    api: httpx.Client, sandbox: str, request_: tuple[str, str, str], number: str
) -> None:
    assert send(api, sandbox, request_, number) == 400


@pytest.mark.finding("A9")
@pytest.mark.parametrize("number", SMALL)
@pytest.mark.parametrize("request_", AMOUNT.values(), ids=AMOUNT)
def test_amount_has_any_spelling(
    api: httpx.Client, sandbox: str, request_: tuple[str, str, str], number: str
) -> None:
    assert send(api, sandbox, request_, number) == 200


HUGE = ["1e400", "-1e400", "1e999999999", "9" * 400, "-" + "9" * 400, "9" * 5000, "1" + "0" * 400 + ".5"]


@pytest.mark.finding("A9")
@pytest.mark.parametrize("number", HUGE, ids=lambda number: number[:12])
@pytest.mark.parametrize("request_", [*COUNT.values(), *AMOUNT.values()], ids=[*COUNT, *AMOUNT])
def test_huge_number_never_breaks_the_server(
    api: httpx.Client, sandbox: str, request_: tuple[str, str, str], number: str
) -> None:
    assert send(api, sandbox, request_, number) in (400, 406)


def test_decimal_is_written_with_its_digits() -> None:
    assert encode({"price": Decimal("1600.00")}) == b'{"price":1600.00}'


def nested(levels: int, kind: str) -> str:
    """Return JSON with this many levels of objects or lists."""
    opening, closing = {"object": ('{"a":', "}"), "list": ("[", "]")}[kind]
    return opening * levels + "1" + closing * levels


@pytest.mark.finding("A3")
@pytest.mark.parametrize("kind", ["object", "list"])
def test_json_has_at_most_100_levels(kind: str) -> None:
    decode(nested(MAX_DEPTH, kind))
    decode(f"[{','.join([nested(5, kind)] * 100)}]")
    for levels in (MAX_DEPTH + 1, 400, 900, 100_000):
        with pytest.raises(ValueError, match=r"levels|depth|recursion"):
            decode(nested(levels, kind))


DEEP: dict[str, tuple[str, str, str]] = {
    "change": ("PATCH", "/api/v2/inventory/id/10001", '{"stock": %s}'),
    "count": ("POST", "/_mock/requests/count", '{"body": {"stock": %s}}'),
    "verify": ("POST", "/_mock/requests/verify", '{"match": {"body": {"stock": %s}}}'),
    "faults": ("PUT", "/_mock/sandboxes/demo/faults",
               '[{"vendor": "sabi", "fault": {"type": "response", "status": 200, "body": %s}}]'),
    "record": ("PATCH", "/_mock/sandboxes/demo/records/narvar/items/9999", '{"inventory": %s}'),
    "import": ("PUT", "/_mock/sandboxes/deep/import", '{"records": {"a": %s}}'),
}  # fmt: skip


@pytest.mark.finding("A3")
@pytest.mark.parametrize("levels", [50, 90, 100, 101, 400, 900])
@pytest.mark.parametrize("request_", DEEP.values(), ids=DEEP)
def test_deep_json_breaks_nothing(api: httpx.Client, request_: tuple[str, str, str], levels: int) -> None:
    for kind in ("object", "list"):
        method, path, body = request_
        headers = {"Content-Type": "application/json", "Authorization": "Basic ZGVtbzp4"}
        answer = api.request(method, path, content=body % nested(levels, kind), headers=headers)
        assert answer.status_code in (200, 400, 406)
        shown = api.post("/_mock/requests/verify", json={"match": {"body": {"stock": 1}}, "never": True})
        assert shown.status_code in (200, 406)
    api.delete("/_mock/sandboxes/demo/faults")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=12)
    | st.sampled_from(["[", '"}', "\\"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=6),
    max_leaves=40,
)


@pytest.fixture
def tiny_pieces() -> Iterator[None]:
    """Cut every text into the smallest pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "MAX_DECODED_AT_ONCE", 0)
        patch.setattr(json_text, "PIECE", 3)
        yield


@pytest.mark.finding("A3")
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(VALUES, st.sampled_from([None, 1]))
def test_long_text_is_decoded_in_pieces_as_at_once(tiny_pieces: None, value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    assert decode(text.encode()) == decode(text) == value


BROKEN = [
    '{"a": [1, 2, 3, 4, 5], }', '{, "a": [1, 2, 3, 4, 5]}', '{"a": [1, 2, 3, 4, 5] "b": 1}',
    "[[1, 2, 3, 4, 5] 7]", "[7 [1, 2, 3, 4, 5]]", "[[1, 2, 3, 4, 5],, 7]", "[1, 2, 3, 4, 5",
    '{"a": [1, 2, 3, 4, 5}]', "[1, 2, 3, 4, 5]]", '{"a": 1, "b": "unclosed, 2, 3]}', '[1, 2, 3, 4, 5] "x"',
    "x [1, 2, 3, 4, 5]", '{[1, 2, 3, 4, 5]: 1}', '{"a" [1, 2, 3, 4, 5]}', '{"a":: [1, 2, 3, 4, 5]}',
    '["a": [1, 2, 3, 4, 5]]', "[1, 2, 3, 4, 5,]", "[,1, 2, 3, 4, 5]", "{1: [1, 2, 3, 4, 5]}",
    "[[[[1, 2, 3, 4, 5]]]", "[[1, 2, 3, 4, 5][1, 2, 3, 4, 5]]", "", " ", '"',
]  # fmt: skip


@pytest.mark.finding("A3")
@pytest.mark.parametrize("text", BROKEN)
def test_broken_text_is_refused_in_pieces_too(tiny_pieces: None, text: str) -> None:
    with pytest.raises(ValueError):
        decode(text.encode())


@pytest.mark.finding("A3")
def test_no_piece_of_a_long_text_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    usual = json_text._decode

    def measured(text: Any) -> Any:
        sizes.append(len(text))
        return usual(text)

    monkeypatch.setattr(json_text, "_decode", measured)
    records = {str(number): {"name": "x" * 50, "stock": number} for number in range(40_000)}
    document = {
        "records": {"v": {"c": {"changed": records, "added": [*records.values()], "deleted": [*records]}}}
    }
    assert decode(json.dumps(document).encode()) == document
    assert max(sizes) < 2 * json_text.PIECE


@pytest.mark.parametrize("end", [b"", b"\\", b'\\"'])
def test_an_unclosed_string_is_one_token(tiny_pieces: None, end: bytes) -> None:
    text = b'{"a": "' + rb"\"" * 1000 + end  # to search on from each quote would take quadratic time
    assert [token.end() for token in json_text.TOKEN.finditer(text)] == [1, 4, len(text)]
    with pytest.raises(ValueError, match="not closed"):
        decode(text)
