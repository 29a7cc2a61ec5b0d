"""Redaction: before an entry is stored, secrets are replaced by `***` and long bodies are cut."""

import re
from collections.abc import Iterable

from mockserver.sandbox.journal.entry import HeaderPairs

MAX_KEPT_BODY = 64 * 1024
SECRET = re.compile("authorization|cookie|token|secret|api[-_]?key|password|credential", re.IGNORECASE)
SCHEME = re.compile(r"(basic|bearer|digest|negotiate) ", re.IGNORECASE)


def redact_headers(headers: Iterable[tuple[str, str]]) -> HeaderPairs:
    """Return headers with their secrets replaced. The scheme of a credential is kept."""
    return tuple((name, _redact(name, value)) for name, value in headers)


def redact_target(target: str) -> str:
    """Return a path and query with the values of secret parameters replaced."""
    path, mark, query = target.partition("?")
    parts = (part.partition("=") for part in query.split("&"))
    return path + mark + "&".join(f"{name}=***" if value and SECRET.search(name) else name + equals + value
                                  for name, equals, value in parts)  # fmt: skip


def _redact(name: str, value: str) -> str:
    if not SECRET.search(name):
        return value
    scheme = SCHEME.match(value) if name.lower().endswith("authorization") else None
    return f"{scheme[0] if scheme else ''}***"


def readable_body(body: bytes) -> str:
    """Return a body as text, cut at `MAX_KEPT_BODY` bytes."""
    text = body[:MAX_KEPT_BODY].decode("utf-8", "replace")
    return text if len(body) <= MAX_KEPT_BODY else f"{text}… ({len(body)} bytes)"
