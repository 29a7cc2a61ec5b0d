"""Redaction: what an entry says of secrets and of long bodies."""

import re
from collections.abc import Iterable

from mockserver.sandbox.journal.entry import Headers

MAX_KEPT_BODY = 64 * 1024


SECRET = re.compile("authorization|cookie|token|secret|api[-_]?key|password|credential", re.IGNORECASE)


SCHEME = re.compile(r"(basic|bearer|digest|negotiate) ", re.IGNORECASE)


def redacted(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers with their secrets struck out; the scheme of a credential stays."""
    return tuple((name, _struck_out(name, value)) for name, value in headers)


def redacted_target(target: str) -> str:
    """A path and query whose secret parameters are struck out."""
    path, mark, query = target.partition("?")
    parts = (part.partition("=") for part in query.split("&"))
    return path + mark + "&".join(f"{n}=***" if value and SECRET.search(n) else n + eq + value
                                  for n, eq, value in parts)  # fmt: skip


def _struck_out(name: str, value: str) -> str:
    if not SECRET.search(name):
        return value
    scheme = SCHEME.match(value) if name.lower().endswith("authorization") else None
    return f"{scheme[0] if scheme else ''}***"


def readable(body: bytes) -> str:
    """A body as text, cut where it is too long to keep."""
    text = body[:MAX_KEPT_BODY].decode("utf-8", "replace")
    return text if len(body) <= MAX_KEPT_BODY else f"{text}… ({len(body)} bytes)"
