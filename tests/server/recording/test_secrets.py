"""No secret is in the bytes that leave the process for a store, in whatever form."""

import gzip
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mockserver import app
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.journal.redaction import MAX_KEPT_BODY
from mockserver.server.recording.entries import CallEntry
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.receiver import Receiver
from tests.server.recording.kept import finds, kept, unredacted

SECRET = "planted~Hush/77"
AS_FORM = quote(SECRET, safe="")
WASHER, OAUTH, SHOP = "/api/v2/inventory/id/10001", "/oauth/token", "/admin/oauth/token"
AUTH = ("sbx_kept", SECRET)
BEARER = {"Authorization": f"Bearer {SECRET}", "Version": "2021-07-28"}
GRANT = {"client_id": "a", "client_secret": "sbx_kept", "grant_type": "authorization_code"}
ESCAPED = "".join(f"\\u{ord(one):04x}" for one in SECRET)
LONG = "a" * MAX_KEPT_BODY
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{f"header {name}": ("GET", WASHER, {"auth": AUTH, "headers": {name: value}}) for name, value in {
        "Cookie": f"session={SECRET}", "X-Auth": SECRET, "JWT": SECRET, "Signature": SECRET,
        "X-Api-Key": SECRET, "X-Forwarded-User": f"bearer {SECRET}", "access-token": SECRET,
        "Referer": f"https://a.example/?token={AS_FORM}", "Content-Location": f"/a?sig={AS_FORM}",
        "Proxy-Authorization": f"Basic {SECRET}", "Content-Type": f"Bearer {SECRET}",
    }.items()},
    "Basic password": ("GET", WASHER, {"auth": AUTH}),
    "Basic user": ("GET", WASHER, {"auth": (SECRET, "")}),
    "Bearer token": ("GET", "/products/inventory?altId=a", {"headers": BEARER}),
    "shop's token": ("GET", "/openapi/2022-01/products", {"headers": {"access-token": SECRET}}),
    "query": ("GET", f"{WASHER}?access_token={AS_FORM}&%61pi_key={AS_FORM}&x=1", {"auth": AUTH}),
    "query, every character encoded": (
        "GET", f"{WASHER}?passwd=" + "".join(f"%{ord(one):02x}" for one in SECRET), {"auth": AUTH}),
    "query that is refused": ("GET", f"/products/inventory?token={AS_FORM}", {"headers": BEARER}),
    "query sent twice": (
        "GET", f"/products/inventory?altId=a&altId=b&token={AS_FORM}&token={AS_FORM}", {"headers": BEARER}),
    "no path": ("GET", f"/merchantpro/x?token={AS_FORM}", {"auth": AUTH}),
    "no vendor": ("POST", f"/nobody?token={AS_FORM}", {"auth": AUTH, "data": {"token": SECRET}}),
    "JSON body": ("PATCH", WASHER, {"auth": AUTH, "json": {"stock": 3, "a": {"client_secret": SECRET}}}),
    "JSON body with escapes": ("PATCH", WASHER, {
        "auth": AUTH, "headers": JSON, "content": f'{{"p\\u0061ssword": "{ESCAPED}"}}'}),
    "JSON body that is cut in a secret": ("PATCH", WASHER, {
        "auth": AUTH, "json": {"a": LONG[:-100], "token": SECRET * 100}}),
    "JSON body with wrong brackets": ("PATCH", WASHER, {
        "auth": AUTH, "headers": JSON, "content": f'{{"tokens": ["{SECRET}", {{"a": "{SECRET}"'}),
    "JSON body that is not UTF-8": ("PATCH", WASHER, {
        "auth": AUTH, "headers": JSON, "content": b'{"a": "\xff", "pwd": "%s\xff"}' % SECRET.encode()}),
    "compressed body": ("POST", OAUTH, {
        "content": gzip.compress(f"client_secret={AS_FORM}".encode()),
        "headers": {**FORM, "Content-Encoding": "gzip"}}),
    "form": ("POST", OAUTH, {"data": GRANT | {"code": SECRET, "code_verifier": SECRET}}),
    "form with a wrong secret": ("POST", OAUTH, {"data": GRANT | {"code": SECRET, "client_secret": SECRET}}),
    "form with a refresh token": ("POST", OAUTH, {
        "data": GRANT | {"grant_type": "refresh_token", "refresh_token": SECRET}}),
    "form as text": ("POST", OAUTH, {"content": f"client_secret={AS_FORM}", "headers": {
        "Content-Type": "text/plain"}}),
    "form with brackets": ("POST", OAUTH, {"data": {"user[pass]": SECRET}}),
    "form in parts": ("POST", OAUTH, {"files": {"client_secret": (None, SECRET)}}),
    "JSON for a form": ("POST", OAUTH, {"json": GRANT | {"code": SECRET, "client_secret": SECRET}}),
    "shop's form": ("POST", SHOP, {"data": GRANT | {"code": SECRET}}),
    "shop's form with a wrong grant": ("POST", SHOP, {"data": GRANT | {"code": SECRET, "grant_type": "x"}}),
    "shop's JSON": ("POST", SHOP, {"json": GRANT | {"code": SECRET}}),
    "shop's JSON with a long code": ("POST", SHOP, {"json": GRANT | {"code": SECRET * 1000}}),
}  # fmt: skip


