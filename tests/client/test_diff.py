"""The differences between two moments of a sandbox, in the Python client."""

from mockserver.client import Sandbox


def test_records_and_settings_that_differ(mock_sandbox: Sandbox) -> None:
    mock_sandbox.snapshot("before")
    assert not mock_sandbox.diff()
    inventory = mock_sandbox.records("merchantpro", "inventory")
    inventory.patch(10003, warehouses=[{"id": 1, "name": "a", "stock": 1}])
    mock_sandbox.records("sabi", "products").delete("1001")
    found = mock_sandbox.diff("before")
    assert found and found == mock_sandbox.diff()
    changed, deleted = found.records
    assert (changed.vendor, changed.collection, changed.key) == ("merchantpro", "inventory", "10003")
    assert changed.before and changed.fields["warehouses[0].stock"] == (5, 1)
    assert changed.fields["warehouses[1]"] == (changed.before["warehouses"][1], None)
    assert (deleted.before["productId"], deleted.after, deleted.fields) == ("1001", None, {})  # type: ignore[index]
    assert (found.clock, found.limits, found.faults) == (None, None, None)
    mock_sandbox.snapshot("later")
    mock_sandbox.clock.freeze("2026-01-02T03:04:05Z")
    now = {"now": "2026-01-02T03:04:05.000Z", "frozen": True}
    assert mock_sandbox.diff("later").clock == ({"frozen": False}, now)
    assert mock_sandbox.diff("later", "before").records[1].before is None
