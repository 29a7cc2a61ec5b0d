"""Journal entries do not refer to their sandbox, and drop their source on first access."""

import gc
import weakref

import pytest

from mockserver import app
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

READ = b"Basic c2J4X2dvbmU6eA=="  # sbx_gone


def call(mock: app.Mock, path: str) -> None:
    mock.application.start(RawRequest("GET", path, "", Headers([(b"authorization", READ)])))


@pytest.mark.parametrize("identifier", ["10001", "77", "77/more"], ids=["answered", "refused", "no path"])
def test_journal_does_not_keep_its_sandbox_alive(identifier: str) -> None:
    mock = app.build(names=["merchantpro"])
    call(mock, f"/api/v2/inventory/id/{identifier}")
    sandbox = mock.sandboxes.get("gone")
    journal, alive = sandbox.journal, weakref.ref(sandbox)
    mock.sandboxes.delete("gone")
    del sandbox
    gc.collect()
    assert alive() is None
    assert [bool(entry.explanation) for entry in journal] == [identifier != "10001"]


def test_entry_drops_its_source_on_first_access() -> None:
    mock = app.build(names=["merchantpro"])
    call(mock, "/api/v2/inventory/id/10001")
    journal = mock.sandboxes.get("gone").journal
    [entry] = journal
    assert dict(entry.request_headers)["authorization"] == "Basic ***"
    [lazy] = journal._entries
    assert lazy.source is None  # type: ignore[attr-defined]
    assert [*journal] == [entry]
