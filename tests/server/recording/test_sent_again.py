"""A call that comes back from a store can be sent again, with the sandbox's own credential in its place."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mockserver import app
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.control.journal.test_smallest_change import REFUSALS
from tests.server.recording.kept import kept, restore
from tests.vendors.test_exchanges import EXCHANGES, dialect_of_sandboxes, send

WASHER, OAUTH = "/api/v2/inventory/id/10001", "/oauth/token"
GRANT = {"client_id": "a", "grant_type": "client_credentials"}
LIST = "/products/inventory?altId=a"
# The mock takes any code once, so also the `***` in place of a code that it has refused.
WRONG_CODES = ("a code that is not known", "a code that has been used")
NOT_KEPT = "the call cannot be sent again: the journal does not have all of its body"


@pytest.fixture(scope="module")
def mock() -> app.Mock:
    return app.build()


@pytest.fixture
def issued(mock: app.Mock, url: str, sandbox: str) -> Iterator[tuple[httpx.Client, str, str]]:
    """Yield a client, and the name and the credential of a sandbox that its name does not open."""
    private = mock.sandboxes.get_or_create(sandbox)
    mock.sandboxes.secrets.issue_credential(private)
    with httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client:
        yield client, sandbox, private.credential


def explained(client: httpx.Client, sandbox: str) -> Any:
    newest = client.get("/_mock/requests", params={"sandbox": sandbox}).json()["requests"][0]
    return client.get(f"/_mock/requests/{newest['id']}").json()


def sent_again(client: httpx.Client, call: Any, **body: Any) -> Any:
    return client.post(f"/_mock/requests/{call['id']}/send", json=body).raise_for_status().json()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Basic": ("PATCH", WASHER, {"headers": {"Authorization": "BASIC"}, "json": {"stock": 3}}),
    "Bearer": ("GET", LIST, {"headers": {"Authorization": "Bearer CREDENTIAL", "Version": "2021-07-28"}}),
    "a header of its own": ("GET", "/openapi/2022-01/products", {"headers": {"access-token": "CREDENTIAL"}}),
    "a form": ("POST", OAUTH, {"data": {**GRANT, "client_secret": "CREDENTIAL"}}),
    "a form in the other spelling": ("POST", OAUTH, {"data": {
        "clientId": "a", "clientSecret": "CREDENTIAL", "grantType": "client_credentials"}}),
    "JSON": ("POST", "/admin/oauth/token", {"json": {
        "code": "x", "client_secret": "CREDENTIAL", "client_id": "a", "grant_type": "authorization_code"}}),
}  # fmt: skip


def with_credential(options: Any, credential: str) -> Any:
    if isinstance(options, dict):
        return {name: with_credential(value, credential) for name, value in options.items()}
    return {"CREDENTIAL": credential, "BASIC": basic(f"{credential}:x")}.get(
        options, options.replace("CREDENTIAL", credential) if isinstance(options, str) else options
    )


@pytest.mark.parametrize("name", CALLS)
def test_accepted_call_is_sent_again_with_the_credential_of_the_sandbox(
    mock: app.Mock, issued: tuple[httpx.Client, str, str], name: str
) -> None:
    client, sandbox, credential = issued
    method, target, options = CALLS[name]
    first = client.request(method, target, **with_credential(options, credential))
    assert first.is_success
    before = explained(client, sandbox)
    restore(mock, mock.sandboxes.get(sandbox))
    call = explained(client, sandbox)
    assert credential not in str(call["request"])
    assert call["explanation"] == before["explanation"]
    again = sent_again(client, call)
    assert (again["response"]["status"], again["sandbox"]) == (first.status_code, sandbox)
    assert again["request"]["headers"].keys() == call["request"]["headers"].keys()


def test_other_secrets_stay_struck_out(mock: app.Mock, issued: tuple[httpx.Client, str, str]) -> None:
    client, sandbox, credential = issued
    headers = {"Authorization": basic(f"{credential}:x"), "X-Auth": "s3cret"}
    client.patch(f"{WASHER}?token=s3cret", headers=headers, json={"password": "s3cret"})
    (entry,) = mock.sandboxes.get(sandbox).journal.entries()
    restore(mock, mock.sandboxes.get(sandbox))
    (back,) = mock.sandboxes.get(sandbox).journal.entries()
    was, raw = entry.raw_request(), back.raw_request()
    assert was is not None
    assert raw is not None
    assert (was.query, was.headers["x-auth"], was.body) == (
        "token=s3cret",
        "s3cret",
        b'{"password":"s3cret"}',
    )
    assert (raw.query, raw.headers["x-auth"], raw.body) == ("token=***", "***", b'{"password":"***"}')
    assert raw.headers["authorization"] == basic(f"{credential}:demo")
    assert raw.headers["content-length"] == str(len(raw.body))


@pytest.mark.parametrize("path", [WASHER, "/nobody/has/this"])
def test_call_without_an_accepted_credential_gets_none(mock: app.Mock, url: str, path: str) -> None:
    with httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client:
        client.get(path, headers={"Authorization": basic("nobody:x")})
    entry = mock.sandboxes.journals.strays.entries()[-1]
    was, raw = entry.raw_request(), kept(mock, entry)[0].raw_request()
    assert was is not None
    assert raw is not None
    assert (was.target, was.headers["authorization"]) == (raw.target, basic("nobody:x"))
    assert raw.headers["authorization"] == "Basic ***"


def test_call_that_no_vendor_has_is_mended(mock: app.Mock, issued: tuple[httpx.Client, str, str]) -> None:
    client, sandbox, credential = issued
    client.get(f"/merchantpr{WASHER}", headers={"Authorization": basic(f"{credential}:x")})
    restore(mock, mock.sandboxes.get(sandbox))
    again = sent_again(client, explained(client, sandbox), smallest_change=True)
    assert (again["response"]["status"], again["sandbox"], again["vendor"]) == (200, sandbox, "merchantpro")


def test_call_with_a_cut_body_is_not_sent_again(
    mock: app.Mock, issued: tuple[httpx.Client, str, str]
) -> None:
    client, sandbox, credential = issued
    headers = {"Authorization": f"Bearer {credential}", "Version": "2021-07-28"}
    client.post("/products/", headers=headers, json={"name": "a" * 66_000})
    restore(mock, mock.sandboxes.get(sandbox))
    refused = client.post(f"/_mock/requests/{explained(client, sandbox)['id']}/send", json={})
    assert (refused.status_code, refused.json()["message"]) == (400, NOT_KEPT)


@pytest.mark.console(15)
@pytest.mark.parametrize(("vendor", "name"), REFUSALS, ids=lambda part: part)
def test_smallest_change_is_the_same(
    mock: app.Mock, client: httpx.Client, sandbox: str, vendor: str, name: str
) -> None:
    exchange = REFUSALS[vendor, name]
    with dialect_of_sandboxes(client, exchange.dialect):
        for earlier in exchange.given:
            send(client, EXCHANGES[vendor, earlier])
        send(client, exchange)
        found = mock.sandboxes.find(sandbox)
        if found is None or len(found.journal) == len(exchange.given):
            return  # a stray, which is in no store
        before = explained(client, sandbox)
        restore(mock, found)
        call = explained(client, sandbox)
        if name in WRONG_CODES:
            assert call["explanation"]["edits"] == []
        else:
            assert call["explanation"] == before["explanation"]
        if call["explanation"]["edits"] is not None:
            assert sent_again(client, call, smallest_change=True)["response"]["status"] < 400
