"""Records as bytes keep the type, the text and the order of everything in them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.sandbox.log.values import KEPT as TYPES
from mockserver.sandbox.log.values import NotKept, decode_value, encode_value, unkept
from tests.sandbox.parts.followed import exactly

DAY, BERLIN = timedelta(days=1), ZoneInfo("Europe/Berlin")
KEPT: dict[str, tuple[Any, bytes]] = {
    "an int": (5, b"5"),
    "a long int": (10**30, b"1" + b"0" * 30),
    "a Decimal with a zero": (Decimal("5.0"), b"5.0"),
    "a Decimal as money": (Decimal("12.50"), b"12.50"),
    "a Decimal with an exponent": (Decimal("1E+22"), b"1E+22"),
    "a negative zero": (Decimal("-0.0"), b"-0.0"),
    "a text": ("12.50", b'"12.50"'),
    "an empty object": ({}, b"{}"),
    "the order of an object": ({"b": 1, "a": [None, True]}, b'{"b":1,"a":[null,true]}'),
    # What JSON lacks has a tag.
    "a Decimal without a fraction": (Decimal("5"), rb'{"\u0000":["Decimal","5"]}'),
    "a Decimal that is no number": (Decimal("NaN"), rb'{"\u0000":["Decimal","NaN"]}'),
    "a float": (12.5, rb'{"\u0000":["float","12.5"]}'),
    "an infinite float": (float("-inf"), rb'{"\u0000":["float","-inf"]}'),
    "a tuple": ((1, ()), rb'{"\u0000":["tuple",[1,{"\u0000":["tuple",[]]}]]}'),
    "a datetime without a zone": (
        datetime(2026, 1, 2, 3, 4, 5),
        rb'{"\u0000":["datetime",["2026-01-02T03:04:05",0]]}',
    ),
    "a datetime with an offset": (
        datetime(2026, 1, 2, tzinfo=UTC),
        rb'{"\u0000":["datetime",["2026-01-02T00:00:00+00:00",0]]}',
    ),
    "a datetime with an offset of less than a second": (
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(microseconds=-5))),
        rb'{"\u0000":["datetime",["2026-01-02T00:00:00-00:00:00.000005",0]]}',
    ),
    "a datetime with a zone": (
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        rb'{"\u0000":["datetime",["2026-10-25T02:30:00",1,"Europe/Berlin"]]}',
    ),
    "a date": (date(2026, 1, 2), rb'{"\u0000":["date","2026-01-02"]}'),
    "a UUID": (UUID(int=5), rb'{"\u0000":["UUID","00000000-0000-0000-0000-000000000005"]}'),
    "bytes": (b"\x00\xff", rb'{"\u0000":["bytes","00ff"]}'),
    "a set": ({"b", "a"}, rb'{"\u0000":["set",["a","b"]]}'),
    "a frozenset": (frozenset([2, 1]), rb'{"\u0000":["frozenset",[1,2]]}'),
    "an object with numbers for names": ({1: 2}, rb'{"\u0000":["dict",[[1,2]]]}'),
    "an object with the name of a tag": ({"\x00": [1]}, rb'{"\u0000":["dict",[["\u0000",[1]]]]}'),
    "the name of a tag as a text": ("\x00", rb'"\u0000"'),
}


@pytest.mark.parametrize(("value", "text"), KEPT.values(), ids=KEPT)
def test_value_comes_back_exactly(value: Any, text: bytes) -> None:
    for whole in (value, {"a": [value]}):
        encoded = encode_value(whole)
        assert text in encoded
        assert exactly(decode_value(encoded)) == exactly(whole)
    assert encode_value(value) == text


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
OFFSETS = st.timedeltas(-DAY, DAY).filter(lambda offset: abs(offset) < DAY).map(timezone)
ZONES = st.none() | OFFSETS | st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]).map(ZoneInfo)
DATETIMES = st.datetimes(timezones=ZONES).flatmap(
    lambda value: st.sampled_from([0, 1]).map(lambda fold: value.replace(fold=fold))
)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), TEXTS)
OTHERS = st.one_of(DATETIMES, st.dates(), st.uuids(), st.binary(max_size=5))
SCALARS = st.one_of(PLAIN, st.floats(), st.decimals(), OTHERS)
MEMBERS = st.recursive(PLAIN | OTHERS, lambda inner: st.frozensets(inner), max_leaves=5)
VALUES = st.recursive(
    SCALARS | st.sets(MEMBERS) | st.frozensets(MEMBERS),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text("a\x00"), inner),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(VALUES)
def test_any_value_comes_back_exactly(value: Any) -> None:
    assert exactly(decode_value(encode_value(value))) == exactly(value)


class Number(int):
    pass


@dataclass
class Price:
    amount: Decimal


NOT_KEPT = {
    "a dataclass": Price(Decimal(1)),
    "an int of another class": Number(5),
    "a datetime with another zone": datetime(2026, 1, 2, tzinfo=timezone(DAY / 24, "CET")),
    "an object": object(),
    "a type": int,
}


@pytest.mark.parametrize("value", NOT_KEPT.values(), ids=NOT_KEPT)
def test_anything_else_is_refused_and_found(value: Any) -> None:
    with pytest.raises(NotKept, match=f"{type(value).__name__}.* is not {TYPES}"):
        encode_value({"a": [value]})
    found = [*unkept({"a": [1, ({"b": value}, {2})], "c": b""})]
    assert found == [("a[1][0].b", type(value).__qualname__)]
