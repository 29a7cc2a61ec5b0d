"""Remarks: calls to endpoints that the vendor has, but the mock does not emulate."""

import httpx
import pytest

from mockserver import app
from mockserver.client import Sandbox
from mockserver.contract.vendor_files import VendorFiles
from mockserver.embedding.pytest_plugin.fixtures import RunningServer

REAL = "a real endpoint of the vendor, not part of this mock"


@pytest.mark.finding("B12")
@pytest.mark.parametrize(
    ("vendor", "method", "path", "status"),
    [
        ("highlevel", "GET", "/products/collections", 404),
        ("highlevel", "HEAD", "/products/collections?altId=x", 404),
        ("highlevel", "POST", "/products/bulk-update", 404),
        ("highlevel", "GET", "/products/reviews/count", 404),
        ("highlevel", "GET", "/oauth/installedLocations", 404),
        ("shoplazza", "GET", "/openapi/2026-01/products?limit=10", 404),
        ("shoplazza", "POST", "/openapi/2026-01/locations/priority", 404),
        ("shoplazza", "GET", "/openapi/2026-01/products/f854e9a2-986d-4e2b-9df0-8e4c139ae80e/inventory", 404),
        ("shoplazza", "DELETE", "/openapi/2022-01/webhooks/7", 404),
        ("shoplazza", "POST", "/openapi/2022-01/products", 405),
        ("merchantpro", "GET", "/api/v2/orders", 404),
        ("merchantpro", "PATCH", "/api/v2/orders/7/shipped", 404),
        ("sabi", "GET", "/api/v1/products/metrics", 404),
        ("sabi", "GET", "/api/v1/trades/67a81ecca9a55da218c22c35", 404),
        ("narvar", "POST", "/api/v1/orders", 404),
    ],
)
@pytest.mark.parametrize("prefixed", [True, False])
def test_real_endpoint_that_is_not_emulated_is_told_apart(
    mock_sandbox: Sandbox, mockserver: RunningServer, vendor: str, method: str, path: str, status: int,
    prefixed: bool,
) -> None:  # fmt: skip
    access = mock_sandbox.vendors[vendor]
    url = (access.base_url if prefixed else mockserver.url) + path
    response = httpx.request(method, url, headers=dict(access.headers))
    assert response.status_code == status
    assert "x-mock-error" not in response.headers  # the answer is the vendor's
    (call,) = mock_sandbox.requests
    assert (call.vendor, call.remarks) == (vendor, (f"{method} {path.partition('?')[0]} is {REAL}",))
    explained = mock_sandbox.requests.explain(call)
    assert explained.why == (REAL,)
    assert "--vendors-from" in explained.smallest_change[0]


def test_path_that_no_vendor_has_is_not_in_the_spec(mock_sandbox: Sandbox) -> None:
    access = mock_sandbox.vendors["highlevel"]
    httpx.get(f"{access.base_url}/products/inventory/more/and/more", headers=dict(access.headers))
    (call,) = mock_sandbox.requests
    assert call.remarks == ("GET /products/inventory/more/and/more is not in the spec",)


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_no_emulated_operation_is_listed_as_missing(vendor: str) -> None:
    spec = VendorFiles().spec(vendor)
    emulated = {f"{operation.method} {operation.template}" for operation in spec.operations.values()}
    listed = spec.document["x-not-emulated"]
    assert len({*listed}) == len(listed)
    assert emulated.isdisjoint(listed)
