"""Changes that can be undone: they are in the address of a page, to the digit, and only for their record."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from mockserver.console.edits import MAX_LENGTH, read, text_of
from mockserver.vendor_api.json_text import decode, encode

KEY = b"key"


def made(former: str, saved: str) -> str:
    text = text_of(KEY, "/a", decode(former), decode(saved))
    assert text is not None
    return text


def test_change_has_the_changed_fields_to_the_digit() -> None:
    text = made('{"price":1.50,"old":[1],"same":3}', '{"price":1.5,"new":"\u03c0","same":3}')
    assert text.isascii()
    found = read(KEY, "/a", text)
    assert encode(found) == '[{"price":1.50,"old":[1]},{"price":1.5,"new":"\u03c0"}]'.encode()


def test_change_is_found_for_its_record_and_with_its_key_only() -> None:
    text = made('{"price":1.50}', '{"price":2.00}')
    signed = urlsafe_b64decode(text)
    forged = urlsafe_b64encode(signed[:-1] + bytes([signed[-1] ^ 1])).decode()
    assert read(KEY, "/a", text) is not None
    for wrong in ("", "x", "=", "\u03c0", text[4:], text[:-4], forged):
        assert read(KEY, "/a", wrong) is None, wrong
    assert read(KEY, "/b", text) is None
    assert read(b"another", "/a", text) is None


@pytest.mark.parametrize(("size", "fits"), [(MAX_LENGTH // 3, True), (MAX_LENGTH, False)])
def test_change_is_not_longer_than_an_address_may_be(size: int, fits: bool) -> None:
    text = "".join(chr(48 + number * number % 75) + f"{number:x}" for number in range(size // 3))
    assert (text_of(KEY, "/a", {"text": text}, {"text": ""}) is not None) == fits
