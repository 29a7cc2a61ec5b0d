"""An account keeps what the journal will say, and nothing of the world that it is about."""

import asyncio
import gc
import weakref

import pytest

from mockserver import app
from tests.contract.test_lanes import answer


@pytest.mark.parametrize("identifier", [b"10001", b"77", b"77/more"], ids=["answered", "refused", "no path"])
def test_a_journal_does_not_hold_on_to_its_sandbox(identifier: bytes) -> None:
    mock = app.build(names=["merchantpro"])
    headers = [(b"authorization", b"Basic c2J4X2dvbmU6eA==")]
    asyncio.run(answer(mock, ("GET", b"/api/v2/inventory/id/" + identifier, b"", headers, b"")))
    sandbox = mock.sandboxes.get("gone")
    journal, alive = sandbox.journal, weakref.ref(sandbox)
    mock.sandboxes.delete("gone")
    del sandbox
    gc.collect()
    assert alive() is None
    assert [bool(entry.refusal) for entry in journal] == [identifier != b"10001"]


def test_what_was_written_out_keeps_nothing_but_its_words() -> None:
    mock = app.build(names=["merchantpro"])
    headers = [(b"authorization", b"Basic c2J4X3JlYWQ6eA==")]
    asyncio.run(answer(mock, ("GET", b"/api/v2/inventory/id/10001", b"", headers, b"")))
    journal = mock.sandboxes.get("read").journal
    [entry] = journal
    assert dict(entry.request_headers)["authorization"] == "Basic ***"

    [note] = journal._notes
    assert note.write is None
    assert [*journal] == [entry]