@pytest.fixture(scope="module")
def mock() -> app.Mock:
    return app.build()


@pytest.fixture
def client(mock: app.Mock) -> Iterator[httpx.Client]:
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        yield client


def latest(mock: app.Mock) -> KeptEntry:
    journals = [mock.sandboxes.journals.strays]
    journals += [sandbox.journal for name in ("kept", "demo") if (sandbox := mock.sandboxes.find(name))]
    entries = [entry for journal in journals for entry in journal.entries()]
    return max(entries, key=lambda entry: entry.arrived)


@pytest.mark.parametrize("name", CALLS)
def test_planted_secret_is_struck_out(mock: app.Mock, client: httpx.Client, name: str) -> None:
    method, target, options = CALLS[name]
    client.request(method, target, **options)
    entry = latest(mock)
    back, data = kept(mock, entry)
    assert finds(unredacted(entry), SECRET) or "compressed" in name, "it is in the call"
    assert b"***" in data or "compressed" in name
    assert not finds(data, SECRET)
    assert not finds(unredacted(back), SECRET)


@pytest.mark.parametrize(("target", "body"), [(OAUTH, "data"), (SHOP, "data"), (SHOP, "json")])
@pytest.mark.parametrize("compressed", [None, False, True], ids=["plain", "compressed", "broken"])
def test_tokens_in_an_answer_are_struck_out(
    mock: app.Mock, client: httpx.Client, target: str, body: str, compressed: bool | None
) -> None:
    fault = {"fault": {"type": "compressed", "broken": bool(compressed)}}
    client.post("/_mock/sandboxes", json={"name": "kept"})
    client.put("/_mock/sandboxes/kept/faults", json=[] if compressed is None else [fault])
    fields: Any = {body: GRANT | {"code": f"code {target} {body} {compressed}"}}
    with client.stream("POST", target, **fields) as answer:
        raw = b"".join(answer.iter_raw())
    plain = raw if compressed is None else mock_plain(raw)
    token = plain.partition(b'"access_token":"')[2].partition(b'"')[0].decode()
    assert answer.status_code == 200
    assert len(token) > 40
    data = kept(mock, latest(mock))[1]
    assert not finds(data, token)
    assert not finds(data, token[:40])
    assert b"sbx_kept" not in data


def test_secrets_in_the_answer_of_a_fault_are_struck_out(mock: app.Mock, client: httpx.Client) -> None:
    client.post("/_mock/sandboxes", json={"name": "kept"})
    for body in ({"token": SECRET}, f'{{"tokens": ["{SECRET}"', f"id=1&token={AS_FORM}"):
        fault = {"type": "response", "status": 200, "body": body, "headers": {"Set-Cookie": SECRET}}
        client.put("/_mock/sandboxes/kept/faults", json=[{"fault": fault}]).raise_for_status()
        client.get(WASHER, auth=AUTH)
        assert finds(unredacted(latest(mock)), SECRET)
        assert not finds(kept(mock, latest(mock))[1], SECRET)
    client.put("/_mock/sandboxes/kept/faults", json=[])


def mock_plain(data: bytes) -> bytes:
    """Return as much as there is in compressed data that may end in the middle."""
    import zlib

    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data)


def test_secrets_in_records_are_struck_out(mock: app.Mock, client: httpx.Client) -> None:
    client.request("PATCH", WASHER, auth=AUTH, json={"stock": 3})
    entry = latest(mock)
    assert isinstance(entry, CallEntry)
    (change,) = entry.changes
    fields = {"user": {"api_key": SECRET}, "tokens": [SECRET], "p%61ss": SECRET, "user[pass]": SECRET}
    for before, after in ((None, fields), (fields, None), (fields, {"a": [[fields]]})):
        entry.changes = (type(change)(change.vendor, change.collection, change.key, before, after),)
        back, data = kept(mock, entry)
        assert finds(unredacted(entry), SECRET)
        assert not finds(data, SECRET)
        assert back.entry().changes == entry.entry().changes


def test_secrets_in_a_webhook_are_struck_out(
    mock: app.Mock, client: httpx.Client, receiver: Receiver
) -> None:
    receiver.headers, receiver.body = {"Set-Cookie": SECRET}, f'{{"token": "{SECRET}"}}'.encode()
    client.post("/_mock/sandboxes", json={"name": "kept"})
    webhook = {"vendor": "highlevel", "url": f"{receiver.url}?token={AS_FORM}", "topics": ["PriceUpdate"]}
    client.post("/_mock/sandboxes/kept/webhooks", json=webhook).raise_for_status()
    path = "/_mock/sandboxes/kept/records/highlevel/inventory/6241712be68f7a98102ba272"
    client.patch(path, json={"availableQuantity": 3}).raise_for_status()
    wanted = {"match": {"direction": "outgoing", "sandbox": "kept"}}
    client.post("/_mock/requests/wait", json=wanted).raise_for_status()
    (sent,), entry = receiver.calls, latest(mock)
    data = kept(mock, entry)[1]
    assert finds(unredacted(entry), SECRET)
    assert not finds(data, SECRET)
    signatures = [value for name, value in sent.headers.items() if "signature" in name]
    assert signatures
    assert not any(finds(data, signature) for signature in signatures)
