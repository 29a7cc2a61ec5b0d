"""The vendors' rate limits over HTTP, with a frozen clock that only the test moves."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.server.server import serving
from mockserver.vendor_api.auth import basic_header
from tests.e2e.test_command_line import base_of, started

INVENTORY = "/products/inventory?altId=x&limit=1"
WASHER = "/api/v2/inventory/id/10001"
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
UNREACHABLE = 1_000_000  # calls, more than any test makes
PREFIX = "x-ratelimit-"
MERCHANTPRO_429 = (
    '{"error":{"name":"too_many_requests","message":"Too many requests","details":{"reset_time":"%d"}}}'
)


load_contract = cache(app.load_contract)  # to compile a spec takes longer than many calls


class Tenant:
    """A sandbox with a frozen clock, with methods that control it and call its vendors."""

    def __init__(self, api: httpx.Client, name: str) -> None:
        self.api, self.name = api, name

    def control(self, method: str, path: str, **body: Any) -> Any:
        response = self.api.request(method, f"/_mock/sandboxes/{self.name}{path}", json=body or None)
        assert response.is_success, response.text
        return response.json()

    def limit(self, **overrides: dict[str, int]) -> Any:
        return self.control("PUT", "/limits", enabled=True, overrides=overrides)

    def advance(self, seconds: float) -> None:
        self.control("PUT", "/clock", action="advance", seconds=seconds)

    def call(self, name: str, method: str = "GET", path: str = "", **headers: str) -> httpx.Response:
        vendor = load_contract(name).vendor
        sent = {**vendor.auth_headers(f"sbx_{self.name}"), "X-Mock-Sandbox": self.name} | headers
        return self.api.request(method, f"/{name}{path or vendor.sample}", headers=sent)

    def statuses(self, vendor: str, count: int) -> list[int]:
        return [self.call(vendor).status_code for _ in range(count)]


@pytest.fixture
def tenant(api: httpx.Client, sandbox: str) -> Tenant:
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 10}).raise_for_status()
    tenant = Tenant(api, sandbox)
    tenant.control("PUT", "/clock", action="freeze", instant=NOON.isoformat())
    return tenant


def quota(response: httpx.Response) -> dict[str, str]:
    """Return the rate limit headers, without their common prefix."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in response.headers.items()
        if name.startswith(PREFIX)
    }


def burst_quota(remaining: int, daily: int = 200_000, reset: int = 86_400_000) -> dict[str, str]:
    return {
        "limit-daily": "200000",
        "daily-remaining": str(daily),
        "daily-reset": str(reset),
        "interval-milliseconds": "10000",
        "max": "100",
        "remaining": str(remaining),
    }


@pytest.mark.parametrize(
    ("vendor", "overrides", "most", "seconds"),
    [
        ("highlevel", {}, 100, 10),
        ("highlevel", {"daily": 3}, 3, 86_400),
        ("shoplazza", {}, 40, 0.5),
        ("shoplazza", {"app": UNREACHABLE}, 80, 0.05),
        ("merchantpro", {}, 4, 1),
        ("merchantpro", {"second": UNREACHABLE}, 80, 60),
        ("merchantpro", {"hour": 3}, 3, 3_600),
        ("merchantpro", {"day": 3}, 3, 86_400),
    ],
)
def test_limit_refuses_calls_until_it_resets(
    tenant: Tenant, vendor: str, overrides: dict[str, int], most: int, seconds: float
) -> None:
    tenant.limit(**{vendor: overrides})
    assert tenant.statuses(vendor, most + 2) == [200] * most + [429] * 2
    tenant.advance(seconds - 0.001)
    assert tenant.statuses(vendor, 1) == [429]
    tenant.advance(0.001)
    assert tenant.statuses(vendor, 1) == [200], "refused calls must not count"


def test_window_resets_at_once_and_bucket_leaks(tenant: Tenant) -> None:
    tenant.limit()
    tenant.statuses("merchantpro", 4), tenant.statuses("shoplazza", 40)
    tenant.advance(1)
    assert tenant.statuses("merchantpro", 5) == [200] * 4 + [429]
    assert tenant.statuses("shoplazza", 3) == [200, 200, 429]


def test_window_begins_with_its_first_call(tenant: Tenant) -> None:
    tenant.limit(merchantpro={"second": 2})
    tenant.advance(0.9)
    assert tenant.statuses("merchantpro", 2) == [200, 200]
    tenant.advance(0.9)
    assert tenant.statuses("merchantpro", 1) == [429]


