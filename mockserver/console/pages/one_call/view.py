"""The view of a call on its page: one sentence, its headers and bodies, the records that it changed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from markupsafe import Markup

from mockserver.console.differences import Difference, differences
from mockserver.console.markup import PHRASES, check_meaning, fault_label, json_html, shown
from mockserver.vendor_api.json_text import decode, pretty

MAX_OPEN_LINES, MAX_OPEN_BYTES = 40, 8 * 1024  # of a body that is not folded
PREVIEW_LINES, PREVIEW_LENGTH = 12, 1200  # of one that is
MAX_MARKED = 16 * 1024  # characters of JSON whose tokens are colored: each of them is an element of the page
CUT = re.compile(r"… \(([0-9]+) bytes\)\Z")  # the end of a body that the journal has cut
# Headers that clients send by themselves, and that seldom matter.
NOISE = re.compile(
    r"accept(-.*)?|sec-.*|user-agent|connection|cache-control|pragma|dnt|priority|te|upgrade-insecure-requests"
    r"|host|content-length|access-control-.*|vary"
)
REASON = re.compile(r"(\S+) \((path|query|header|body)\): (.*)", re.DOTALL)
EVIDENCE = {
    "documented": ("good", "The vendor's own pages or API description state this status."),
    "observed": ("notice", "This status was seen in recordings or code of real clients."),
    "inferred": ("warn", "No source states this answer in full. We chose what fits best."),
}


@dataclass(frozen=True)
class Verdict:
    """The outcome of a call: a kind of callout, a headline, a sentence, and further reasons."""

    kind: str
    title: str
    text: str
    more: tuple[str, ...] = ()


def verdict(call: Mapping[str, Any]) -> Verdict:
    """Return what became of a call in one sentence."""
    if not call["request"]["method"]:
        return Verdict(
            "bad", "Unreadable", "The journal has this call, but cannot show it. The log says why."
        )
    status, why = call["response"]["status"], call["explanation"]["why"]
    headline = f"{status} {PHRASES.get(status, '')}".strip() if status else "No answer"
    if call["direction"] == "outgoing":
        return _of_webhook(status, headline)
    if check := call["explanation"]["check"]:
        return Verdict("warn", headline, check_meaning(check), () if check == "vendor" else tuple(why))
    if (fault := call["fault"]) == "delay":
        return Verdict("good", headline, "A fault rule delayed the answer, and changed nothing else.")
    if fault:
        return Verdict("bad", headline, _by_fault(fault, status))
    if mock := _header(call["response"]["headers"], "x-mock-error"):
        return Verdict(
            "bad", headline, f"The mock itself answered, not the vendor: {mock.replace('_', ' ')}."
        )
    if status < HTTPStatus.BAD_REQUEST:
        return Verdict("good", headline, _accepted(call["changes"]))
    return Verdict("notice", headline, "Nothing was refused: the client asked for this answer by a header.")


def _of_webhook(status: int, headline: str) -> Verdict:
    if 200 <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Verdict(
            "good", headline, "The mock notified an app of a change, and the app's webhook took it."
        )
    said = "did not take it" if status else "did not answer"
    return Verdict("warn", headline, f"The mock notified an app of a change, but the app's webhook {said}.")


def _accepted(changes: Sequence[Mapping[str, Any]]) -> str:
    changed = sum(what_happened(one) != "unchanged" for one in changes)
    count = changed or len(changes)
    records = "one record" if count == 1 else f"{count} records"
    written = f" It changed {records}." if changed else f" It wrote {records}; no value changed."
    return f"The vendor accepted the call.{written if changes else ''}"


def _by_fault(fault: str, status: int) -> str:
    return f"{fault_label(fault, status).capitalize()}. A fault rule decided this, not the vendor."


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def reason_parts(text: str) -> tuple[str, str, str]:
    """Return the name and the place that a reason is about, empty if there is none, and what is wrong."""
    found = REASON.fullmatch(text)
    return (found[1], found[2], found[3]) if found else ("", "", text)


def is_example(edits: list[Mapping[str, Any]] | None) -> bool:
    """Return True if edits replace the whole body by an example."""
    return any(edit["place"] == "body" and not edit["name"] for edit in edits or ())


def split_headers(headers: Mapping[str, str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the headers that matter, and those that clients and servers send by themselves."""
    pairs = sorted(headers.items())
    return [one for one in pairs if not _is_noise(one[0])], [one for one in pairs if _is_noise(one[0])]


def _is_noise(name: str) -> bool:
    return NOISE.fullmatch(name.lower()) is not None


@dataclass(frozen=True)
class Body:
    """A body as the page shows it.

    `pretty` is the body as indented JSON, or None if it is not JSON. A long one is folded: `preview` is its
    beginning, otherwise empty. `cut` is the size of the whole body in bytes if the journal has cut it.
    """

    raw: Markup
    pretty: Markup | None
    lines: int
    size: int
    preview: Markup
    cut: int = 0

    @property
    def extent(self) -> str:
        """Say how much the body is, as the title of what folds it."""
        if self.cut:
            return "the first 64 KiB of the body"
        if self.lines > MAX_OPEN_LINES:
            return f"the whole body: {self.lines:,} lines"
        return f"the whole body: {self.size // 1024} KiB"

    @property
    def folded(self) -> bool:
        return bool(self.preview)

    @property
    def views(self) -> list[tuple[str, Markup]]:
        """The views of the body, as pairs of title and text."""
        return [("Raw", self.raw)] if self.pretty is None else [("Pretty", self.pretty), ("Raw", self.raw)]


def body_of(text: str) -> Body | None:
    """Return a body from the journal, or None if it is empty."""
    if not text:
        return None
    cut = CUT.search(text)
    indented = _indented(text)
    first = text if indented is None else indented
    lines, size = first.count("\n") + 1, len(text.encode("utf-8", "replace"))
    folded = lines > MAX_OPEN_LINES or size > MAX_OPEN_BYTES
    preview = "\n".join(first.split("\n", PREVIEW_LINES)[:PREVIEW_LINES])[:PREVIEW_LENGTH] if folded else ""
    marked = None
    if indented is not None:
        marked = json_html(decode(text)) if len(indented) <= MAX_MARKED else shown(indented)
    return Body(shown(text), marked, lines, size, shown(preview), int(cut[1]) if cut else 0)


def _indented(text: str) -> str | None:
    """Return a JSON object or list as indented text, or None if the text is not one."""
    try:
        value = decode(text)
    except ValueError:
        return None
    return pretty(value).decode("utf-8", "replace").rstrip() if isinstance(value, dict | list) else None


def fields_of(change: Mapping[str, Any]) -> list[Difference]:
    """Return the fields that a call changed in a record, with the values before and after."""
    return differences(change["before"] or {}, change["after"] or {})


def what_happened(change: Mapping[str, Any]) -> str:
    """Return `created`, `deleted`, `changed` or `unchanged`."""
    if change["before"] == change["after"]:
        return "unchanged"
    return "created" if change["before"] is None else "deleted" if change["after"] is None else "changed"
