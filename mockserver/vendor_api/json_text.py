"""JSON encoding and decoding that keeps the digits of decimals: `12.50` stays `12.50`."""

from decimal import Decimal
from typing import Any

import msgspec

encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def decode(text: bytes | str) -> Any:
    """Parse JSON. Numbers with a fraction or an exponent become `Decimal`.

    Raise ValueError if `text` is not JSON, or if Python cannot represent its values.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError, ArithmeticError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
