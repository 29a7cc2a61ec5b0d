"""JSON texts: numbers keep their digits, and are whole or not as they are written."""

from decimal import Decimal

import pytest

from mockserver.vendor_api.json_text import decode, encode


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("5.0", Decimal("5.0")), ("5e0", Decimal("5.0")), ("5E0", Decimal("5.0")),
        ("-7e-0", Decimal("-7.0")), ("1e1", Decimal("1E+1")), ("12.50", Decimal("12.50")),
        ("12345678901234567890123456789012e0", Decimal("12345678901234567890123456789012.0")),
    ],
)  # fmt: skip
def test_number_is_an_int_only_without_fraction_and_exponent(text: str, value: object) -> None:
    decoded = decode(text)
    assert (type(decoded), str(decoded)) == (type(value), str(value))


def test_decimal_is_written_with_its_digits() -> None:
    assert encode({"price": Decimal("1600.00")}) == b'{"price":1600.00}'
