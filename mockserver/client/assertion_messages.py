"""Why the calls are not those that a test expected, so that a person sees it at a glance."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MAX_CALLS = 20
MAX_TEXT = 200
NOTHING = (None, "")


def text(wanted: str, said: Mapping[str, Any], called: Sequence[tuple[str, bool]], where: str) -> str:
    """What was said, what was wanted, the nearest calls, and all calls; those that fit have a star."""
    lines = [said["message"], *indented(wanted.splitlines())]
    for near in _nearest(said["nearest"]):
        lines += ["", f"nearest, {near['id']}: {shorten(near['call'])}"]
        lines += indented(line for one in near["differences"] for line in _difference(one))
    return "\n".join([*lines, "", *_called(called, where)])


def wanted(match: Mapping[str, Any], counts: Mapping[str, Any]) -> str:
    """A pattern, and how often it should come."""
    often = ", ".join(
        "never" if name == "never" else f"{name.replace('_', ' ')} {_times(count)}"
        for name, count in counts.items()
    )
    return f"wanted {often or 'at least once'}: {pattern(match)}"


def steps(sequence: Sequence[Mapping[str, Any]], came: int) -> str:
    """A sequence of which so many steps came."""
    marks = ("*" if step < came else ">" if step == came else " " for step in range(len(sequence)))
    lines = (f"{mark} {step}. {pattern(one)}" for step, (mark, one) in
             enumerate(zip(marks, sequence, strict=True), 1))  # fmt: skip
    return "\n".join(["wanted in this order (* came, > did not):", *lines])


def pattern(match: Mapping[str, Any]) -> str:
    """A pattern in one line; the sandbox goes without saying."""
    first = [str(match[name]) for name in ("method", "path") if name in match]
    rest = [f"{name} {_json(value)}" for name, value in match.items()
            if name not in ("method", "path", "sandbox")]  # fmt: skip
    return ", ".join([" ".join(first), *rest] if first else rest) or "any call"


def _nearest(missed: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Those of the calls that miss by least."""
    return (near for near in missed if len(near["differences"]) == len(missed[0]["differences"]))


def _called(called: Sequence[tuple[str, bool]], where: str) -> Iterator[str]:
    if not called:
        yield f"nothing was called{where}"
        return
    yield f"called{where}:"
    yield from (f"    {words}" for words in omitted(called))
    for words, fits in called[-MAX_CALLS:]:
        yield f"  {'*' if fits else ' '} {words}"


def _difference(one: Mapping[str, Any]) -> Iterator[str]:
    """A field, what was wanted, what came; of structures only the parts that differ."""
    for field, wanted, got in _parts(one["field"], one["wanted"], one["got"]):
        yield f"{field}: wanted {_json(wanted)}, got {'nothing' if got in NOTHING else _json(got)}"


def _parts(field: str, wanted: Any, got: Any) -> Iterator[tuple[str, Any, Any]]:
    if not isinstance(wanted, Mapping) or not isinstance(got, Mapping):
        yield field, wanted, got
        return
    for key, value in wanted.items():
        found = got.get(key)
        if found != value and not (isinstance(value, Mapping) and _holds(found, value)):
            yield from _parts(f"{field}.{key}", value, found)


def _holds(got: Any, wanted: Any) -> bool:
    """Whether nothing in a structure differs from what was wanted of it."""
    return isinstance(got, Mapping) and not any(_parts("", wanted, got))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _json(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False, default=str))


def shorten(words: str) -> str:
    """Words of a client, cut, and without what would move a terminal's cursor."""
    shown = words if words.isprintable() else words.encode("unicode_escape").decode()
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}…"


def omitted(calls: Sequence[Any]) -> Iterator[str]:
    """How many calls are left out, if any are."""
    if len(calls) > MAX_CALLS:
        yield f"… {len(calls) - MAX_CALLS} before these"
