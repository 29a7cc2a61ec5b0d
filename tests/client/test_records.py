"""Records in the Python client: found, told apart from what they were, and put back."""

from mockserver.client import Sandbox


def test_changed_records_are_found_and_reverted(mock_sandbox: Sandbox) -> None:
    inventory = mock_sandbox.records("merchantpro", "inventory")
    assert [one["id"] for one in inventory.find("Beko washing")] == [10001]
    assert list(inventory.find(changed=True)) == []
    inventory.patch(10001, stock=3)
    inventory.post({**inventory.get(10001), "id": 777, "sku": "new", "ean": None})
    assert [one["id"] for one in inventory.find(changed=True)] == [10001, 777]
    assert [one["id"] for one in inventory.find("beko", changed=True)] == [10001, 777]
    assert inventory.initial(10001)["stock"] == 10
    assert inventory.revert(10001) == inventory.initial(10001) == inventory.get(10001)
    assert inventory.revert(777) is None
    assert list(inventory.find(changed=True)) == []
    assert len(list(inventory.find())) == len(inventory)
