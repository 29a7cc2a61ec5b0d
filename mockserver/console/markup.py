"""Jinja filters: values from requests and records as HTML. All that a client sent is hostile text."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from markupsafe import Markup, escape

from mockserver.vendor_api.json_text import decode, encode, pretty
from mockserver.vendor_api.words import INVISIBLE, UNITS, time_in_words

# Characters that hide or reorder text: controls but for tab and line feed, and all of Unicode's format class
# that changes direction or has no width.
HIDDEN = re.compile(f"[\x00-\x08\x0b-\x1f{INVISIBLE}\ud800-\udfff]")
TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
    r"|(?P<literal>true|false|null)"
)
LONG_WORD = re.compile(r"(\S{30,})")
BREAKS = re.compile(r"(?<=[/?&,])(?<!://)(?=[^\s/])")
PHRASES = {status.value: status.phrase for status in HTTPStatus} | {0: "No answer"}


def shown(value: Any) -> Markup:
    """Return a text as HTML, with the characters that nobody would see written out, such as `\\u202e`."""
    text, parts, end = str(value), [], 0
    for found in HIDDEN.finditer(text):
        code = ord(found[0])
        name = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
        parts += [
            escape(text[end : found.start()]),
            Markup('<span class="hidden-character">{}</span>').format(name),
        ]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def breakable(text: str) -> Markup:
    """Return a text as HTML that a narrow page breaks within URLs after a slash or a sign, not within a name.

    A text that is HTML already stays as it is.
    """
    return text if isinstance(text, Markup) else Markup("<wbr>").join(map(escape, _pieces(text)))


def _pieces(text: str) -> Iterator[str]:
    """Yield the pieces of a text, between which a narrow page may break it."""
    for at, part in enumerate(LONG_WORD.split(text)):
        if part:
            yield from BREAKS.split(part) if at % 2 else [part]


def path(text: str) -> Markup:
    """Return a path or a URL as HTML that a narrow page breaks after a slash or sign, not within a name."""
    return Markup("<wbr>").join(map(shown, BREAKS.split(str(text))))


def json_html(value: Any) -> Markup:
    """Return a JSON value as indented text with its tokens marked."""
    return marked_json(pretty(value).decode("utf-8", "replace"))


def body_html(text: str) -> Markup:
    """Return the text of a body: as indented JSON if it is JSON, otherwise as it is."""
    try:
        value = decode(text)
    except ValueError:
        return shown(text)
    return json_html(value) if isinstance(value, dict | list) else shown(text)


def marked_json(text: str) -> Markup:
    return Markup("").join(_marked(text))


def _marked(text: str) -> Iterator[Markup]:
    end = 0
    for token in TOKEN.finditer(text):
        yield escape(text[end : token.start()])
        end = token.end()
        kind = "key" if token["colon"] is not None else str(token.lastgroup)
        word = token["string"] or token[0]
        text_of_token = Markup("<wbr>").join(map(shown, _pieces(word)))
        yield Markup('<span class="json-{}">{}</span>').format(kind, text_of_token)
        yield escape(token["colon"] or "")
    yield escape(text[end:])


def prose(text: str) -> Markup:
    """Return a text of a spec as HTML, with its `code` marked."""
    parts = re.split(r"`([^`]+)`", text)
    marked = (
        Markup("<code>{}</code>").format(shown(part)) if at % 2 else shown(part)
        for at, part in enumerate(parts)
    )
    return Markup("").join(marked)


def size(count: int) -> str:
    """Return a number of bytes for people: `4 MiB`, `256 MB`."""
    for unit, length in (("GiB", 2**30), ("GB", 10**9), ("MiB", 2**20), ("MB", 10**6), ("KiB", 2**10)):
        if count >= length and count % length == 0:
            return f"{count // length:,} {unit}"
    return f"{count:,} bytes"


def phrase(status: int) -> str:
    """Return the reason phrase of a status, such as `Not Found`."""
    return PHRASES.get(status, "")


def time_of_day(timestamp: str) -> str:
    """Return the time in an ISO timestamp: `10:33:07.123`."""
    return timestamp.partition("T")[2].removesuffix("Z")[:12]


def moment(timestamp: str) -> str:
    """Return an ISO timestamp for people: `26 Nov 2026, 10:33:07 UTC`."""
    return datetime.fromisoformat(timestamp).strftime("%-d %b %Y, %H:%M:%S UTC")


def from_now(timestamp: str) -> Markup:
    """Return how long ago an ISO timestamp was, or how far ahead it is: `5 minutes ago`, `in 2 hours`."""
    ahead = (datetime.fromisoformat(timestamp) - datetime.now(UTC)).total_seconds()
    size = next((size for _, size in UNITS if abs(ahead) >= size), 1)
    amount = time_in_words(round(abs(ahead) / size) * size, units=1)
    words = "just now" if abs(ahead) < 1 else f"in {amount}" if ahead > 0 else f"{amount} ago"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(timestamp, moment(timestamp), words)


def json_text(value: Any) -> str:
    """Return a JSON value on one line."""
    return encode(value).decode("utf-8", "replace")


def capitalized(text: str) -> str:
    """Return a text with its first letter in upper case, and the others as they are."""
    return text[:1].upper() + text[1:]


CHECKS = {
    "limits": ("rate limit reached", "A rate limit of the sandbox is used up."),
    "vendor": ("no such vendor", "No vendor has this path."),
    "rules": (
        "vendor's rule broken",
        "The request fits the spec, but breaks a rule of the vendor beyond it: prices that must agree, say.",
    ),
    "quota": ("demo limit reached", "A limit of this public demo is reached."),
}


def check_label(check: str) -> str:
    """Say in a few words which check refused a call: `body check failed`."""
    return CHECKS[check][0] if check in CHECKS else f"{check} check failed"


def check_meaning(check: str) -> str:
    return CHECKS[check][1] if check in CHECKS else f"The {check} check failed."


def fault_label(fault: str, status: int) -> str:
    """Say in a few words what a fault rule has done: `injected fault: 503`."""
    if fault == "delay":
        return "injected delay"
    plain = fault in ("status", "response", "problem") and status
    return f"injected fault: {status if plain else fault.replace('_', ' ')}"


def reasons(texts: Iterable[str]) -> str:
    """Return reasons in one line. Some are sentences."""
    return "; ".join(text.removesuffix(".") for text in texts)


FILTERS: dict[str, Callable[..., Any]] = {
    "shown": shown,
    "path": path,
    "breakable": breakable,
    "json_html": json_html,
    "body_html": body_html,
    "json_text": json_text,
    "prose": prose,
    "reasons": reasons,
    "size": size,
    "seconds": time_in_words,
    "phrase": phrase,
    "time_of_day": time_of_day,
    "moment": moment,
    "from_now": from_now,
    "capitalized": capitalized,
    "check_label": check_label,
    "check_meaning": check_meaning,
    "fault_label": fault_label,
}
