"""Journal entries and explanations, converted to the JSON of the control API."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mockserver.control.journal.reproduce import ClientRequest, curl
from mockserver.data.catalog.products import iso_timestamp
from mockserver.sandbox.journal.entry import Edit, Entry, Summary
from mockserver.sandbox.journal.redaction import readable_body, redact_target
from mockserver.vendor_api.raw_request import RawRequest


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON with the schema `Request` of specs/control.yaml."""
    return {
        "id": entry.id,
        "time": iso_timestamp(entry.time),
        "arrived": iso_timestamp(datetime.fromtimestamp(entry.arrived / 1e6, UTC)),
        "sandbox": entry.sandbox,
        "direction": entry.direction,
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
        "dialect": entry.dialect,
        "fault": entry.fault,
        "evidence": entry.evidence,
        "changes": [
            {name: getattr(change, name) for name in ("vendor", "collection", "key", "before", "after")}
            for change in entry.changes
        ],
        "remarks": list(entry.remarks),
        "notes": list(entry.notes),
    }


def summary_json(call: Summary) -> dict[str, Any]:
    """Return a call in short as JSON with the schema `Summary` of specs/control.yaml."""
    return {
        "id": call.id,
        "time": iso_timestamp(call.time),
        "arrived": iso_timestamp(datetime.fromtimestamp(call.arrived / 1e6, UTC)),
        "sandbox": call.sandbox,
        "direction": call.direction,
        "vendor": call.vendor,
        "operation": call.operation,
        "method": call.method,
        "target": call.target,
        "status": call.status,
        "milliseconds": call.milliseconds,
        "engine": call.engine,
        "dialect": call.dialect,
        "fault": call.fault,
        "evidence": call.evidence,
        "remarks": len(call.remarks),
        "notes": len(call.notes),
        "changes": call.change_count,
        "refused_by": call.explanation.check if call.explanation else None,
    }


def explanation_json(
    entry: Entry, edits: Sequence[Edit] | None, request: ClientRequest, mended: RawRequest | None
) -> dict[str, Any]:
    """Return the explanation of a call as JSON.

    If the call was not refused, `check` and `edits` are None and the lists are empty. `edits` are those with
    which the call would succeed now, or None. `request` is the one that repeats the call, `mended` the one
    with the edits.
    """
    explanation = entry.explanation
    return {
        "check": explanation.check if explanation else None,
        "why": list(explanation.why) if explanation else [],
        "spec": list(explanation.spec) if explanation else [],
        "smallest_change": list(explanation.smallest_change) if explanation else [],
        "edits": None if edits is None else [edit_json(edit) for edit in edits],
        "mended": mended and _shown_request(mended),
        "curl": curl(request),
        "repeat": {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "body": request.body,
        },
    }


def _shown_request(raw: RawRequest) -> dict[str, str]:
    """Return a request without its secrets and its headers."""
    target = f"{raw.path}?{raw.query}" if raw.query else raw.path
    body = readable_body(raw.body or b"", raw.headers.get("content-type", ""))
    return {"method": raw.method, "target": redact_target(target), "body": body}


def edit_json(edit: Edit) -> dict[str, Any]:
    """Return an edit as JSON with the schema `Edit` of specs/control.yaml."""
    return {
        "action": "remove" if edit.removed else "rename" if edit.renamed else "set",
        "place": edit.place,
        "name": edit.name,
        "value": edit.value,
        "text": edit.text,
        "origin": edit.origin,
        "allowed": edit.allowed,
    }
