"""A journal as an HTTP Archive (HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/)."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from mockserver import __version__
from mockserver.control.journal.reproduce import url_of
from mockserver.control.journal.scope import Scope
from mockserver.data.catalog.products import iso_timestamp
from mockserver.sandbox.journal.entry import Entry, KeptEntry
from mockserver.sandbox.journal.journal import Journal, read_on
from mockserver.vendor_api.json_text import encode

PHRASES = {status.value: status.phrase for status in HTTPStatus}
CREATOR = {"name": "mockserver", "version": __version__}
BEGIN, END = b'{"log":{"version":"1.2","creator":%s,"entries":[' % encode(CREATOR), b"]}}"


def har_of(entry: KeptEntry, base_url: str) -> bytes:
    """Return a HAR document of one call."""
    return BEGIN + _pieces([entry], base_url) + END


async def har_archive(scope: Scope, base_url: str) -> AsyncIterator[bytes]:
    """Yield the pieces of a HAR document of the calls in the journals, with URLs as the clients called them.

    Where that is unknown, because the client did not name a vendor's host, the URL is one under `base_url`.
    The document is never in memory as a whole, and the event loop is free while a piece is made. A call that
    is dropped before its turn is not in the document.
    """
    yield BEGIN
    position, until, separator = 0, scope.end.arrived, b""
    journals = scope.journals
    while entries := (await asyncio.to_thread(_read_on, journals, position, until)):
        position = entries[-1].arrived
        yield separator + await asyncio.to_thread(_pieces, entries, base_url)
        separator = b","
    yield END


def _read_on(journals: Iterable[Journal], after: int, until: int) -> list[KeptEntry]:
    return read_on(journals, after, until)[0]


def _pieces(entries: Iterable[KeptEntry], base_url: str) -> bytes:
    return b",".join(encode(_har_entry(entry.entry(), base_url)) for entry in entries)


def _har_entry(entry: Entry, base_url: str) -> dict[str, Any]:
    query = entry.target.partition("?")[2]
    content_type = dict(entry.response_headers).get("Content-Type", "")
    return {
        "startedDateTime": iso_timestamp(entry.time),
        "time": entry.milliseconds,
        "request": {
            "method": entry.method,
            "url": entry.origin + entry.target if entry.origin else url_of(entry, base_url),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _name_value_list(entry.request_headers),
            "queryString": _name_value_list(parse_qsl(query, keep_blank_values=True, errors="replace")),
            **_post_data(entry),
            "headersSize": -1,
            "bodySize": entry.request_size,
        },
        "response": {
            "status": entry.status,
            "statusText": PHRASES.get(entry.status, ""),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _name_value_list(entry.response_headers),
            "content": {
                "size": entry.response_size,
                "mimeType": content_type,
                "text": entry.response_body,
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": entry.response_size,
        },
        "cache": {},
        "timings": {"send": 0, "wait": entry.milliseconds, "receive": 0},
    }


def _post_data(entry: Entry) -> dict[str, Any]:
    if not entry.request_body:
        return {}
    content_type = dict(entry.request_headers).get("content-type", "")
    return {"postData": {"mimeType": content_type, "text": entry.request_body}}


def _name_value_list(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
