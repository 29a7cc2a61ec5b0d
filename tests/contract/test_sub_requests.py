"""Requests that are answered as parts of a call."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mockserver.app import load_contract
from mockserver.data.catalog.catalog import SeededCatalog
from mockserver.data.store.state import Draft, State
from mockserver.vendor_api import Call, Credential
from mockserver.vendor_api.request import Headers, Request

PATH = "/api/v2/products/10001/images"


def batch(handler: Callable[[Call], Any], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a call whose parts are answered by a handler, if their path is `PATH`."""
    contract = load_contract("merchantpro")
    operations = {**contract.vendor.operations, "get-product-images": handler}
    monkeypatch.setattr(contract, "vendor", replace(contract.vendor, operations=operations))
    return Call(
        Request("POST", "/api/v2/batch", "", Headers(), {}), Credential("demo"), str.encode,
        Draft(SeededCatalog(42, 99), State()), contract.base_records, parts=contract,
    )  # fmt: skip


def test_parts_get_different_random_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def handler(call: Call) -> Any:
        drawn.extend([call.random_bytes("id"), call.random_bytes("token")])
        return []

    call = batch(handler, monkeypatch)
    for _ in range(2):
        assert call.answer_part("GET", PATH).status == 200
    drawn.append(call.random_bytes("id"))
    assert len(set(drawn)) == len(drawn) == 5


def test_part_has_no_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []
    batch(lambda call: parts.append(call.parts) or [], monkeypatch).answer_part("GET", PATH)
    assert parts == [None]
