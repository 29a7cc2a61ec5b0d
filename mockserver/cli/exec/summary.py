"""The report: what was called, how it was answered and what the contract had to say, on one screen."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from mockserver.contract.openapi.spec import Spec
from mockserver.sandbox.journal.entry import Entry

MAX_LINES, MAX_WORDS = 60, 100
Line = tuple[str, str]
Calls = Mapping[tuple[str, str], Sequence[Entry]]


def report(
    entries: Sequence[Entry], specs: Mapping[str, Spec], passed: Counter[str], refused: Counter[str]
) -> list[Line]:
    """Lines with their kinds: `head`, `call`, `refusal`, `remark` and `elsewhere`.

    One for each operation with its statuses, below it why it refused and what the contract
    remarks, and at the end the other hosts that were asked for.
    """
    remarks = sum(len(entry.remarks) for entry in entries)
    head = f"mockserver: {_number(len(entries), 'call')}, {_number(remarks, 'remark')}"
    lines = [*_body(_by_operation(entries, specs))]
    rest = [("head", f"  and {len(lines) - MAX_LINES} lines more")] if len(lines) > MAX_LINES else []
    tail = [("elsewhere", f"  {words}: {_listed(hosts)}")
            for words, hosts in (("passed on", passed), ("refused", refused)) if hosts]  # fmt: skip
    return [("head", ""), ("head", head), *lines[:MAX_LINES], *rest, *tail]


def _by_operation(entries: Iterable[Entry], specs: Mapping[str, Spec]) -> Calls:
    templates = {
        (vendor, operation.id): operation.template
        for vendor, spec in specs.items()
        for operation in spec.operations.values()
    }
    calls: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        path = templates.get((entry.vendor, entry.operation)) or entry.target.partition("?")[0]
        calls.setdefault((entry.vendor, f"{entry.method} {_shown(path)}"), []).append(entry)
    return dict(sorted(calls.items()))


def _body(calls: Calls) -> Iterator[Line]:
    vendors = max((len(vendor) for vendor, _ in calls), default=0)
    widest = max((len(what) for _, what in calls), default=0)
    for (vendor, what), entries in calls.items():
        statuses = Counter(str(entry.status) for entry in entries)
        yield "call", f"  {vendor:<{vendors}}  {what:<{widest}}  {_listed(statuses)}"
        for (kind, words), times in sorted(Counter(_notes(entries)).items()):
            yield kind, f"  {'':<{vendors}}    {_shown(words)}{_times(times)}"


def _notes(entries: Iterable[Entry]) -> Iterator[Line]:
    for entry in entries:
        if entry.fault:
            yield "refusal", f"{entry.status}: fault {entry.fault}"
        elif entry.explanation:
            yield "refusal", f"{entry.status}: {'; '.join(entry.explanation.why)}"
        yield from (("remark", f"remark: {words}") for words in entry.remarks)


def _listed(counts: Counter[str]) -> str:
    """Names with how often, on a line; the most frequent first."""
    shown = [f"{name}{_times(times)}" for name, times in islice(counts.most_common(), 10)]
    return ", ".join([*shown, *([f"and {len(counts) - 10} more"] if len(counts) > 10 else [])])


def _times(count: int) -> str:
    return f" \N{MULTIPLICATION SIGN}{count}" if count > 1 else ""


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _shown(words: str) -> str:
    """On one line of a terminal, and nothing that a terminal would obey."""
    plain = "".join(one if one.isprintable() else "?" for one in words)
    return plain if len(plain) <= MAX_WORDS else f"{plain[: MAX_WORDS - 1]}…"
