"""The URL and the curl command that repeat a call in the journal."""

import re
import shlex
from collections.abc import Mapping

from mockserver.sandbox.journal.entry import NO_VENDOR, Entry
from mockserver.sandbox.journal.redaction import STRUCK

# curl sets these headers itself, and some of the old values would be wrong for the repeated call.
OMITTED_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "accept-encoding", "connection", "user-agent", "expect")
)
GLOB = re.compile(r"[\[\]{}]")  # curl would expand these characters in a URL
DOTS = re.compile(r"/\.\.?(?=[/?]|$)")  # curl would remove these segments of a path


def curl(entry: Entry, base_url: str, credential: Mapping[str, str]) -> str:
    """Return a shell command that repeats a call.

    `credential` are the headers with the sandbox's own credential. They are put back if they opened the
    sandbox. All other secrets stay replaced by `***`.
    """
    url = url_of(entry, base_url)
    words = ["curl", *(["-I"] if entry.method == "HEAD" else ["-X", entry.method])]
    words += ["--globoff"] if GLOB.search(url) else []
    words += ["--path-as-is"] if DOTS.search(url) else []
    words += [url]
    own = {name.lower(): value for name, value in credential.items()} if entry.accepted else {}
    for name, value in entry.request_headers:
        if name not in OMITTED_HEADERS:
            value = own.get(name, value) if STRUCK in value else value
            words += ["-H", f"{name}: {value}" if value else f"{name};"]  # `name:` would remove the header
    return shlex.join([*words, *(["--data-raw", entry.request_body] if entry.request_body else [])])


def url_of(entry: Entry, base_url: str) -> str:
    """Return a URL on this server for a call. It has the vendor's prefix, so it needs no Host header."""
    prefix = "" if entry.vendor == NO_VENDOR else f"/{entry.vendor}"
    return f"{base_url}{prefix}{entry.target}"
