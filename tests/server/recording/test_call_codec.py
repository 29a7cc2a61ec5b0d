"""A call as bytes for a store: what comes back shows the same, to the byte."""

import gzip
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.contract.refusals.edits import headers_of
from mockserver.sandbox.faults import fault_types
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.journal.redaction import MAX_KEPT_BODY
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.server import serving
from mockserver.vendor_api.raw_request import RawRequest
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.contract.sample_vendor import MODULE, SPEC, write_vendor
from tests.receiver import Receiver
from tests.server.recording.kept import codec_of, kept, shown
from tests.vendors.test_exchanges import EXCHANGES, dialect_of_sandboxes, send

WASHER = "/api/v2/inventory/id/10001"
AUTH = ("sbx_kept", "")
BEARER = {"Authorization": "Bearer sbx_kept", "Version": "2021-07-28"}
TOKENS = {"client_id": "a", "client_secret": "sbx_kept", "grant_type": "authorization_code", "code": "demo"}
LONG = "a" * (MAX_KEPT_BODY + 1000)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Each fault with its fields. A read and a write meet it.
FAULTS: dict[str, dict[str, Any]] = {
    "committed_reply_lost": {}, "compressed": {"broken": True}, "empty_reply": {}, "gateway": {},
    "malformed_body": {}, "no_answer": {"seconds": 0}, "page_shift": {"change": "remove"},
    "problem": {"kind": "not_found"}, "reset": {},
    "response": {"status": 299, "headers": {"X-A": "b"}, "body": {"a": "\u00e9", "token": 1}},
    "slow_body": {"seconds": 0}, "stale_reads": {"reads": 3}, "status": {"status": 404},
    "truncated_body": {},
}  # fmt: skip


@pytest.fixture(scope="module", params=["compiled", "connexion"])
def mock(request: pytest.FixtureRequest) -> app.Mock:
    return app.build(engine=request.param)


@pytest.fixture
def calls(mock: app.Mock, sandbox: str) -> Callable[[], list[KeptEntry]]:
    """Return a function that returns the calls since the test began, and the strays among them."""
    begun = mock.sandboxes.journals.arrival()

    def entries() -> list[KeptEntry]:
        found = mock.sandboxes.find(sandbox)
        journals = [mock.sandboxes.journals.strays, *([found.journal] if found else [])]
        return [one for journal in journals for one in journal.entries() if one.arrived > begun]

    return entries


def assert_same(mock: app.Mock, entry: KeptEntry) -> None:
    back, data = kept(mock, entry)
    assert type(back) is type(entry)
    assert shown(back) == shown(entry)
    assert codec_of(mock).encode(back) == data


@pytest.mark.parametrize(("vendor", "name"), EXCHANGES, ids=lambda part: part)
def test_documented_exchange_comes_back_as_it_was(
    mock: app.Mock, client: httpx.Client, calls: Callable[[], list[KeptEntry]], vendor: str, name: str
) -> None:
    exchange = EXCHANGES[vendor, name]
    with dialect_of_sandboxes(client, exchange.dialect):
        for earlier in exchange.given:
            send(client, EXCHANGES[vendor, earlier])
        send(client, exchange)
    found = calls()
    assert len(found) == len(exchange.given) + 1
    for entry in found:
        assert entry.summary().status, "it can be read"
        assert_same(mock, entry)


