"""A call as something to run again."""

import shlex

from mockserver.sandbox.journal.entry import NO_VENDOR, Entry


def curl(entry: Entry, base: str) -> str:
    """The call as a line for a shell; what was struck out must be put in again."""
    skipped = ("host", "content-length", "accept-encoding", "connection", "user-agent")
    how = ["-I"] if entry.method == "HEAD" else ["-X", entry.method]
    words = ["curl", *how, url_of(entry, base)]
    for name, value in entry.request_headers:
        words += ["-H", f"{name}: {value}"] if name not in skipped else []
    return shlex.join([*words, *(["--data-raw", entry.request_body] if entry.request_body else [])])


def url_of(entry: Entry, base: str) -> str:
    """Where the same call can be made again, whatever Host it came to."""
    prefix = "" if entry.vendor == NO_VENDOR else f"/{entry.vendor}"
    return f"{base}{prefix}{entry.target}"
