"""Calls as they come back from a store, for the tests of the codec of calls."""

import base64
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from mockserver import app
from mockserver.control.journal.entry_json import entry_json, summary_json
from mockserver.control.journal.har import har_of
from mockserver.control.webhooks.delivery_entry import DELIVERY
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.recording.call_codec import CallCodec
from mockserver.server.recording.kept_calls import KINDS
from mockserver.vendor_api.json_text import encode

GZIP = b"\x1f\x8b\x08"


def codec_of(mock: app.Mock) -> CallCodec:
    contracts = {contract.vendor.name: contract for contract in mock.contracts}
    return CallCodec(contracts, (*KINDS, DELIVERY))


def kept(mock: app.Mock, entry: KeptEntry) -> tuple[KeptEntry, bytes]:
    """Return an entry as it comes back from a store, at its place in its journal, and its bytes there."""
    codec, sandbox = codec_of(mock), mock.sandboxes.find(entry.sandbox)
    data = codec.encode(entry)
    found = codec.decode(data, entry.sandbox, sandbox.credential if sandbox else "")
    found.serial, found.arrived = entry.serial, entry.arrived
    return found, data


def shown(entry: KeptEntry) -> dict[str, bytes]:
    """Return all that is shown of an entry, as JSON."""
    whole, without_answer, summary = entry.entry(), entry.entry(with_answer=False), entry.summary()
    return {
        "direction": encode(entry.direction),
        "weight": encode(entry.weight),
        "summary": encode(summary),
        "entry": encode(whole),
        "entry without its answer": encode(without_answer),
        "as the control API shows it": encode([entry_json(whole), summary_json(summary)]),
        "HAR": har_of(entry, "http://mock"),
    }


def restore(mock: app.Mock, sandbox: Sandbox) -> None:
    """Let a sandbox's journal hold its calls as they come back from a store, with new numbers."""
    restored = [kept(mock, entry)[0] for entry in sandbox.journal.entries()]
    sandbox.journal.clear()
    for entry in restored:
        sandbox.journal.add(entry)


def forms_of(secret: str) -> Iterator[bytes]:
    """Yield a text as bytes, as base64 at each of the three places in a group, and as text of other kinds."""
    data = secret.encode()
    yield data
    yield data[::-1]
    yield data.hex().encode()
    yield "".join(f"\\u{ord(one):04x}" for one in secret).encode()
    yield quote(secret, safe="").encode()
    for before in (b"", b"x", b"xx"):
        inside = base64.b64encode(before + data + b"xx")[4:-4]
        yield inside
        yield inside.translate(bytes.maketrans(b"+/", b"-_"))


def finds(data: bytes, secret: str) -> bool:
    """Return True if bytes hold a secret in one of its forms."""
    plain = [data, unquote_to_bytes(data), data.lower(), data.replace(b"\0", b"")]
    for place in re.finditer(re.escape(GZIP), data):
        with suppress(zlib.error):
            plain.append(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data[place.start() :]))
    return any(form in text or form.lower() in text for form in forms_of(secret) for text in plain)


def unredacted(entry: Any) -> bytes:
    """Return all that an entry in memory has, with its secrets."""
    return repr(entry).encode()
