"""Records as bytes, and back again, so that every value keeps its type and its text.

JSON has one kind of number. Here, a number with a fraction or an exponent is a Decimal, which is what most
records have. Other values that JSON lacks are written as an object with the single name `TAG`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from mockserver.vendor_api.json_text import encode

TAG = "\x00"  # an object that has this name itself is written as a list of its members
PLAIN, TEXT = frozenset((str, int, bool, type(None))), frozenset((str,))
KEPT = "JSON, Decimal, datetime, date, UUID, bytes, tuple, set or frozenset"
COLLECTIONS = (list, tuple, set, frozenset)
_SMALL_OFFSET = re.compile(r"([+-])00:00:00\.(\d{6})\Z")  # `datetime.fromisoformat` takes it for UTC
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=repr).encode
_is_whole = Decimal(1).same_quantum  # it compares exponents
_latest: tuple[Any, bytes] = (None, b"null")  # a record and its text


class NotKept(TypeError):
    """Raised if a record holds a value of another type than those in `KEPT`. The message says where."""


def encode_value(value: Any) -> bytes:
    """Return a value as JSON. Raise NotKept if it contains one that cannot be kept."""
    if not is_plain(value):
        return encode(_tagged(value))
    return text_of(value) if type(value) is dict else encode(value)


def text_of(record: Any) -> bytes:
    """Return a record as JSON, and what JSON lacks as its `repr`.

    Raise TypeError, ValueError or RecursionError if there is no such text.

    A write needs the text of its record three times, for the store and the journal. So the latest one is
    remembered. Nobody changes a record that has been put into a collection.
    """
    global _latest
    latest, text = _latest
    if latest is not record:
        text = _encode(record)
        _latest = record, text
    return text


def decode_value(text: bytes) -> Any:
    """Return the value that `encode_value` was given. Raise ValueError if the text is damaged."""
    value = _decode(text)
    return _untagged(value) if b'"\\u0000"' in text else value


def is_plain(value: Any) -> bool:
    """Return True if JSON keeps everything of a value."""
    kind = type(value)
    if kind is dict:
        if TAG in value or not TEXT.issuperset(map(type, value)):
            return False
        value = value.values()
    elif kind is not list:
        return kind in PLAIN or (kind is Decimal and _keeps_its_kind(value))
    for member in value:
        kind = type(member)
        if kind in PLAIN:
            continue
        if kind is Decimal:  # what most of the others are, so without a call of `_keeps_its_kind`
            if _is_whole(member) or not member.is_finite():
                return False
        elif not is_plain(member):
            return False
    return True


def _keeps_its_kind(number: Decimal) -> bool:
    """Return True if the text of a Decimal has a fraction or an exponent, so it cannot be that of an int."""
    return number.is_finite() and not _is_whole(number)


def _tagged(value: Any) -> Any:
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is dict:
        if all(type(name) is str and name != TAG for name in value):
            return {name: _tagged(member) for name, member in value.items()}
        return {TAG: ["dict", [[_tagged(one) for one in pair] for pair in value.items()]]}
    if kind is list:
        return [_tagged(member) for member in value]
    if kind is Decimal and _keeps_its_kind(value):
        return value
    if kind not in _TEXTS:
        raise NotKept(f"a {kind.__qualname__} is not {KEPT}")
    return {TAG: [kind.__name__, _TEXTS[kind](value)]}


def _members(value: Any) -> list[Any]:
    return [_tagged(member) for member in value]


def _members_in_order(value: Any) -> list[Any]:
    """Return the members of a set in an order that is the same in every process."""
    return sorted(_members(value), key=encode)


def _datetime(value: datetime) -> list[Any]:
    """Return a datetime as ISO 8601, with its `fold`, and the name of its zone if it has one."""
    zone = value.tzinfo
    if zone is None or (type(zone) is timezone and repr(zone) == repr(timezone(zone.utcoffset(None)))):
        return [value.isoformat(), value.fold]
    if type(zone).__module__ == "zoneinfo" and (name := getattr(zone, "key", None)):
        return [value.replace(tzinfo=None).isoformat(), value.fold, name]
    raise NotKept(f"a datetime with a {type(zone).__qualname__} is not {KEPT}")


def _datetime_from(text: str, fold: int, zone: str = "") -> datetime:
    value = datetime.fromisoformat(text).replace(fold=fold)
    if offset := _SMALL_OFFSET.search(text):
        value = value.replace(tzinfo=timezone(timedelta(microseconds=int(offset[1] + offset[2]))))
    if not zone:
        return value
    from zoneinfo import ZoneInfo  # hardly any record has one

    return value.replace(tzinfo=ZoneInfo(zone))


_TEXTS: Mapping[type, Callable[[Any], Any]] = {
    tuple: _members,
    set: _members_in_order,
    frozenset: _members_in_order,
    float: repr,
    Decimal: str,
    datetime: _datetime,
    date: date.isoformat,
    UUID: str,
    bytes: bytes.hex,
}


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(member) for member in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {name: _untagged(member) for name, member in value.items()}
    match value[TAG]:
        case ["dict", list(members)]:
            return {_untagged(name): _untagged(member) for name, member in members}
        case ["tuple" | "set" | "frozenset" as kind, list(members)]:
            return _KINDS[kind](map(_untagged, members))
        case ["datetime", list(parts)]:
            return _datetime_from(*parts)
        case ["float" | "Decimal" | "date" | "UUID" | "bytes" as kind, str(text)]:
            return _KINDS[kind](text)
    raise ValueError(f"there is no kind of value {str(value[TAG])[:50]}")


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "float": float,
    "Decimal": Decimal,
    "date": date.fromisoformat,
    "UUID": UUID,
    "bytes": bytes.fromhex,
}


def unkept(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and the type of each member of a value that cannot be kept."""
    if type(value) is dict:
        for name, member in value.items():
            yield from unkept(name, f"{place}.{name}")
            yield from unkept(member, f"{place}.{name}")
    elif type(value) in COLLECTIONS:
        for index, member in enumerate(value):
            yield from unkept(member, f"{place}[{index}]")
    else:
        try:
            _tagged(value)
        except NotKept:
            yield place.lstrip("."), type(value).__qualname__
