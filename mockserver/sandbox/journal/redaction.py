"""Redaction: secrets in calls are replaced by `***`, and long bodies are cut.

The journal, the log, the HTTP Archive and the messages of the Python client all show calls in this form. A
value is a secret if its name says so (see `is_secret`), wherever the name occurs: as a header, as a parameter
in the query or in a form, or as a field of a JSON body at any depth.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from operator import is_
from typing import Any
from urllib.parse import unquote_plus

from mockserver.sandbox.journal.entry import HeaderPairs
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Violation

MAX_KEPT_BODY = 64 * 1024
MAX_QUOTED = 200  # characters of a value that is quoted in an explanation
MAX_DEPTH = 50  # levels of a record that are searched for secrets
STRUCK = "***"
# A name is secret if it contains one of these, in any case, with or without `-`, `_`, `.` and spaces.
SECRET_PARTS = (
    "authorization", "cookie", "token", "secret", "password", "passwd", "passphrase", "apikey", "accesskey",
    "privatekey", "signature", "credential", "sessionid", "sessid", "xauth",
)  # fmt: skip
SECRET_WORDS = frozenset(("jwt", "otp", "pwd", "sig"))  # as one of the words of a name, such as `userPwd`
SECRET_NAMES = frozenset(("auth", "once", "pass", "session", "sid"))  # as the whole name
URL_HEADERS = frozenset(("location", "content-location", "referer"))
SCHEME = re.compile(r"(basic|bearer|digest|negotiate) ", re.IGNORECASE)
_BRACKET = re.compile(r"[\[\]]")
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# A cut body may end within a string, or within an escape. If such a string did not match as a whole, a search
# would go on from each quote in it, which takes quadratic time.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRINGS = re.compile(rf"({_STRING})(\s*+:\s*+)?+", re.DOTALL)
_VALUE = re.compile(rf"{_STRING}|([\[{{])|(true|false|null)\b|[^\s,\]}}]++", re.DOTALL)
_BRACKETS = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_BOUNDARY = re.compile(r"(\r?\n--)")  # what stands before a part of a multipart form, from the second on
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_FIELD_NAME = re.compile(r'\bname="([^"]*)"')
_SEPARATORS = str.maketrans("", "", "-_. ")
_more_names: set[str] = set()


def also_redact(names: Iterable[str]) -> None:
    """Treat these names as secret too, in the whole process. Case, `-`, `_`, `.` and spaces do not count."""
    global _is_known
    _more_names.update(_squashed(name) for name in names)
    _is_known = memoized(_matches)


def is_secret(name: str) -> bool:
    """Return True if a value with this name is a secret. The name may be percent-encoded."""
    return _is_known(name)


def _matches(name: str) -> bool:
    decoded = unquote_plus(name).strip()
    squashed = _squashed(decoded)
    keys = _BRACKET.split(squashed)  # a list or an object in a form: `user[pass]`, `pass[]`
    return (
        not SECRET_NAMES.isdisjoint(keys)
        or not _more_names.isdisjoint(keys)
        or any(part in squashed for part in SECRET_PARTS)
        or not SECRET_WORDS.isdisjoint(word.lower() for word in _WORD.findall(decoded))
    )


_is_known = memoized(_matches)


def _squashed(name: str) -> str:
    return name.lower().translate(_SEPARATORS)


def redact_headers(headers: Iterable[tuple[str, str]]) -> HeaderPairs:
    """Return headers with their secrets replaced. The scheme of a credential is kept."""
    return tuple((name, _redact_header(name, value)) for name, value in headers)


def _redact_header(name: str, value: str) -> str:
    scheme = SCHEME.match(value)
    if is_secret(name):
        return f"{scheme[0]}{STRUCK}" if scheme and name.lower().endswith("authorization") else STRUCK
    if name.lower() in URL_HEADERS:
        return redact_target(value)
    return f"{scheme[0]}{STRUCK}" if scheme else value


def redact_target(target: str) -> str:
    """Return a path and query with the values of secret parameters replaced."""
    path, mark, query = target.partition("?")
    return path + mark + _redact_form(query) if query else target


def _redact_form(text: str) -> str:
    """Return `name=value` pairs joined by `&`, with the values of secret names replaced."""
    parts = (part.partition("=") for part in text.split("&"))
    return "&".join(
        f"{name}={STRUCK}" if value and is_secret(name) else name + equals + value
        for name, equals, value in parts
    )


def redact_body(text: str, content_type: str = "") -> str:
    """Return the text of a body with the values of secret fields replaced, and all else as it was sent.

    Forms are known by their content type. Any other body is read as JSON. It may be cut or invalid.
    """
    kind = content_type.lower()
    if "x-www-form-urlencoded" in kind:
        return _redact_form(text)
    if "multipart/" in kind:
        return "".join(map(_redact_part, _BOUNDARY.split(text)))
    return "".join(_redacted_json(text)) if _may_have_secrets(text) else text


def _redact_part(part: str) -> str:
    """Return a part of a multipart form, with its value replaced if its name is secret."""
    blank = _BLANK_LINE.search(part)
    name = _FIELD_NAME.search(part, 0, blank.start()) if blank else None
    return part[: blank.end()] + STRUCK if blank and name and is_secret(name[1]) else part


def _may_have_secrets(text: str) -> bool:
    """Return False if no field of a JSON text can be a secret. This takes a fifth of the time of a search."""
    squashed = text.encode("utf-8", "replace").lower().translate(None, b"-_. ")
    hints = (*SECRET_PARTS, *SECRET_WORDS, *(f'"{name}"' for name in (*SECRET_NAMES, *_more_names)))
    return r"\u" in text or any(hint.encode() in squashed for hint in hints)


def _redacted_json(text: str) -> Iterator[str]:
    """Yield the pieces of a JSON text, with `***` for the values of secret fields. Keep true, false, null."""
    kept = 0
    for string in _STRINGS.finditer(text):
        if string.start() < kept or not string[2] or not is_secret(_unescaped(string[1])):
            continue
        value = _VALUE.match(text, string.end())
        if value and not value[2]:
            yield text[kept : string.end()]
            yield f'"{STRUCK}"'
            kept = _end_of_brackets(text, value.start()) if value[1] else value.end()
    yield text[kept:]


def _end_of_brackets(text: str, start: int) -> int:
    """Return where the object or array that begins at `start` ends: the end of the text if it is cut."""
    depth = 0
    for token in _BRACKETS.finditer(text, start):
        depth += 1 if token[0] in "[{" else -1 if token[0] in "]}" else 0
        if not depth:
            return token.end()
    return len(text)


def _unescaped(string: str) -> str:
    return (
        _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), string[1:-1]) if "\\" in string else string[1:-1]
    )


def redact_json(value: Any, depth: int = 0) -> Any:
    """Return a parsed JSON value with the values of secret fields replaced: itself, if it has none.

    What is nested more than `MAX_DEPTH` deep is replaced as a whole.
    """
    if not isinstance(value, Mapping | list):
        return value
    if depth == MAX_DEPTH:
        return STRUCK
    if isinstance(value, list):
        items = [redact_json(one, depth + 1) for one in value]
        return value if all(map(is_, items, value)) else items
    redacted = {
        name: STRUCK if is_secret(name) and not isinstance(one, bool | None) else redact_json(one, depth + 1)
        for name, one in value.items()
    }
    return value if all(map(is_, redacted.values(), value.values())) else redacted


def redact_violation(violation: Violation) -> Violation:
    """Return a violation without a secret value, and without a long one: an explanation quotes it."""
    value = violation.value
    if value is None:
        return violation
    if is_secret(violation.name.rpartition(".")[2]):
        return replace(violation, value=STRUCK)
    if isinstance(value, str) and len(value) > MAX_QUOTED:
        return replace(violation, value=value[:MAX_QUOTED])
    return violation


def readable_body(body: bytes, content_type: str = "", size: int | None = None) -> str:
    """Return a body as text without secrets, cut at `MAX_KEPT_BODY` bytes.

    `size` is the true length of a body that is cut already.
    """
    size = len(body) if size is None else size
    text = redact_body(body[:MAX_KEPT_BODY].decode("utf-8", "replace"), content_type)
    return text if size <= MAX_KEPT_BODY else f"{text}… ({size} bytes)"
