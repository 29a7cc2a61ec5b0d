"""The sandbox of a call: by its credential, or by X-Mock-Sandbox where that is trusted."""

import functools
from collections.abc import Iterator

import httpx
import pytest

from mockserver import app
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT

WASHER = "/api/v2/inventory/id/10001"
load_contract = functools.cache(app.load_contract)


@pytest.fixture(scope="module")
def distrusting() -> Iterator[httpx.Client]:
    """Yield a client of a server on which the header is not trusted, because it has an admin token."""
    mock = app.build(names=["merchantpro"], admin_token="s3cret")
    mock.sandboxes.create("victim")
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        yield client


def calls(client: httpx.Client, sandbox: str) -> int:
    """Return the number of calls in a sandbox's journal."""
    headers = {"Authorization": "Bearer s3cret"}
    found = client.get("/_mock/requests", params={"sandbox": sandbox}, headers=headers).json()
    return len(found["requests"])


@pytest.mark.finding("A18")
@pytest.mark.parametrize("credential", ["demo", "sbx_other"])
def test_header_opens_no_other_sandbox_where_it_is_not_trusted(
    distrusting: httpx.Client, credential: str
) -> None:
    before = calls(distrusting, "victim")
    for method, body in (("GET", None), ("PATCH", {"stock": 0})):
        answer = distrusting.request(
            method, WASHER, json=body, auth=(credential, ""), headers={"X-Mock-Sandbox": "victim"}
        )
        assert (answer.status_code, answer.headers["x-mock-error"]) == (403, "sandbox_header_not_trusted")
        assert "--trust-sandbox-header" in answer.json()["message"]
        assert "send the credential of that sandbox" in answer.json()["message"]
    assert calls(distrusting, "victim") == before


@pytest.mark.finding("A18")
def test_unmatched_call_with_the_header_is_not_in_the_journal_of_that_sandbox(
    distrusting: httpx.Client,
) -> None:
    before = calls(distrusting, "victim")
    distrusting.get("/nothing", auth=("demo", ""), headers={"X-Mock-Sandbox": "victim"})
    assert calls(distrusting, "victim") == before


@pytest.mark.parametrize(
    ("credential", "header", "status"),
    [("demo", "demo", 200), ("sbx_own", "own", 200), ("wrong", "victim", 401), ("forbidden", "victim", 403)],
)
def test_header_that_picks_nothing_else_is_harmless(
    distrusting: httpx.Client, credential: str, header: str, status: int
) -> None:
    answer = distrusting.get(WASHER, auth=(credential, ""), headers={"X-Mock-Sandbox": header})
    assert (answer.status_code, answer.headers.get("x-mock-error")) == (status, None)


@pytest.mark.finding("A18")
def test_header_is_not_trusted_in_a_call_that_a_proxy_forwarded(api: httpx.Client, sandbox: str) -> None:
    headers = {"X-Mock-Sandbox": sandbox, "X-Forwarded-For": "203.0.113.7"}
    answer = api.get(WASHER, auth=("demo", ""), headers=headers)
    assert (answer.status_code, answer.headers["x-mock-error"]) == (403, "sandbox_header_not_trusted")
    assert "it has the header x-forwarded-for" in answer.json()["message"]


@pytest.mark.parametrize(
    ("access", "status"),
    [
        ({}, 200),
        ({"trust_sandbox_header": False}, 403),
        ({"admin_token": "s3cret"}, 403),
        ({"admin_token": "s3cret", "trust_sandbox_header": True}, 200),
    ],
    ids=str,
)
def test_trust_depends_on_the_admin_token_unless_the_operator_decides(
    access: dict[str, object], status: int
) -> None:
    with serving(app.build(names=["merchantpro"], **access).application) as url:
        answer = httpx.get(url + WASHER, auth=("demo", ""), headers={"X-Mock-Sandbox": "other"})
    assert answer.status_code == status


@pytest.fixture(scope="module")
def lenient() -> Iterator[httpx.Client]:
    """Yield a client of a server on which any credential opens the default sandbox."""
    mock = app.build(any_credential=True, admin_token="s3cret")
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        yield client


@pytest.mark.finding("C5")
@pytest.mark.parametrize("vendor", app.vendor_names())
@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("pk_live_Zm9vYmFy", True),
        ("a.b c", True),
        ("DEMO", True),
        ("sbx_own", True),
        ("sbx_not/a/name", False),
        ("sbx_", False),
        ("ctl_something", False),
        ("s3cret", False),
        ("forbidden", False),
    ],
)
def test_any_credential_opens_the_default_sandbox(
    lenient: httpx.Client, vendor: str, text: str, accepted: bool
) -> None:
    one = load_contract(vendor).vendor
    answer = lenient.get(f"/{vendor}{one.sample}", headers=one.auth_headers(text))
    assert answer.status_code == 200 if accepted else answer.status_code in (401, 403)
    assert "x-mock-error" not in answer.headers


@pytest.mark.finding("C5")
def test_a_call_needs_a_credential_even_if_any_will_do(lenient: httpx.Client) -> None:
    assert lenient.get(WASHER).status_code == 401
    assert lenient.get(WASHER, headers={"Authorization": "Bearer text"}).status_code == 401, "another scheme"


@pytest.mark.finding("C5")
def test_any_credential_shows_the_changes_of_the_default_sandbox(lenient: httpx.Client) -> None:
    lenient.patch(WASHER, auth=("demo", ""), json={"stock": 3})
    assert lenient.get(WASHER, auth=("key-from-a-vault", "secret")).json()["stock"] == 3
    assert lenient.get(WASHER, auth=("sbx_own", "")).json()["stock"] == 10
