"""UUIDs as the vendor reads them: with the parser https://github.com/google/uuid, and its error texts."""

import re
from uuid import UUID

from mockserver.vendor_api import Problem

DASHES = (8, 13, 18, 23)  # indexes of the dashes in a UUID
CANONICAL = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ESCAPES = {  # the short escapes of Go's %q
    "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v",
    "\\": r"\\", '"': r"\"",
}  # fmt: skip


def is_uuid(text: str) -> bool:
    """Return True if a text is a UUID in the form in which the vendor writes it."""
    return CANONICAL.fullmatch(text) is not None


def parse_uuid(text: str) -> str:
    """Return the canonical form of a UUID in any form that Go's uuid.Parse accepts.

    Raise Problem with Go's error text for anything else. Like Go, measure the length in bytes. A text of 38
    bytes is a UUID in braces, but Go does not check the braces: any first and last byte is accepted.
    """
    data = text.encode(errors="surrogateescape")
    match len(data):
        case 32:
            return _from_hexadecimal(data)
        case 36:
            inner = data
        case 38:
            inner = data[1:37]
        case 45:
            if data[:9].lower() != b"urn:uuid:":
                raise _malformed(f"invalid urn prefix: {_quoted(data[:9])}")
            inner = data[9:]
        case length:
            raise _malformed(f"invalid UUID length: {length}")
    if any(inner[dash] != ord("-") for dash in DASHES):
        raise _malformed("invalid UUID format")
    return _from_hexadecimal(bytes(byte for index, byte in enumerate(inner) if index not in DASHES))


def _from_hexadecimal(digits: bytes) -> str:
    if any(digit not in b"0123456789abcdefABCDEF" for digit in digits):
        raise _malformed("invalid UUID format")
    return str(UUID(digits.decode()))


def _malformed(text: str) -> Problem:
    return Problem("bad_request", text, status=500)


def _quoted(prefix: bytes) -> str:
    """Return a string as Go's %q prints it: bytes that are not UTF-8 are escaped one by one."""
    return '"' + "".join(map(_escaped, prefix.decode(errors="surrogateescape"))) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in ESCAPES:
        return ESCAPES[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
