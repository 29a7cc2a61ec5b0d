"""MerchantPro's batch over HTTP: several requests in one call."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from mockserver.app import load_contract

PRODUCTS, STOCK = "/api/v2/products", "/api/v2/inventory"
MUG = {"sku": "MUG", "name": "Mug"}


def test_batch_runs_its_requests_in_order(shop: httpx.Client) -> None:
    requests = [
        {"method": "PATCH", "path": f"{STOCK}/id/10001", "body": {"stock": {"adjust_by": 1}}},
        {"method": "PATCH", "path": f"{PRODUCTS}/10001", "body": {"name": "Lost", "tax_id": 99}},
        {"method": "GET", "path": f"{PRODUCTS}/10001?fields=name,stock"},
        {"method": "GET", "path": f"{STOCK}/sku/TShirt%2EBlk.XL?fields=id"},
        {"method": "POST", "path": PRODUCTS, "body": MUG},
        {"method": "PATCH", "path": PRODUCTS},
        {"method": "GET", "path": "/api/v2/nothing"},
        {"method": "PATCH", "path": f"{PRODUCTS}/10001"},
        {"method": "DELETE", "path": f"{PRODUCTS}/10002"},
    ]
    response = shop.post("/api/v2/batch", json={"requests": requests})
    assert response.status_code == 200, response.text
    answers = response.json()["responses"]
    assert [one["status"] for one in answers] == [200, 400, 200, 200, 201, 405, 404, 400, 204]
    assert answers[2]["body"] == {"name": "Beko washing machine WMY71443LB2", "stock": 11}
    assert answers[3]["body"] == {"id": 10002}
    assert answers[7]["body"]["error"]["message"] == "The request body is missing"
    assert shop.get(f"{PRODUCTS}/10001").json()["stock"] == 11
    assert shop.get(f"{STOCK}/sku/MUG").status_code == 200
    assert shop.get(f"{PRODUCTS}/10002").status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/v2/batch", "/api/v2/batch?x=1", "/api/v2/b%61tch", "/%61pi/v2/batch?"]
)
def test_batch_cannot_contain_a_batch_however_its_path_is_written(shop: httpx.Client, path: str) -> None:
    within = {"requests": [{"method": "GET", "path": f"{STOCK}/id/10001"}]}
    requests = {"requests": [{"method": "POST", "path": path, "body": within}]}
    (answer,) = shop.post("/api/v2/batch", json=requests).json()["responses"]
    assert answer["body"]["error"]["message"] == "A batch cannot contain a batch"


def test_quick_calls_are_slow_in_a_batch() -> None:
    """A batch has no bound for the time of its parts, so it always runs in a thread."""
    requests = [{"method": "GET", "path": f"{PRODUCTS}?limit=100&sort=date_created.asc"}]
    call: Any = SimpleNamespace(body={"requests": requests})
    assert load_contract("merchantpro").vendor.slow["run-batch"](call)


@pytest.mark.parametrize(("count", "refusal"), [
    (0, "must not be empty"), (1, None), (20, None), (21, "must not have more than 20 entries"),
])  # fmt: skip
def test_batch_has_one_to_twenty_requests(shop: httpx.Client, count: int, refusal: str | None) -> None:
    request = {"method": "PATCH", "path": f"{STOCK}/id/10001", "body": {"stock": {"adjust_by": 1}}}
    response = shop.post("/api/v2/batch", json={"requests": [request] * count})
    if refusal:
        assert response.json()["error"]["details"] == {"requests": refusal}
    assert response.status_code == (400 if refusal else 200)
    assert shop.get(f"{STOCK}/id/10001").json()["stock"] == (10 if refusal else 10 + count)


def test_batch_counts_once_against_the_limits(shop: httpx.Client, control: str) -> None:
    assert shop.put(f"{control}/limits", json={"enabled": True}).status_code == 200
    request = {"method": "GET", "path": f"{PRODUCTS}/10001"}
    for _ in range(4):
        response = shop.post("/api/v2/batch", json={"requests": [request] * 20})
        assert {one["status"] for one in response.json()["responses"]} == {200}
    assert shop.post("/api/v2/batch", json={"requests": [request]}).status_code == 429


def test_batch_is_one_call_of_the_journal_with_all_its_changes(shop: httpx.Client, sandbox: str) -> None:
    requests = [{"method": "PATCH", "path": f"{STOCK}/id/{one}", "body": {"price_net": 1}}
                for one in (10001, 10002)]  # fmt: skip
    shop.post("/api/v2/batch", json={"requests": requests})
    found = shop.post("/_mock/requests/find", json={"sandbox": sandbox}).json()["requests"]
    assert [(one["operation"], len(one["changes"])) for one in found] == [("run-batch", 2)]
