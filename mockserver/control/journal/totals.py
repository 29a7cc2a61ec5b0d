"""Totals of the journal: how many calls each operation got, how they were answered, and what refused them."""

from collections import Counter
from typing import Any

from mockserver.control.journal.scope import Scope
from mockserver.sandbox.journal.journal import merged

Refusal = tuple[str, str, str]  # vendor, operation, check


def totals_json(scope: Scope) -> dict[str, Any]:
    """Return the totals of the calls in a scope as JSON: of those to the mock, not to webhooks."""
    statuses: dict[tuple[str, str], Counter[str]] = {}
    refusals: Counter[Refusal] = Counter()
    latest: dict[Refusal, str] = {}
    flags: Counter[str] = Counter(remarks=0, faults=0, changed=0)
    incoming = (entry for entry in merged(scope.journals) if entry.direction == "incoming")
    for call in (entry.summary() for entry in incoming):
        of_operation = statuses.setdefault((call.vendor, call.operation), Counter())
        of_operation[f"{call.status // 100}xx" if call.status else "0"] += 1
        flags.update(remarks=bool(call.remarks), faults=bool(call.fault), changed=bool(call.change_count))
        if call.explanation:
            refusal = (call.vendor, call.operation, call.explanation.check)
            refusals[refusal] += 1
            latest[refusal] = call.id
    return {
        "kept": scope.kept,
        "dropped": scope.dropped,
        **flags,
        "operations": [
            {"vendor": vendor, "operation": operation, "calls": counts.total(), "statuses": dict(counts)}
            for (vendor, operation), counts in sorted(statuses.items())
        ],
        "refusals": [
            {"vendor": one[0], "operation": one[1], "check": one[2], "calls": count, "latest": latest[one]}
            for one, count in refusals.most_common()
        ],
        "elsewhere": scope.elsewhere,
        "strays": scope.strays,
    }
