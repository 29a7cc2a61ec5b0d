"""Redaction: secrets in calls are replaced by `***`, and long bodies are cut.

The journal, the log, the HTTP Archive and the messages of the Python client all show calls in this form. A
value is a secret if its name says so (see `is_secret`), wherever the name occurs: as a header, as a parameter
in the query or in a form, or as a field of a JSON body at any depth. The code of an OAuth installation is a
secret in a body with a `grant_type`; anywhere else, a field `code` may be anything.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from operator import is_
from typing import Any
from urllib.parse import unquote_plus

import msgspec

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
GRANT, SECRETS_OF_A_GRANT = "granttype", frozenset(("code", "codeverifier", "assertion"))
URL_HEADERS = frozenset(("location", "content-location", "referer"))
SCHEME = re.compile(r"(basic|bearer|digest|negotiate) ", re.IGNORECASE)
_SCHEME_INITIALS = "bBdDnN"
_BRACKET = re.compile(r"[\[\]]")
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# A cut body may end within a string, or within an escape. If such a string did not match as a whole, a search
# would go on from each quote in it, which takes quadratic time.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRINGS = re.compile(rf"({_STRING})(\s*+:\s*+)?+", re.DOTALL)
_VALUE = re.compile(rf"{_STRING}|([\[{{])|(true|false|null)\b|[^\s,\]}}]++", re.DOTALL)
_BRACKETS = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_GRANT = re.compile(r'"grant[-_. ]?type"\s*+:', re.IGNORECASE)
_GRANT_NAME = re.compile(rb"grant[-_. ]?type", re.IGNORECASE)
_GRANT_PART = re.compile(r'\bname="grant[-_. ]?type"', re.IGNORECASE)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_FORM = re.compile(r"[^\s=&<>{}\[\]\"]{1,100}=")  # how a form begins, and neither JSON nor XML
_OTHER_TYPE = re.compile(r"multipart/|x-www-form-urlencoded", re.IGNORECASE)  # than JSON
_BOUNDARY = re.compile(r"(\r?\n--)")  # what stands before a part of a multipart form, from the second on
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_FIELD_NAME = re.compile(r'\bname="([^"]*)"')
_NAMES = re.compile(rb'"([^"\\]*+)":')  # of JSON without escapes and spaces
_CONTROL = re.compile(r"[\0-\x1f]")
_SEPARATORS = str.maketrans("", "", "-_. ")
MAX_PLAIN_NAMES, MAX_PLAIN_NAME = 4096, 256
_more_names: set[str] = set()
_plain_names: set[str] = set()  # of fields and parameters, see `are_plain`
_plain_texts: set[bytes] = set()  # the same, encoded
_plain_headers: set[str] = set()  # of which only a scheme at the beginning can tell a secret
_SCALARS = {str, int, float, Decimal, bool, type(None)}
_decode = msgspec.json.Decoder().decode


def also_redact(names: Iterable[str]) -> None:
    """Treat these names as secret too, in the whole process. Case, `-`, `_`, `.` and spaces do not count.

    Call this before the first call is answered.
    """
    global _is_known
    _more_names.update(_squashed(name) for name in names)
    _is_known = memoized(_matches)
    _plain_names.clear()
    _plain_texts.clear()
    _plain_headers.clear()


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


def are_plain(names: Collection[str]) -> bool:
    """Return True if no value with one of these names is a secret, and none makes another value one."""
    if _plain_names.issuperset(names):
        return True
    for name in names:
        # An escape such as `\t` is a control character, but the text of the JSON has a letter.
        if is_secret(name) or _squashed(unquote_plus(name)) == GRANT or _CONTROL.search(name):
            return False
        _remember(name, _plain_names)
    return True


def is_plain_record(record: Mapping[str, Any]) -> bool:
    """Return True if all fields of a record have been seen to be plain.

    It is the fastest of these. It says False of some records that have no secrets, such as those that are
    deeper than a list of objects.
    """
    if not _plain_names.issuperset(record):
        return False
    if not _SCALARS.issuperset(map(type, record.values())):
        for value in record.values():
            if type(value) in _SCALARS:
                continue
            if type(value) is not list:
                return False
            for one in value:
                if type(one) in _SCALARS:
                    continue
                is_flat = type(one) is dict and _SCALARS.issuperset(map(type, one.values()))
                if not (is_flat and _plain_names.issuperset(one)):
                    return False
    return True


def is_plain_text(text: bytes) -> bool:
    """Return True if no field of a JSON text, which must be valid, can be a secret.

    It reads only the names, which is much faster than to look at all values. Where it would need more, as for
    a name with an escape, it returns False.
    """
    if b"\\" in text or text.count(b"{") + text.count(b"[") > MAX_DEPTH:
        return False
    names = {*_NAMES.findall(text)}
    if _plain_texts.issuperset(names):
        return True
    if not are_plain([name.decode() for name in names]):
        return False
    if len(_plain_texts) + len(names) > MAX_PLAIN_NAMES:
        _plain_texts.clear()
    _plain_texts.update(name for name in names if len(name) <= MAX_PLAIN_NAME)
    return True


def _remember(name: str, names: set[str]) -> None:
    if len(names) >= MAX_PLAIN_NAMES:
        names.clear()
    if len(name) <= MAX_PLAIN_NAME:
        names.add(name)


def _squashed(name: str) -> str:
    return name.lower().translate(_SEPARATORS)


def redact_headers(headers: Iterable[tuple[str, str]]) -> HeaderPairs:
    """Return headers with their secrets replaced. The scheme of a credential is kept."""
    return tuple(
        [
            (name, _redact_header(name, value))
            if name not in _plain_headers or value[:1] in _SCHEME_INITIALS
            else (name, value)
            for name, value in headers
        ]
    )


def redact_header_values(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of headers with their secrets replaced."""
    redacted = dict(headers)
    for name, value in headers.items():
        if name not in _plain_headers or value[:1] in _SCHEME_INITIALS:
            redacted[name] = _redact_header(name, value)
    return redacted


