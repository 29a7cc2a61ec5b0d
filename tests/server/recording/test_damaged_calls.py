"""Bytes that are no call, or one that this server cannot read, become an entry that says so."""

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import app
from mockserver.sandbox.journal.entry import KeptEntry, Summary
from mockserver.server.recording.call_codec import NOT_KEPT, CallCodec
from mockserver.server.recording.kept_calls import CALL, KINDS
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.server.recording.kept import codec_of

AUTH = ("sbx_kept", "")
WASHER = "/api/v2/inventory/id/10001"


@pytest.fixture(scope="module")
def mock() -> app.Mock:
    return app.build(names=["merchantpro", "highlevel"], products=10)


@pytest.fixture(scope="module")
def calls(mock: app.Mock) -> dict[str, bytes]:
    """Return the bytes of a read, a write, a refusal for several reasons, and a request to no vendor."""
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        client.get(WASHER, auth=AUTH)
        client.patch(WASHER, auth=AUTH, json={"stock": 3})
        client.patch(WASHER, auth=AUTH, json={"stock": -1.5, "price_net": "x", "colour": 1})
        client.get("/nobody/has/this", auth=AUTH)
    entries = mock.sandboxes.get("kept").journal.entries()
    names = ("read", "write", "refusal", "no vendor")
    return {name: codec_of(mock).encode(entry) for name, entry in zip(names, entries, strict=True)}


def read(codec: CallCodec, data: bytes) -> tuple[KeptEntry, Summary]:
    """Return an entry and its summary, after reading all else of it. Nothing of this may raise."""
    entry = codec.decode(data, "kept", "sbx_kept")
    entry.serial, entry.arrived = 7, 1_700_000_000_000_000
    entry.entry(), entry.raw_request()
    summary = entry.summary()
    assert (summary.sandbox, summary.serial) == ("kept", 7)
    return entry, summary


UNREADABLE: dict[str, tuple[Any, str]] = {
    "not kept": (lambda data: NOT_KEPT, "the server that answered it could not keep it"),
    "nothing": (lambda data: b"", "another version of this server has kept it"),
    "another version": (
        lambda data: data.replace(b"call/1 ", b"call/2 "), "another version of this server has kept it"),
    "no tag": (lambda data: data.partition(b" ")[2], "another version of this server has kept it"),
    "a long tag": (lambda data: b"x" * 1000 + data, "another version of this server has kept it"),
    "only a tag": (lambda data: b"call/1 ", "DecodeError: Input data was truncated"),
    "another shape": (lambda data: b"call/1 \x91\xc0", "ValidationError: Expected `array` of at least"),
    "no such vendor": (
        lambda data: data.replace(b"\xabmerchantpro", b"\xabmerchantbad"),
        "this server has no vendor merchantbad"),
    "no such operation": (
        lambda data: data.replace(b"\xadget-inventory", b"\xadget-inventary"),
        "vendor merchantpro has no operation get-inventary on this server"),
    "no such dialect": (
        lambda data: data.replace(b"\xaadocumented", b"\xaaimprovised"),
        "vendor merchantpro has no dialect improvised on this server"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_call_that_cannot_be_read_says_why(
    mock: app.Mock, calls: dict[str, bytes], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    change, reason = UNREADABLE[name]
    data = change(calls["read"])
    assert data != calls["read"]
    entry, summary = read(codec_of(mock), data)
    assert summary.target.startswith(f"(this call cannot be read: Unreadable: {reason}")
    assert (summary.status, entry.raw_request()) == (0, None)
    assert "call kept.7 cannot be read" in caplog.text


@pytest.mark.parametrize("name", ["read", "write", "refusal", "no vendor"])
def test_cut_call_never_raises(mock: app.Mock, calls: dict[str, bytes], name: str) -> None:
    codec, data = codec_of(mock), calls[name]
    assert read(codec, data)[1].status
    for length in range(len(data)):
        assert read(codec, data[:length])[1].target.startswith("(this call cannot be read")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_call_never_raises(mock: app.Mock, calls: dict[str, bytes], data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from([*calls.values()])))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    read(codec_of(mock), bytes(damaged))


def test_entry_that_cannot_be_kept_is_answered_all_the_same(
    mock: app.Mock, calls: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """As if a user's own vendor had a key that is no text. Whatever its records hold can be shown."""
    write = mock.sandboxes.get("kept").journal.entries()[1]
    (change,) = write.changes  # type: ignore[attr-defined]
    write.changes = (type(change)("a", "b", object(), None, {}),)  # type: ignore[attr-defined]
    assert codec_of(mock).encode(write) == NOT_KEPT
    assert "a call to sandbox kept cannot be kept" in caplog.text


def test_kind_that_is_not_in_the_codec_is_not_kept(mock: app.Mock, calls: dict[str, bytes]) -> None:
    entry = mock.sandboxes.get("kept").journal.entries()[3]
    contracts = {contract.vendor.name: contract for contract in mock.contracts}
    assert CallCodec(contracts, [CALL]).encode(entry) == NOT_KEPT
    assert CallCodec(contracts, KINDS).encode(entry) == calls["no vendor"]
