"""HAR: a journal as an HTTP Archive."""

from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from mockserver.catalog.products import iso_timestamp
from mockserver.control.reproduce import url_of
from mockserver.sandbox.journal.entry import Entry

PHRASES = {status.value: status.phrase for status in HTTPStatus}


def har_entry(entry: Entry, base: str) -> dict[str, Any]:
    """One entry of an HTTP Archive 1.2."""
    query = entry.target.partition("?")[2]
    kind = dict(entry.response_headers).get("Content-Type", "")
    return {
        "startedDateTime": iso_timestamp(entry.time),
        "time": entry.milliseconds,
        "request": {
            "method": entry.method,
            "url": url_of(entry, base),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(entry.request_headers),
            "queryString": _pairs(parse_qsl(query, keep_blank_values=True, errors="replace")),
            **_posted(entry),
            "headersSize": -1,
            "bodySize": len(entry.request_body.encode()),
        },
        "response": {
            "status": entry.status,
            "statusText": PHRASES.get(entry.status, ""),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(entry.response_headers),
            "content": {"size": len(entry.response_body), "mimeType": kind, "text": entry.response_body},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": len(entry.response_body.encode()),
        },
        "cache": {},
        "timings": {"send": 0, "wait": entry.milliseconds, "receive": 0},
    }


def _posted(entry: Entry) -> dict[str, Any]:
    kind = dict(entry.request_headers).get("content-type", "")
    return {"postData": {"mimeType": kind, "text": entry.request_body}} if entry.request_body else {}


def _pairs(pairs: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