SPECIAL: dict[str, tuple[str, str, dict[str, Any]]] = {
    "no path": ("GET", "/merchantpro/no/such/path", {"auth": AUTH}),
    "no vendor": ("GET", "/nobody/has/this?token=x", {"auth": AUTH}),
    "no vendor and no credential": ("GET", "/nobody/has/this", {}),
    "not emulated": ("GET", "/api/v2/orders", {"auth": AUTH}),
    "no method": ("DELETE", "/api/v2/inventory/id/10001", {"auth": AUTH}),
    "options": ("OPTIONS", WASHER, {"auth": AUTH}),
    "head": ("HEAD", WASHER, {"auth": AUTH}),
    "no credential": ("GET", WASHER, {}),
    "unknown credential": ("GET", WASHER, {"auth": ("nobody", "")}),
    "forbidden": ("GET", WASHER, {"auth": ("forbidden", "")}),
    "many parameters": ("GET", f"{WASHER}?" + "&".join(f"p{n}=1" for n in range(1100)), {"auth": AUTH}),
    "parameter sent twice": ("GET", "/products/inventory?altId=a&altId=b&token=c", {"headers": BEARER}),
    "wrong parameters": ("GET", "/products/inventory?limit=0.5&offset=-1e-7&colour=red", {"headers": BEARER}),
    "live vendor refuses it": ("GET", "/products/inventory?altId=a&token=x", {"headers": BEARER}),
    "bytes that are not UTF-8": ("GET", "/api/v2/inventory/id/%FF%C3?a=%FF", {"auth": AUTH}),
    "header with other characters": ("GET", WASHER, {"auth": AUTH, "headers": {b"X-A": b"\xe9\xff"}}),
    "own host": ("GET", WASHER, {"auth": AUTH, "headers": {"Host": "shop.demo.ro"}}),
    "write": ("PATCH", WASHER, {"auth": AUTH, "json": {"stock": 3, "price_net": 1.50}}),
    "not JSON": ("PATCH", WASHER, {"auth": AUTH, "json": 1, "content": b'{"password": "s'}),
    "no body": ("PATCH", WASHER, {"auth": AUTH}),
    "body that is not UTF-8": ("PATCH", WASHER, {
        "auth": AUTH, "content": b'{"a": "\xff\xe9", "pwd": "\xe9"}'}),
    "compressed body": ("PATCH", WASHER, {
        "auth": AUTH, "content": gzip.compress(b'{"token": "x"}'), "headers": {"Content-Encoding": "gzip"}}),
    "large numbers": ("PATCH", WASHER, {
        "auth": AUTH, "content": b'{"stock": 1' + b"0" * 30 + b', "price_net": -1.10e-7, "colour": [1]}'}),
    "long body": ("PATCH", WASHER, {"auth": AUTH, "json": {"stock": 1, "text": LONG}}),
    "body that is cut": ("POST", "/products/", {"headers": BEARER, "json": {"name": LONG}}),
    "body that grows": ("PATCH", WASHER, {
        "auth": AUTH, "content": b'{"token":1,"a":"%s"}' % (b"a" * (MAX_KEPT_BODY - 18))}),
    "body in text": ("PATCH", WASHER, {"auth": AUTH, "content": b'{"stock": 3}', "headers": {
        "Content-Type": "Bearer text"}}),
    "multipart body": ("POST", "/oauth/token", {"files": {"client_secret": (None, "s"), "a": (None, "b")}}),
    "preferred status": ("GET", WASHER, {"auth": AUTH, "headers": {"Prefer": "code=404"}}),
    "preferred status without an answer": ("GET", WASHER, {"auth": AUTH, "headers": {"Prefer": "code=299"}}),
    "tokens for a form": ("POST", "/oauth/token", {"data": TOKENS}),
    "tokens for JSON": ("POST", "/oauth/token", {"json": TOKENS}),
    "tokens for a wrong secret": ("POST", "/oauth/token", {"data": TOKENS | {"client_secret": "wrong"}}),
    "tokens for a wrong code": ("POST", "/oauth/token", {"data": TOKENS | {"code": "forbidden"}}),
    "tokens for nothing": ("POST", "/oauth/token", {"content": b"", "headers": FORM}),
    "tokens for a wrong choice": ("POST", "/oauth/token", {"data": TOKENS | {"grant_type": "password"}}),
    "a shop's tokens": ("POST", "/admin/oauth/token", {"data": TOKENS}),
    "a shop's tokens for JSON": ("POST", "/admin/oauth/token", {"json": TOKENS}),
    "a shop's tokens for a long code": ("POST", "/admin/oauth/token", {"json": TOKENS | {"code": LONG}}),
}  # fmt: skip


@pytest.mark.console(10)
@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("dialect", ["documented", "observed"])
def test_special_call_comes_back_as_it_was(
    mock: app.Mock, client: httpx.Client, calls: Callable[[], list[KeptEntry]], dialect: str, name: str
) -> None:
    method, target, options = SPECIAL[name]
    with dialect_of_sandboxes(client, dialect):
        client.request(method, target, **options)
    found = calls()
    assert found
    for entry in found:
        assert entry.summary().vendor
        assert_same(mock, entry)


@pytest.mark.parametrize("fault", FAULTS)
def test_faulted_call_comes_back_as_it_was(
    mock: app.Mock, client: httpx.Client, calls: Callable[[], list[KeptEntry]], fault: str, sandbox: str
) -> None:
    assert {*FAULTS} == {*fault_types()}
    client.post("/_mock/sandboxes", json={"name": sandbox}).raise_for_status()
    rules = [{"fault": {"type": fault, **FAULTS[fault]}, "delay": {"type": "fixed", "seconds": 0.001}}]
    client.put(f"/_mock/sandboxes/{sandbox}/faults", json=rules).raise_for_status()
    for method, path in (("GET", WASHER), ("GET", "/api/v2/inventory?limit=3"), ("PATCH", WASHER)):
        with suppress(httpx.HTTPError):
            client.request(method, path, auth=AUTH, json={"stock": 3} if method == "PATCH" else None)
    found = calls()
    assert len(found) == 3
    assert any(entry.summary().fault == fault for entry in found)
    for entry in found:
        assert_same(mock, entry)


