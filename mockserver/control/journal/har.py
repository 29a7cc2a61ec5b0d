"""A journal as an HTTP Archive (HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/)."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from mockserver import __version__
from mockserver.catalog.products import iso_timestamp
from mockserver.control.journal.reproduce import url_of
from mockserver.sandbox.journal.entry import Entry

PHRASES = {status.value: status.phrase for status in HTTPStatus}


def har_archive(entries: Iterable[Entry], base_url: str) -> dict[str, Any]:
    """Return journal entries as a HAR document, with URLs under `base_url`."""
    creator = {"name": "mockserver", "version": __version__}
    har_entries = [_har_entry(entry, base_url) for entry in entries]
    return {"log": {"version": "1.2", "creator": creator, "entries": har_entries}}


def _har_entry(entry: Entry, base_url: str) -> dict[str, Any]:
    query = entry.target.partition("?")[2]
    content_type = dict(entry.response_headers).get("Content-Type", "")
    return {
        "startedDateTime": iso_timestamp(entry.time),
        "time": entry.milliseconds,
        "request": {
            "method": entry.method,
            "url": url_of(entry, base_url),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _name_value_list(entry.request_headers),
            "queryString": _name_value_list(parse_qsl(query, keep_blank_values=True, errors="replace")),
            **_post_data(entry),
            "headersSize": -1,
            "bodySize": len(entry.request_body.encode()),
        },
        "response": {
            "status": entry.status,
            "statusText": PHRASES.get(entry.status, ""),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _name_value_list(entry.response_headers),
            "content": {
                "size": len(entry.response_body),
                "mimeType": content_type,
                "text": entry.response_body,
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": len(entry.response_body.encode()),
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
