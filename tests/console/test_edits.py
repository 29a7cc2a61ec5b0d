"""Changes that are kept for Undo: found by name and record, and bounded."""

from mockserver.console import edits
from mockserver.console.edits import Edits
from mockserver.vendor_api.json_text import decode, encode


def test_change_is_found_by_its_name_and_record_to_the_digit() -> None:
    kept = Edits()
    former, saved = decode('{"price":1.50}'), decode('{"price":2.00}')
    name = kept.keep("/a", former, saved)
    assert encode(kept.find(name, "/a")) == b'[{"price":1.50},{"price":2.00}]'
    assert kept.find(name, "/b") is None
    assert kept.find("", "/a") is None


def test_oldest_changes_make_room() -> None:
    kept = Edits()
    names = [kept.keep("/a", {}, {}) for _ in range(edits.MAX_EDITS + 1)]
    assert [name for name in names if not kept.find(name, "/a")] == names[:1]
    large = {"text": "x" * (edits.MAX_BYTES // 2)}
    last = kept.keep("/a", large, {})
    assert kept.find(last, "/a") == (large, {})
    newest = kept.keep("/a", large, {})
    assert kept.find(last, "/a") is None
    assert kept.find(newest, "/a") == (large, {})
    assert not any(kept.find(name, "/a") for name in names)
