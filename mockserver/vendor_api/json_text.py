"""JSON encoding and decoding that keeps the digits of decimals: `12.50` stays `12.50`."""

import re
from decimal import Decimal
from typing import Any

import msgspec

MAX_DECODED_AT_ONCE = 1024 * 1024  # bytes; while msgspec decodes, no other thread runs
PIECE = 64 * 1024
# A whole string, or a character that may be structure. A string may contain the characters of the structure.
# One that is not closed goes on to the end: to search on from each of its quotes would take quadratic time.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\],]', re.DOTALL)
MAX_DEPTH = 100  # functions that call themselves for each level could not read deeper values
encode = msgspec.json.Encoder(decimal_format="number").encode


def pretty(value: Any) -> bytes:
    """Return a value as indented JSON that ends with a newline, for files that people read and edit."""
    return msgspec.json.format(encode(value), indent=2) + b"\n"


def _decimal(text: str) -> Decimal:
    """Return a number with the digits of its text. `5e0` becomes `5.0`, so that it keeps a fraction."""
    number = Decimal(text)
    if "e" not in text and "E" not in text:  # then it has a fraction
        return number
    return number if number.as_tuple().exponent else Decimal(f"{number}.0")


_decode = msgspec.json.Decoder(float_hook=_decimal).decode


def decode(text: bytes | str) -> Any:
    """Parse JSON. Numbers with a fraction or an exponent become `Decimal`.

    Raise ValueError if `text` is not JSON, if it is nested more than `MAX_DEPTH` levels deep, or if Python
    cannot represent its values.
    """
    try:
        long = isinstance(text, bytes) and len(text) > MAX_DECODED_AT_ONCE
        value = _Pieces(text).decode() if long else _decode(text)
    except (msgspec.MsgspecError, RecursionError, ArithmeticError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    if len(text) > MAX_DEPTH and _count_brackets(text) > MAX_DEPTH and _is_too_deep(value):
        raise ValueError(f"the JSON is nested more than {MAX_DEPTH} levels deep")
    return value


def _count_brackets(text: bytes | str) -> int:
    brackets: Any = "{[" if isinstance(text, str) else (b"{", b"[")
    return sum(map(text.count, brackets))


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        children = (node.values() if isinstance(node, dict) else node for node in level)
        level = [child for some in children for child in some if isinstance(child, dict | list)]
        if not level:
            return False
    return True


class _Pieces:
    """Decodes a long text piece by piece, so that other threads can run in between.

    A long object or list is cut at commas between its members. Every byte except its brackets and these
    commas is part of a piece that msgspec decodes, so invalid JSON is refused as ever.
    """

    def __init__(self, text: Any) -> None:
        self._text: bytes = text
        self._tokens = TOKEN.finditer(text)

    def decode(self) -> Any:
        """Return the value. Raise ValueError if the text is not JSON."""
        first = next(self._tokens, None)
        if first is None or first[0] not in (b"{", b"[") or self._text[: first.start()].strip():
            return _decode(self._text)
        end, value = self._read(first[0], first.end(), 1)
        if self._text[end:].strip():
            raise ValueError("there is more after the value")
        return _decode(self._text) if value is None else value

    def _read(self, opening: bytes, start: int, depth: int) -> tuple[int, Any]:
        """Return the end of the object or list that begins at `start`, and its value; None if it is short."""
        if depth > MAX_DEPTH:
            raise ValueError(f"the JSON is nested more than {MAX_DEPTH} levels deep")
        value: Any = None
        pending = member = start  # the beginnings of what is not decoded yet, and of the current member
        for token in self._tokens:
            at = token.start()
            match token[0]:
                case b"{" | b"[" as nested:
                    end, inner = self._read(nested, at + 1, depth + 1)
                    if inner is not None:
                        value = self._joined(opening, value, pending, member - 1)
                        value = self._with_member(opening, value, self._text[member:at], inner)
                        pending = end
                case b"," if at - pending > PIECE or pending > member:
                    value = self._joined(opening, value, pending, at, after_value=pending > member)
                    pending = member = at + 1
                case b",":
                    member = at + 1
                case b"}" | b"]" as closing:
                    if (opening, closing) not in ((b"{", b"}"), (b"[", b"]")):
                        raise ValueError("brackets do not match")
                    if value is not None:
                        value = self._joined(opening, value, pending, at, after_value=pending > member)
                    return at + 1, value
        raise ValueError("a bracket is not closed")

    def _joined(self, opening: bytes, value: Any, start: int, end: int, *, after_value: bool = False) -> Any:
        """Return a value with the members between two positions added to it."""
        value = ({} if opening == b"{" else []) if value is None else value
        part = self._text[start:end]
        if (
            after_value or end < start
        ):  # a long member ends at `start`, or there is no member before the first
            if part.strip():
                raise ValueError("a comma is missing")
        elif not part.strip():
            raise ValueError("a value is missing")
        elif opening == b"{":
            value.update(_decode(b"{%b}" % part))
        else:
            value.extend(_decode(b"[%b]" % part))
        return value

    def _with_member(self, opening: bytes, value: Any, before: bytes, inner: Any) -> Any:
        """Return a value with one more member. `before` is the text before it: its key, or nothing."""
        if opening == b"{":
            (key,) = _decode(b"{%b0}" % before)
            value[key] = inner
        elif before.strip():
            raise ValueError("a comma is missing")
        else:
            value.append(inner)
        return value
