"""The URL and the curl command that repeat a call in the journal."""

import shlex

from mockserver.sandbox.journal.entry import NO_VENDOR, Entry

# curl sets these headers itself, and some of the old values would be wrong for the repeated call.
OMITTED_HEADERS = ("host", "content-length", "accept-encoding", "connection", "user-agent")


def curl(entry: Entry, base_url: str) -> str:
    """Return a shell command that repeats a call. Its redacted secrets have to be filled in by hand."""
    method = ["-I"] if entry.method == "HEAD" else ["-X", entry.method]
    words = ["curl", *method, url_of(entry, base_url)]
    for name, value in entry.request_headers:
        words += ["-H", f"{name}: {value}"] if name not in OMITTED_HEADERS else []
    return shlex.join([*words, *(["--data-raw", entry.request_body] if entry.request_body else [])])


def url_of(entry: Entry, base_url: str) -> str:
    """Return a URL on this server for a call. It has the vendor's prefix, so it needs no Host header."""
    prefix = "" if entry.vendor == NO_VENDOR else f"/{entry.vendor}"
    return f"{base_url}{prefix}{entry.target}"