def _redact_header(name: str, value: str) -> str:
    scheme = SCHEME.match(value)
    if is_secret(name):
        return f"{scheme[0]}{STRUCK}" if scheme and name.lower().endswith("authorization") else STRUCK
    if name.lower() in URL_HEADERS:
        return redact_target(value)
    _remember(name, _plain_headers)
    return f"{scheme[0]}{STRUCK}" if scheme else value


def redact_target(target: str) -> str:
    """Return a path and query with the values of secret parameters replaced: itself, if it has none."""
    path, mark, query = target.partition("?")
    if not query or are_plain([pair.partition("=")[0] for pair in query.split("&")]):
        return target
    return path + mark + _redact_form(query)


def _redact_form(text: str) -> str:
    """Return `name=value` pairs joined by `&`, with the values of secret names replaced."""
    parts = [part.partition("=") for part in text.split("&")]
    more = _secrets_beside([unquote_plus(name) for name, _, _ in parts])
    return "&".join(
        f"{name}={STRUCK}"
        if value and (is_secret(name) or _squashed(unquote_plus(name)) in more)
        else name + equals + value
        for name, equals, value in parts
    )


def _secrets_beside(names: Iterable[str]) -> frozenset[str]:
    """Return the names, in the form of `_squashed`, that are secret only because of the names beside them."""
    return SECRETS_OF_A_GRANT if GRANT in map(_squashed, names) else frozenset()


def redact_body(text: str, content_type: str = "") -> str:
    """Return the text of a body with the values of secret fields replaced, and all else as it was sent.

    Forms are known by their content type, or by their beginning: clients that send a form as text say so. Any
    other body is read as JSON. It may be cut or invalid.
    """
    kind = content_type.lower()
    if "multipart/" in kind:
        more = SECRETS_OF_A_GRANT if _GRANT_PART.search(text) else frozenset()
        return "".join(_redact_part(part, more) for part in _BOUNDARY.split(text))
    if "x-www-form-urlencoded" in kind or _FORM.match(text):
        return _redact_form(text)
    return "".join(_redacted_json(text)) if _may_have_secrets(text) else text


def strike_body(body: bytes, content_type: str = "") -> bytes:
    """Return a body with the values of secret fields replaced: itself, if it has none.

    `redact_body` makes the same of its text as of the text of the whole body.
    """
    if not body or (body[:1] in (b"{", b"[") and not _is_other_type(content_type) and _is_plain_json(body)):
        return body
    text = body.decode("utf-8", "surrogateescape")
    redacted = redact_body(text, content_type)
    return body if redacted == text else redacted.encode("utf-8", "surrogateescape")