def test_every_highlevel_answer_has_quota_headers(tenant: Tenant) -> None:
    tenant.limit()
    responses = [
        tenant.call("highlevel"),
        tenant.call("highlevel", path="/inventory/stock"),
        tenant.call("highlevel", path="/products/inventory"),
        tenant.call("highlevel", Version="v0"),
        tenant.call("highlevel", "PATCH"),
        tenant.call("highlevel", "OPTIONS"),
        tenant.call("highlevel", "HEAD"),
        tenant.call("highlevel", path="/products/inventory?altId=anotherLocation00001"),
        tenant.call("highlevel", path="/products/inventory?altId=%FF"),
    ]
    assert [response.status_code for response in responses] == [200, 404, 422, 401, 405, 204, 200, 403, 400]
    for count, response in enumerate(responses, 1):
        assert quota(response) == burst_quota(100 - count, 200_000 - count)
    tenant.advance(9.9995)
    assert quota(tenant.call("highlevel")) == burst_quota(90, 199_990, 86_390_001)
    tenant.advance(0.0005)
    assert quota(tenant.call("highlevel")) == burst_quota(99, 199_989, 86_390_000)


def test_headers_show_that_the_daily_limit_is_used_up(tenant: Tenant) -> None:
    tenant.limit(highlevel={"daily": 1})
    tenant.call("highlevel")
    refused = tenant.call("highlevel")
    assert refused.status_code == 429
    assert quota(refused) == burst_quota(99, 0) | {"limit-daily": "1"}


@pytest.mark.parametrize(
    ("vendor", "overrides", "body", "headers"),
    [
        ("highlevel", {"burst": 0}, '{"statusCode":429,"message":"Too Many Requests"}', {}),
        ("shoplazza", {"app": 1}, '{"errors":["Too Many Requests"]}', {"retry-after": "0.5"}),
        ("shoplazza", {"shop": 1}, '{"errors":["Too Many Requests"]}', {"retry-after": "0.05"}),
        ("merchantpro", {"second": 1}, MERCHANTPRO_429 % 1, {"retry-after": "1"}),
        ("merchantpro", {"hour": 1}, MERCHANTPRO_429 % 3600, {"retry-after": "3600"}),
    ],
)
def test_429_has_the_vendors_format(
    tenant: Tenant, vendor: str, overrides: dict[str, int], body: str, headers: dict[str, str]
) -> None:
    tenant.limit(**{vendor: overrides})
    tenant.call(vendor)
    refused = tenant.call(vendor)
    assert (refused.status_code, refused.text) == (429, body)
    assert refused.headers["content-type"].startswith("application/json")
    assert headers.items() <= dict(refused.headers).items()
    assert ("retry-after" in refused.headers) == bool(headers)
    assert ("request-id" in refused.headers) == (vendor == "shoplazza")


def test_call_succeeds_after_waiting_for_retry_after(tenant: Tenant) -> None:
    tenant.limit()
    tenant.statuses("shoplazza", 40)
    tenant.advance(0.1234567)
    refused = tenant.call("shoplazza")
    assert refused.headers["retry-after"] == "0.377", "rounded up to milliseconds"
    tenant.advance(0.377)
    assert tenant.statuses("shoplazza", 1) == [200]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE"])
def test_calls_with_any_method_are_counted_and_refused(tenant: Tenant, method: str) -> None:
    tenant.limit(merchantpro={"second": 1})
    assert tenant.call("merchantpro", method).status_code != 429
    refused = tenant.call("merchantpro", method)
    assert (refused.status_code, refused.content == b"") == (429, method == "HEAD")


def test_refused_write_changes_nothing(tenant: Tenant) -> None:
    tenant.limit(merchantpro={"second": 0})
    assert tenant.api.patch(
        WASHER, headers=basic_header(f"sbx_{tenant.name}"), json={"stock": 1}
    ).is_client_error
    tenant.control("PUT", "/limits", enabled=False)
    assert tenant.call("merchantpro").json()["stock"] == 10


