"""Messages for failed assertions about calls: the expected calls, the actual calls, and the differences."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MAX_CALLS = 20
MAX_TEXT = 200
MISSING = (None, "")
STRAY = " (in no sandbox: its credential is not accepted, or no vendor has its path)"

SummarizedCall = tuple[str, bool]  # a call in one line, and True if it matches the pattern


def failure_message(
    expected: str, answer: Mapping[str, Any], calls: Sequence[SummarizedCall], where: str, earlier: int
) -> str:
    """Return the whole message: what failed, what was expected, the nearest calls, and the latest calls.

    `answer` is the JSON of the control API's response. Matching calls are marked with a star. `earlier` is
    the number of earlier calls, which are not shown.
    """
    lines = [answer["message"], *indented(expected.splitlines())]
    for near in _nearest(answer["nearest"]):
        stray = STRAY if near["id"].startswith("-.") else ""
        lines += ["", f"nearest call, {near['id']}{stray}: {shorten(near['call'])}"]
        lines += indented(
            line for difference in near["differences"] for line in _difference_lines(difference)
        )
    return "\n".join([*lines, "", *_call_lines(calls, where, earlier)])


def expected_calls(pattern: Mapping[str, Any], counts: Mapping[str, Any]) -> str:
    """Return a line that shows a pattern, and how many calls should match it."""
    numbers = ", ".join(
        "never" if name == "never" else f"{name.replace('_', ' ')} {_times(count)}"
        for name, count in counts.items()
    )
    return f"expected {numbers or 'at least once'}: {pattern_text(pattern)}"


def expected_sequence(sequence: Sequence[Mapping[str, Any]], matched: int) -> str:
    """Return the patterns of a sequence, one per line. The first `matched` of them are marked as found."""
    marks = ("*" if step < matched else ">" if step == matched else " " for step in range(len(sequence)))
    lines = (f"{mark} {step}. {pattern_text(pattern)}" for step, (mark, pattern) in
             enumerate(zip(marks, sequence, strict=True), 1))  # fmt: skip
    return "\n".join(["expected in this order (* found, > missing):", *lines])


def pattern_text(pattern: Mapping[str, Any]) -> str:
    """Return a pattern in one line, without its sandbox. The message shows the sandbox in another line."""
    call = [str(pattern[name]) for name in ("method", "path") if name in pattern]
    fields = [f"{name} {_json_text(value)}" for name, value in pattern.items()
              if name not in ("method", "path", "sandbox")]  # fmt: skip
    return ", ".join([" ".join(call), *fields] if call else fields) or "any call"


def _nearest(missed: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the calls with the fewest differences. `missed` is sorted by the number of differences."""
    return (near for near in missed if len(near["differences"]) == len(missed[0]["differences"]))


def _call_lines(calls: Sequence[SummarizedCall], where: str, earlier: int) -> Iterator[str]:
    if not calls:
        yield f"no calls{where}"
        return
    yield f"calls{where}:"
    yield from (f"    {note}" for note in omitted(earlier))
    for summary, matches in calls:
        yield f"  {'*' if matches else ' '} {summary}"


def _difference_lines(difference: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for a field that differs. For an object, yield a line for each nested field instead."""
    for field, expected, got in _differing_parts(
        difference["field"], difference["wanted"], difference["got"]
    ):
        found = "nothing" if got in MISSING else _json_text(got)
        yield f"{field}: expected {_json_text(expected)}, got {found}"


def _differing_parts(field: str, expected: Any, got: Any) -> Iterator[tuple[str, Any, Any]]:
    if not isinstance(expected, Mapping) or not isinstance(got, Mapping):
        yield field, expected, got
        return
    for key, value in expected.items():
        found = got.get(key)
        if found != value and not (isinstance(value, Mapping) and _contains(found, value)):
            yield from _differing_parts(f"{field}.{key}", value, found)


def _contains(got: Any, expected: Any) -> bool:
    """Return True if `got` has all fields of `expected`, with the same values."""
    return isinstance(got, Mapping) and not any(_differing_parts("", expected, got))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def indented(lines: Iterable[str]) -> Iterator[str]:
    """Indent lines by two spaces."""
    return (f"  {line}" for line in lines)


def _json_text(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False, default=str))


def shorten(text: str) -> str:
    """Cut a string from a client to `MAX_TEXT` characters, and escape its control characters.

    Without escaping, control characters could move the cursor of the terminal that shows the message.
    """
    shown = text if text.isprintable() else text.encode("unicode_escape").decode()
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}…"


def omitted(earlier: int) -> Iterator[str]:
    """Yield a line with the number of earlier calls that are not shown, if there are any."""
    if earlier > 0:
        yield f"… {earlier} earlier calls"
