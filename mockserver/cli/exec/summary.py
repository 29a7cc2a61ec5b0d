"""The summary that `exec` prints: calls, refusals, contract remarks and other hosts, on one screen."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from mockserver.contract.openapi.spec import Spec
from mockserver.sandbox.journal.entry import Summary

MAX_LINES, MAX_LINE_LENGTH, MAX_LISTED = 60, 100, 10
Line = tuple[str, str]
EntriesByOperation = Mapping[tuple[str, str], Sequence[Summary]]


def summarize(
    entries: Sequence[Summary], specs: Mapping[str, Spec], hosts: Mapping[str, Counter[str]]
) -> list[Line]:
    """Return the summary's lines as tuples (kind, text).

    The kind is `head`, `call`, `refusal`, `remark`, `note` or `host`. Each operation has one line with its
    statuses, followed by its refusals, faults, remarks and notes. `hosts` comes last: by label, the hosts
    with the number of connections to each.
    """
    remarks = sum(len(entry.remarks) for entry in entries)
    head = f"mockserver: {_plural(len(entries), 'call')}, {_plural(remarks, 'remark')}"
    lines = [*_operation_lines(_by_operation(entries, specs))]
    hidden = len(lines) - MAX_LINES
    more = [("head", f"  and {_plural(hidden, 'more line')}")] if hidden > 0 else []
    other_hosts = [
        ("host", f"  {label}: {_with_counts(counts)}") for label, counts in hosts.items() if counts
    ]
    return [("head", ""), ("head", head), *lines[:MAX_LINES], *more, *other_hosts]


def _by_operation(entries: Iterable[Summary], specs: Mapping[str, Spec]) -> EntriesByOperation:
    """Group entries by vendor and operation, which is a method and a path template."""
    templates = {
        (vendor, operation.id): operation.template
        for vendor, spec in specs.items()
        for operation in spec.operations.values()
    }
    groups: dict[tuple[str, str], list[Summary]] = {}
    for entry in entries:
        path = templates.get((entry.vendor, entry.operation)) or entry.target.partition("?")[0]
        groups.setdefault((entry.vendor, f"{entry.method} {_printable(path)}"), []).append(entry)
    return dict(sorted(groups.items()))


def _operation_lines(groups: EntriesByOperation) -> Iterator[Line]:
    vendor_width = max((len(vendor) for vendor, _ in groups), default=0)
    operation_width = max((len(operation) for _, operation in groups), default=0)
    for (vendor, operation), entries in groups.items():
        statuses = _with_counts(Counter(str(entry.status) for entry in entries))
        yield "call", f"  {vendor:<{vendor_width}}  {operation:<{operation_width}}  {statuses}"
        details = Counter(_details(entries)).items()
        for (kind, text), count in sorted(details, key=lambda one: (one[0][0] == "note", one)):
            yield kind, f"  {'':<{vendor_width}}    {_printable(text)}{_times(count)}"


def _details(entries: Iterable[Summary]) -> Iterator[Line]:
    """Yield (kind, text) for each entry's fault or refusal, and for its remarks and notes."""
    for entry in entries:
        if entry.fault:
            yield "refusal", f"{entry.status}: fault {entry.fault}"
        elif entry.explanation:
            yield "refusal", f"{entry.status}: {'; '.join(entry.explanation.why)}"
        yield from (("remark", f"remark: {remark}") for remark in entry.remarks)
        yield from (("note", f"note: {note}") for note in entry.notes)


def _with_counts(counts: Counter[str]) -> str:
    """Return the most frequent names with their counts, on one line."""
    shown = [f"{name}{_times(count)}" for name, count in islice(counts.most_common(), MAX_LISTED)]
    return ", ".join(
        [*shown, *([f"and {len(counts) - MAX_LISTED} more"] if len(counts) > MAX_LISTED else [])]
    )


def _times(count: int) -> str:
    return f" \N{MULTIPLICATION SIGN}{count}" if count > 1 else ""


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _printable(text: str) -> str:
    """Shorten a text to one line, and replace characters that could control the terminal."""
    plain = "".join(one if one.isprintable() else "?" for one in text)
    return plain if len(plain) <= MAX_LINE_LENGTH else f"{plain[: MAX_LINE_LENGTH - 1]}…"