def test_shoplazza_buckets_are_per_app_and_per_shop(tenant: Tenant) -> None:
    tenant.limit()

    def statuses(token: str, shop: str, count: int) -> list[int]:
        host = f"{shop}.myshoplazza.com"
        path = load_contract("shoplazza").vendor.sample
        headers = {"access-token": token, "Host": host, "X-Mock-Sandbox": tenant.name}
        return [tenant.api.get(path, headers=headers).status_code for _ in range(count)]

    assert statuses("demo", "one", 41) == [200] * 40 + [429]
    assert statuses("demo", "two", 1) == [200], "each shop has its own buckets"
    assert statuses("sbx_app2", "one", 41) == [200] * 40 + [429], "each app has its own bucket"
    assert statuses("sbx_app3", "one", 1) == [429], "but the bucket of the shop is full"
    tenant.advance(0.05)
    assert statuses("sbx_app3", "one", 2) == [200, 429]


def test_rate_limits_are_off_by_default(tenant: Tenant) -> None:
    assert tenant.control("GET", "/limits")["enabled"] is False
    assert tenant.statuses("merchantpro", 6) == [200] * 6
    assert quota(tenant.call("highlevel")) == {}
    assert tenant.control("GET", "/limits")["vendors"]["merchantpro"]["second"]["remaining"] == 4


def test_control_api_shows_the_vendors_limits(tenant: Tenant) -> None:
    tenant.limit(highlevel={"burst": 5})
    tenant.call("highlevel")
    client, shop = {"per": ["credential"]}, {"per": ["shopdomain"]}
    answer = tenant.control("GET", "/limits")
    assert (answer["enabled"], answer["overrides"]) == (True, {"highlevel": {"burst": 5}})
    assert list(answer["vendors"]) == app.vendor_names()
    for name, shown in answer["vendors"].items():
        assert list(shown) == [limit.name for limit in load_contract(name).vendor.limits]
    assert answer["vendors"]["highlevel"] == {
        "burst": {"seconds": 10, "most": 5, "remaining": 4} | client,
        "daily": {"seconds": 86_400, "most": 200_000, "remaining": 199_999} | client,
    }
    assert answer["vendors"]["merchantpro"] == {
        "second": {"seconds": 1, "most": 4, "remaining": 4} | client,
        "minute": {"seconds": 60, "most": 80, "remaining": 80} | client,
        "hour": {"seconds": 3_600, "most": 3_600, "remaining": 3_600} | client,
        "day": {"seconds": 86_400, "most": 60_000, "remaining": 60_000} | client,
    }
    assert answer["vendors"]["shoplazza"] == {
        "app": {"most": 40, "per_second": 2, "remaining": 40, "per": ["credential", "shopdomain"]},
        "shop": {"most": 80, "per_second": 20, "remaining": 80} | shop,
    }


def test_sandboxes_are_counted_separately(tenant: Tenant) -> None:
    child = Tenant(tenant.api, f"{tenant.name}-child")
    tenant.limit(merchantpro={"second": 2})
    tenant.statuses("merchantpro", 1)
    tenant.control("POST", "/fork", name=child.name)
    assert tenant.statuses("merchantpro", 2) == [200, 429]
    assert child.statuses("merchantpro", 3) == [200, 200, 429], "each credential is counted separately"
    assert child.call("merchantpro", **basic_header(f"sbx_{tenant.name}")).status_code == 200
    assert child.call("merchantpro", **basic_header(f"sbx_{tenant.name}")).status_code == 429


def test_snapshot_keeps_counts_and_reset_drops_them(tenant: Tenant) -> None:
    tenant.limit(merchantpro={"second": 2})
    tenant.statuses("merchantpro", 1)
    tenant.control("PUT", "/snapshots/one")
    for _ in range(2):
        assert tenant.statuses("merchantpro", 2) == [200, 429]
        tenant.control("POST", "/snapshots/one/restore")
    tenant.control("POST", "/reset")
    assert tenant.control("GET", "/limits")["enabled"] is False, "a reset must restore the initial settings"


def test_new_settings_reset_the_counts(tenant: Tenant) -> None:
    tenant.limit(merchantpro={"second": 1})
    assert tenant.statuses("merchantpro", 2) == [200, 429]
    tenant.limit(merchantpro={"second": 3})
    assert tenant.statuses("merchantpro", 4) == [200] * 3 + [429]


