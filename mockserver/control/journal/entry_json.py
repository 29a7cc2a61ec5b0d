"""Journal entries and explanations, converted to the JSON of the control API."""

from collections.abc import Mapping
from typing import Any

from mockserver.catalog.products import iso_timestamp
from mockserver.control.journal.reproduce import curl
from mockserver.sandbox.journal.entry import Entry


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON with the schema `Request` of specs/control.yaml."""
    return {
        "id": entry.id,
        "time": iso_timestamp(entry.time),
        "sandbox": entry.sandbox,
        "vendor": entry.vendor,
        "operation": entry.operation,
        "request": {
            "method": entry.method,
            "target": entry.target,
            "headers": dict(entry.request_headers),
            "body": entry.request_body,
        },
        "response": {
            "status": entry.status,
            "headers": dict(entry.response_headers),
            "body": entry.response_body,
        },
        "milliseconds": entry.milliseconds,
        "engine": entry.engine,
        "fault": entry.fault,
        "evidence": entry.evidence,
        "changes": [
            {name: getattr(change, name) for name in ("vendor", "collection", "key", "before", "after")}
            for change in entry.changes
        ],
        "remarks": list(entry.remarks),
        "notes": list(entry.notes),
    }


def explanation_json(entry: Entry, base_url: str, credential: Mapping[str, str]) -> dict[str, Any]:
    """Return the explanation of a call as JSON, with a curl command that repeats the call.

    If the call was not refused, `check` is None and the lists are empty. `credential` are the headers with
    the sandbox's own credential.
    """
    explanation = entry.explanation
    return {
        "check": explanation.check if explanation else None,
        "why": list(explanation.why) if explanation else [],
        "spec": list(explanation.spec) if explanation else [],
        "smallest_change": list(explanation.smallest_change) if explanation else [],
        "curl": curl(entry, base_url, credential),
    }
