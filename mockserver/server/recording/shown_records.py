"""Records as the journal shows them: as JSON, without secrets, whatever a vendor's records hold."""

from typing import Any

from mockserver.sandbox.journal.redaction import redact_json
from mockserver.sandbox.log.values import is_plain, text_of
from mockserver.vendor_api.json_text import decode, encode

NOT_JSON = "(this record cannot be shown as JSON)"


def shown(record: Any) -> Any:
    """Return a record as JSON without the values of secret fields. What JSON lacks becomes text."""
    if record is None:
        return None
    return redact_json(record if is_plain(record) else decode(encoded(record)))


def encoded(record: Any) -> bytes:
    """Return the text of a record as JSON, with its secrets."""
    try:
        return text_of(record)
    except (TypeError, ValueError, RecursionError):  # such as a name that is no text
        return encode({"": NOT_JSON})