def test_export_has_the_settings_but_no_counts(tenant: Tenant) -> None:
    tenant.limit(merchantpro={"second": 1})
    tenant.statuses("merchantpro", 1)
    document = tenant.control("GET", "/export")
    assert document["limits"] == {"enabled": True, "overrides": {"merchantpro": {"second": 1}}}
    tenant.control("PUT", "/import", **document)
    assert tenant.statuses("merchantpro", 2) == [200, 429]
    del document["limits"]
    tenant.control("PUT", "/import", **document)
    assert tenant.statuses("merchantpro", 2) == [200, 200]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            {"overrides": {"acme": {"burst": 1}}},
            404,
            "there is no vendor acme: use one of highlevel, merchantpro, narvar, sabi, shoplazza",
        ),
        ({"overrides": {"highlevel": {"x": 1}}}, 404, "highlevel has no limit x: use one of burst, daily"),
        ({"overrides": {"sabi": {"x": 1}}}, 404, "sabi has no limit x: its rate limits are not known"),
        (
            {"overrides": {"highlevel": {"burst": -1}}},
            400,
            "body.overrides.highlevel.burst: must be at least 0, not -1",
        ),
        (
            {"overrides": {"highlevel": {"burst": 1.5}}},
            400,
            "body.overrides.highlevel.burst: must be a whole number, not 1.5",
        ),
        ({"overrides": {"highlevel": 5}}, 400, "body.overrides.highlevel: must be an object, not 5"),
        ({"enabled": "yes"}, 400, "body.enabled: must be true or false"),
        ({"enabled": True, "vendors": {}}, 400, "body.vendors: is not known: use one of overrides, enabled"),
    ],
)
def test_invalid_settings_are_refused_and_change_nothing(
    tenant: Tenant, body: dict[str, Any], status: int, message: str
) -> None:
    before = tenant.limit(highlevel={"burst": 7})
    path = f"/_mock/sandboxes/{tenant.name}/limits"
    refused = tenant.api.put(path, json={"enabled": False} | body)
    assert (refused.status_code, refused.json()["message"]) == (status, message)
    assert tenant.control("GET", "/limits") == before
    assert tenant.api.get("/_mock/sandboxes/nobody/limits").status_code == 404


@pytest.fixture
def limited() -> Iterator[tuple[app.Mock, httpx.Client]]:
    """Yield a mock in which every sandbox starts with rate limits on, and a client for it."""
    mock = app.build(products=10, limits=True)
    with serving(mock.application) as url, httpx.Client(base_url=url) as api:
        mock.sandboxes.get_or_create("demo").set_clock(lambda clock: clock.freeze(NOON))
        yield mock, api


def test_refused_credentials_are_not_counted(limited: tuple[app.Mock, httpx.Client]) -> None:
    _, api = limited
    for token in ("wrong", "forbidden", None):
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        for _ in range(101):
            response = api.get(INVENTORY, headers={"Version": "v3"} | bearer)
            assert (response.status_code, quota(response)) == (401, burst_quota(100))
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    assert quota(api.options(INVENTORY, headers=preflight)) == burst_quota(100)
    response = api.get(INVENTORY, headers={"Version": "v3", "Authorization": "Bearer demo"})
    assert quota(response) == burst_quota(99, 199_999)


def test_counting_does_not_wait_for_a_running_call(limited: tuple[app.Mock, httpx.Client]) -> None:
    mock, api = limited
    with mock.sandboxes.get_or_create("demo").transaction():
        statuses = [api.get(WASHER, auth=("demo", "x"), timeout=5).status_code for _ in range(5)]
        body = {"enabled": True, "overrides": {}}
        assert api.put("/_mock/sandboxes/demo/limits", json=body, timeout=5).status_code == 200
    assert statuses == [200] * 4 + [429]


def test_concurrent_calls_do_not_exceed_the_limit(
    limited: tuple[app.Mock, httpx.Client],
) -> None:
    _, api = limited
    statuses: list[int] = []

    def call() -> None:
        statuses.extend(api.get(WASHER, auth=("demo", "x")).status_code for _ in range(10))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (statuses.count(200), statuses.count(429)) == (4, 36)


@pytest.mark.parametrize(
    ("arguments", "environment", "quota_headers"),
    [
        (["--limits"], {}, 6),
        ([], {"MOCKSERVER_LIMITS": "1"}, 6),
        ([], {}, 0),
    ],
)
def test_option_turns_rate_limits_on_in_every_sandbox(
    arguments: list[str], environment: dict[str, str], quota_headers: int
) -> None:
    with started("--port", "0", *arguments, **environment) as (_, banner):
        for credential in ("demo", "sbx_other"):
            sent = {"Version": "v3", "Authorization": f"Bearer {credential}"}
            response = httpx.get(base_of(banner) + INVENTORY, headers=sent)
            assert (response.status_code, len(quota(response))) == (200, quota_headers)
