"""JSON encoding and decoding that keeps the digits of decimals: `12.50` stays `12.50`."""

from decimal import Decimal
from typing import Any

import msgspec

MAX_DEPTH = 100  # functions that call themselves for each level could not read deeper values
encode = msgspec.json.Encoder(decimal_format="number").encode


def pretty(value: Any) -> bytes:
    """Return a value as indented JSON that ends with a newline, for files that people read and edit."""
    return msgspec.json.format(encode(value), indent=2) + b"\n"


def _decimal(text: str) -> Decimal:
    """Return a number with the digits of its text. `5e0` becomes `5.0`, so that it keeps a fraction."""
    number = Decimal(text)
    return number if number.as_tuple().exponent else Decimal(f"{number}.0")


_decode = msgspec.json.Decoder(float_hook=_decimal).decode


def decode(text: bytes | str) -> Any:
    """Parse JSON. Numbers with a fraction or an exponent become `Decimal`.

    Raise ValueError if `text` is not JSON, if it is nested more than `MAX_DEPTH` levels deep, or if Python
    cannot represent its values.
    """
    try:
        value = _decode(text)
    except (msgspec.MsgspecError, RecursionError, ArithmeticError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    brackets: Any = "{[" if isinstance(text, str) else (b"{", b"[")
    if sum(map(text.count, brackets)) > MAX_DEPTH and _is_too_deep(value):
        raise ValueError(f"the JSON is nested more than {MAX_DEPTH} levels deep")
    return value


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        children = (node.values() if isinstance(node, dict) else node for node in level)
        level = [child for some in children for child in some if isinstance(child, dict | list)]
        if not level:
            return False
    return True
