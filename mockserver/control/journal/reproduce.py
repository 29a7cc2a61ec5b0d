"""A call in the journal as a request that a client can send again, and the curl command for it."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mockserver.sandbox.journal.entry import NO_VENDOR, Entry
from mockserver.sandbox.journal.redaction import STRUCK
from mockserver.vendor_api.words import INVISIBLE

# Clients set these headers themselves, and some of the old values would be wrong for the repeated call.
OMITTED_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "accept-encoding", "connection", "user-agent", "expect")
)
# A browser adds these by itself. They say nothing about the call, and would fill a snippet.
BROWSER_HEADERS = frozenset(
    (
        "accept-language",
        "cache-control",
        "dnt",
        "origin",
        "pragma",
        "priority",
        "referer",
        "upgrade-insecure-requests",
    )
)  # and all that begin with `sec-`
UNSAFE = re.compile(r"[^!-~]")  # in a URL, a client would encode these characters itself, or refuse them
GLOB = re.compile(r"[\[\]{}]")  # curl would expand these characters in a URL
DOTS = re.compile(r"/\.\.?(?=[/?]|$)")  # curl would remove these segments of a path
# What a terminal would obey or hide, if it were pasted: controls, and characters that reorder text.
HIDDEN = re.compile(f"[\x00-\x1f{INVISIBLE}]")


@dataclass(frozen=True)
class ClientRequest:
    """A request as a client sends it to this server. The body is text."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


def repeated(entry: Entry, base_url: str, credential: Mapping[str, str]) -> ClientRequest:
    """Return the request that repeats a call.

    `credential` are the headers with the sandbox's own credential. They are put back if they opened the
    sandbox. All other secrets stay replaced by `***`.
    """
    by_browser = any(name == "sec-fetch-mode" for name, _ in entry.request_headers)
    omitted = OMITTED_HEADERS | BROWSER_HEADERS if by_browser else OMITTED_HEADERS
    own = {name.lower(): value for name, value in credential.items()} if entry.accepted else {}
    headers = {
        name: own.get(name, value) if STRUCK in value else value
        for name, value in entry.request_headers
        if name not in omitted
        and not (by_browser and name.startswith("sec-"))
        and (name, value) != ("accept", "*/*")
    }
    return ClientRequest(entry.method, url_of(entry, base_url), headers, entry.request_body)


def curl(request: ClientRequest, separator: str = " ") -> str:
    """Return a shell command that sends a request. `separator` stands between curl's options."""
    return separator.join(" ".join(map(_word, words)) for words in _options(request))


def _options(request: ClientRequest) -> Iterator[tuple[str, ...]]:
    method, url, body = request.method, request.url, request.body
    command = ["curl", *(["--globoff"] if GLOB.search(url) else [])]
    command += ["--path-as-is"] if DOTS.search(url) else []
    if method == "HEAD":
        command += ["-I"]
    elif method != "GET" or body:
        command += ["-X", method]
    yield (*command, url)
    for name, value in request.headers.items():
        yield ("-H", f"{name}: {value}" if value else f"{name};")  # `name:` would remove the header
    if body:
        if not has_content_type(request):
            yield ("-H", "Content-Type:")  # without that, curl sends the type of a form
        yield ("--data-raw", body)


def has_content_type(request: ClientRequest) -> bool:
    return any(name.lower() == "content-type" for name in request.headers)


def _word(text: str) -> str:
    """Return a word for a shell. Characters that a terminal would hide or obey are written as numbers."""
    if not HIDDEN.search(text.replace("\n", "").replace("\t", "")):
        return shlex.quote(text)
    return f'''"$(printf '{"".join(map(_octal, text))}')"'''


def _octal(character: str) -> str:
    plain = character.isprintable() and character not in "'\\%"
    return character if plain else "".join(f"\\{byte:03o}" for byte in character.encode())


def url_of(entry: Entry, base_url: str) -> str:
    """Return a URL on this server for a call. It has the vendor's prefix, so it needs no Host header.

    An outgoing call has a URL of its own.
    """
    if entry.direction == "outgoing":
        return entry.target
    prefix = "" if entry.vendor == NO_VENDOR else f"/{entry.vendor}"
    target = UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", entry.target)  # its characters are bytes
    return f"{base_url}{prefix}{target}"