@lru_cache(256)
def _is_other_type(content_type: str) -> bool:
    """Return True if a content type is that of a form."""
    return _OTHER_TYPE.search(content_type) is not None


def _redact_part(part: str, more: Collection[str]) -> str:
    """Return a part of a multipart form, with its value replaced if its name is secret, or one of `more`."""
    blank = _BLANK_LINE.search(part)
    name = _FIELD_NAME.search(part, 0, blank.start()) if blank else None
    secret = name is not None and (is_secret(name[1]) or _squashed(name[1]) in more)
    return part[: blank.end()] + STRUCK if blank and secret else part


def _may_have_secrets(text: str) -> bool:
    """Return False if no field of a JSON text can be a secret. This takes a fifth of the time of a search."""
    squashed = text.encode("utf-8", "replace").lower().translate(None, b"-_. ")
    hints = (GRANT, *SECRET_PARTS, *SECRET_WORDS, *(f'"{name}"' for name in (*SECRET_NAMES, *_more_names)))
    return r"\u" in text or any(hint.encode() in squashed for hint in hints)


def _is_plain_json(body: bytes) -> bool:
    """Return True if a body is valid JSON in which no field can be a secret. To parse it is faster than to
    search it.
    """
    try:
        return _is_plain(_decode(body))
    except (msgspec.MsgspecError, RecursionError, ArithmeticError, UnicodeDecodeError):
        return False


def _is_plain(value: Any) -> bool:
    """Return True if no field of a JSON value is a secret. It may be nested at most `MAX_DEPTH` deep."""
    if type(value) is dict and is_plain_record(value):
        return True
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for node in level:
            if type(node) is dict or isinstance(node, Mapping):  # the first is much faster
                if not are_plain(node):
                    return False
                deeper += [one for one in node.values() if type(one) not in _SCALARS]
            elif isinstance(node, list):
                deeper += [one for one in node if type(one) not in _SCALARS]
        if not deeper:
            return True
        level = deeper
    return False


def _redacted_json(text: str) -> Iterator[str]:
    """Yield the pieces of a JSON text, with `***` for the values of secret fields. Keep true, false, null."""
    kept = 0
    more = SECRETS_OF_A_GRANT if _GRANT.search(text) else frozenset()
    for string in _STRINGS.finditer(text):
        if string.start() < kept or not string[2]:
            continue
        name = _unescaped(string[1])
        if not is_secret(name) and _squashed(name) not in more:
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
    if not isinstance(value, Mapping | list) or (depth == 0 and _is_plain(value)):
        return value
    if depth == MAX_DEPTH:
        return STRUCK
    if isinstance(value, list):
        items = [redact_json(one, depth + 1) for one in value]
        return value if all(map(is_, items, value)) else items
    more = _secrets_beside(value)
    redacted = {
        name: STRUCK
        if (is_secret(name) or _squashed(name) in more) and not isinstance(one, bool | None)
        else redact_json(one, depth + 1)
        for name, one in value.items()
    }
    return value if all(map(is_, redacted.values(), value.values())) else redacted


def redact_violation(violation: Violation, body: bytes = b"") -> Violation:
    """Return a violation without a secret value, and without a long one: an explanation quotes it.

    `body` is that of the request.
    """
    value = violation.value
    if value is None:
        return violation
    names = violation.name.split(".")  # a field of a secret object is secret, too
    of_grant = body and _squashed(names[-1]) in SECRETS_OF_A_GRANT and _GRANT_NAME.search(body)
    if of_grant or any(map(is_secret, names)):
        return replace(violation, value=STRUCK)
    if isinstance(value, str) and len(value) > MAX_QUOTED:
        return replace(violation, value=value[:MAX_QUOTED])
    return violation


def readable_body(body: bytes, content_type: str = "", size: int | None = None) -> str:
    """Return a body as text without secrets, cut at `MAX_KEPT_BODY` bytes.

    `size` is the true length of a body that is cut already.
    """
    if size is None:
        size, body = len(body), body[:MAX_KEPT_BODY]
    text = redact_body(body.decode("utf-8", "replace"), content_type)
    return text if size <= MAX_KEPT_BODY else f"{text}… ({size} bytes)"