def test_limited_call_and_long_page_come_back_as_they_were(
    mock: app.Mock, client: httpx.Client, calls: Callable[[], list[KeptEntry]], sandbox: str
) -> None:
    client.post("/_mock/sandboxes", json={"name": sandbox, "products": 5000}).raise_for_status()
    page = client.get("/products/inventory?altId=a&limit=0", headers=BEARER)
    client.put(
        f"/_mock/sandboxes/{sandbox}/limits", json={"enabled": True, "most": {"merchantpro": {"minute": 0}}}
    )
    client.get(WASHER, auth=AUTH)
    assert len(page.content) > MAX_KEPT_BODY
    for entry in calls():
        assert_same(mock, entry)


def test_refusal_of_a_quota_comes_back_as_it_was() -> None:
    quotas = DemoQuotas(address_burst=3, address_calls_per_second=1)
    mock = app.build(names=["merchantpro"], products=10, demo=quotas)
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        answers = (client.get(WASHER, auth=("demo", "")).status_code for _ in range(100))
        assert 429 in answers  # makes no call after that
    entries = mock.sandboxes.get("demo").journal.entries()
    assert [explained.check for entry in entries if (explained := entry.summary().explanation)] == ["quota"]
    for entry in entries:
        assert_same(mock, entry)


DIFFERENCE = """
x-dialects:
  observed:
    - summary: a token and a secret are longer
      evidence: observed
      source: a recorded answer
      refuses: true
      changes:
        - {target: "/paths/~1items~1{id}/get/parameters/name=token/schema", update: {minLength: 5}}
        - {target: "/paths/~1items~1{id}/get/parameters/name=X-Secret/schema", update: {minLength: 5}}
"""
PARAMETERS = """
        - {name: token, in: query, schema: {type: string}}
        - {name: X-Secret, in: header, schema: {type: string}}"""
TOO_SHORT = "the live vendor refuses this call: {}: must have at least 5 characters"


@pytest.mark.parametrize(
    ("target", "secret", "status", "said"),
    [
        ("/items/1?token=long-enough", None, 200, []),
        ("/items/1?token=abcd", None, 200, [TOO_SHORT.format("token (query)")]),
        ("/items/1", "abcd", 200, [TOO_SHORT.format("X-Secret (header)")]),
        ("/items/1", "long-enough", 200, []),
        ("/items/%FF?token=a", None, 404, ["id (path): must be a whole number"]),
        ("/items/2", None, 404, ["there is no item \u00e9"]),
    ],
)
def test_call_of_a_users_own_vendor_comes_back_as_it_was(
    tmp_path: Path, target: str, secret: str | None, status: int, said: list[str]
) -> None:
    """With what the five vendors do not have: rules for secrets, and texts that UTF-8 cannot encode."""
    folder = write_vendor(tmp_path)
    spec, module = folder / SPEC, folder / MODULE
    text = spec.read_text().replace("true, schema: {type: string}}", "true, schema: {type: integer}}", 1)
    spec.write_text(text.replace("      parameters:", f"      parameters:{PARAMETERS}", 1) + DIFFERENCE)
    text = module.read_text().replace('call.path["id"]', 'str(call.path["id"])')
    refusal = 'Problem("not_found", "there is no item \u00e9")'
    module.write_text(text.replace('Problem("not_found")', refusal), encoding="utf-8")
    mock = app.build(names=["acme"], vendors_from=folder)
    headers = {"authorization": "Bearer sbx_kept", **({"x-secret": secret} if secret else {})}
    path, _, query = target.partition("?")
    mock.application.start(RawRequest("GET", path, query, headers_of(headers)))
    (entry,) = mock.sandboxes.get("kept").journal.entries()
    summary = entry.summary()
    assert summary.status == status
    assert [*summary.notes, *(summary.explanation.why if summary.explanation else ())] == said
    assert_same(mock, entry)


@pytest.mark.parametrize("status", [200, 500])
def test_delivery_comes_back_as_it_was(
    mock: app.Mock, client: httpx.Client, receiver: Receiver, sandbox: str, status: int
) -> None:
    receiver.statuses.append(status)
    receiver.headers, receiver.body = {"Set-Cookie": "a=b"}, b'{"token": 1, "a": "\xff"}'
    client.post("/_mock/sandboxes", json={"name": sandbox}).raise_for_status()
    webhook = {"vendor": "highlevel", "url": f"{receiver.url}?token=x", "topics": ["PriceUpdate"]}
    client.post(f"/_mock/sandboxes/{sandbox}/webhooks", json=webhook).raise_for_status()
    price = "6241712be68f7a98102ba272"
    path = f"/_mock/sandboxes/{sandbox}/records/highlevel/inventory/{price}"
    client.patch(path, json={"availableQuantity": 3}).raise_for_status()
    wanted = {"match": {"direction": "outgoing", "sandbox": sandbox}}
    client.post("/_mock/requests/wait", json=wanted).raise_for_status()
    (entry,) = mock.sandboxes.get(sandbox).journal.entries()
    assert entry.summary().status == status
    assert_same(mock, entry)
