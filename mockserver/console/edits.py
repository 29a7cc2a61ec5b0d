"""A change that a person has saved on the page of a record, as text in the page's address, to be undone.

Nothing is kept: whichever process or server answers next, the address has all that it needs. A signature
makes sure that no other page can propose a change as if it were the person's own.
"""

import hmac
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from mockserver.vendor_api.json_text import decode, encode

MAX_LENGTH = 4000  # characters: longer addresses are refused by some proxies
SIGNATURE_BYTES = 16
Record = Mapping[str, Any]


def text_of(key: bytes, path: str, former: Record, saved: Record) -> str | None:
    """Return a change to the record at a path in the control API as text, or None if that is too long."""
    change = zlib.compress(encode([changed(former, saved), changed(saved, former)]))
    text = urlsafe_b64encode(_signature(key, path, change) + change).decode()
    return text if len(text) <= MAX_LENGTH else None


def read(key: bytes, path: str, text: str) -> tuple[Record, Record] | None:
    """Return the changed fields before and after a change to the record at a path, or None if it is none."""
    try:
        signed = urlsafe_b64decode(text)
    except ValueError:
        return None
    signature, change = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(key, path, change)):
        return None
    former, saved = decode(zlib.decompress(change))
    return former, saved


def changed(record: Record, other: Record) -> dict[str, Any]:
    """Return the fields of a record that another one lacks, or has with other values."""
    return {
        name: value for name, value in record.items() if name not in other or not same(other[name], value)
    }


def same(one: Any, other: Any) -> bool:
    """Return True if two values are the same to the digit."""
    return encode(one) == encode(other)


def _signature(key: bytes, path: str, change: bytes) -> bytes:
    return hmac.digest(key, path.encode() + b"\0" + change, "sha256")[:SIGNATURE_BYTES]
