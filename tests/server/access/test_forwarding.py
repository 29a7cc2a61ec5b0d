"""Behind a proxy: the public URL, and the X-Forwarded headers of trusted proxies."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.client import Client
from mockserver.server.access.forwarding import MAX_PROXIES, as_client_sent
from mockserver.server.server import serving
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

WASHER = "/api/v2/inventory/id/10001"
TOKEN = {"Authorization": "Bearer s3cret"}
PROXY = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "mock.example"}


def server(**access: Any) -> Any:
    """Serve a mock of MerchantPro and Narvar with an admin token."""
    return serving(app.build(names=["merchantpro", "narvar"], admin_token="s3cret", **access).application)


@pytest.fixture(scope="module", params=["127.0.0.1", "127.0.0.0/8"])
def trusting(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the URL of a server that trusts a proxy on this machine."""
    with server(trusted_proxies=(ip_network(request.param),)) as url:
        yield url


@pytest.mark.finding("C6")
def test_control_answers_with_the_urls_of_a_trusted_proxys_client(trusting: str) -> None:
    vendors = httpx.get(f"{trusting}/_mock/vendors", headers=TOKEN | PROXY).json()["vendors"]
    assert vendors[0]["base_url"] == "https://mock.example/merchantpro"
    assert httpx.get(f"{trusting}/_mock/vendors", headers=PROXY).status_code == 401


@pytest.mark.finding("C6")
def test_call_through_a_trusted_proxy_is_for_the_host_that_its_client_named(trusting: str) -> None:
    path = "/api/v2/inventory/id/10001"  # MerchantPro's
    vendors = [httpx.get(trusting + path, headers=PROXY | {"X-Forwarded-Host": host}, auth=("demo", ""))
               for host in ("mock.example", "narvar.example")]  # fmt: skip
    assert [answer.status_code for answer in vendors] == [200, 404]
    calls = httpx.get(f"{trusting}/_mock/requests", headers=TOKEN).json()["requests"]
    assert {call["vendor"] for call in calls} == {"merchantpro", "narvar"}


@pytest.mark.finding("C6")
def test_headers_of_other_proxies_change_nothing() -> None:
    with server(trusted_proxies=(ip_network("192.0.2.0/24"),)) as url:
        vendors = httpx.get(f"{url}/_mock/vendors", headers=TOKEN | PROXY).json()["vendors"]
    assert vendors[0]["base_url"] == f"{url}/merchantpro"


@pytest.mark.finding("A6")
def test_trusted_proxy_does_not_open_control_without_a_token() -> None:
    mock = app.build(names=["merchantpro"], trusted_proxies=(ip_network("127.0.0.1"),))
    local = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}
    with serving(mock.application) as url:
        for headers in (PROXY, local, {"X-Forwarded-For": "127.0.0.1"}):
            assert httpx.get(f"{url}/_mock/sandboxes", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("forwarded_for", "peer"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("203.0.113.7, " + ", ".join(["10.1.2.3"] * (MAX_PROXIES + 1)), "10.1.2.3"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ('"[2001:db8::7]:4711"', "2001:db8::7"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("unknown", "10.0.0.1"),
        ("unknown, 10.1.2.3", "10.1.2.3"),
        ("", "10.0.0.1"),
    ],
)
def test_client_is_the_last_address_that_is_no_trusted_proxys(forwarded_for: str, peer: str) -> None:
    headers = Headers([(b"host", b"inner"), (b"x-forwarded-for", forwarded_for.encode())])
    raw = RawRequest("GET", "/", "", headers, peer="10.0.0.1")
    seen = as_client_sent(raw, [ip_network("10.0.0.0/8")])
    assert (seen.peer, seen.scheme, seen.headers["host"]) == (peer, "http", "inner")


@pytest.mark.parametrize(
    ("header", "value", "scheme", "host"),
    [
        ("x-forwarded-proto", "https", "https", "inner"),
        ("x-forwarded-proto", "http, HTTPS", "https", "inner"),
        ("x-forwarded-proto", "javascript", "http", "inner"),
        ("x-forwarded-host", "spoofed.example, mock.example:8443", "http", "mock.example:8443"),
        ("x-forwarded-host", "", "http", "inner"),
    ],
)
def test_last_scheme_and_host_count(header: str, value: str, scheme: str, host: str) -> None:
    headers = Headers([(b"host", b"inner"), (header.encode(), value.encode())])
    seen = as_client_sent(RawRequest("GET", "/", "", headers), [ip_network("127.0.0.1")])
    assert (seen.scheme, seen.headers["host"], headers["host"]) == (scheme, host, "inner")


def test_line_that_the_proxy_has_added_counts_after_the_clients_line() -> None:
    """HAProxy and others add a line of their own, instead of a value to the line of the client."""
    spoofed = [(b"x-forwarded-for", b"127.0.0.1"), (b"x-forwarded-host", b"evil.example")]
    added = [(b"X-Forwarded-For", b"203.0.113.7"), (b"X-Forwarded-Host", b"mock.example")]
    headers = Headers([(b"host", b"inner"), (b"host", b"other"), *spoofed, *added])
    seen = as_client_sent(RawRequest("GET", "/", "", headers), [ip_network("127.0.0.1")])
    assert (seen.peer, seen.headers["host"]) == ("203.0.113.7", "mock.example")
    assert (headers["host"], headers["x-forwarded-for"]) == ("inner", "127.0.0.1, 203.0.113.7")


@pytest.mark.finding("C6")
def test_public_url_is_in_all_urls() -> None:
    public = "https://mock.example/inventory"
    with server(public_url=public) as url:
        with Client(url, token="s3cret") as client:
            access = client.create("new").vendors["merchantpro"]
            assert access.base_url == f"{public}/merchantpro"
            httpx.get(url + WASHER, headers=access.headers)
            [call] = client.sandbox("new").requests
            assert f"{public}/merchantpro{WASHER}" in client.requests.explain(call).curl
        vendors = httpx.get(f"{url}/_mock/vendors", headers=TOKEN).json()["vendors"]
    assert vendors[0]["base_url"] == f"{public}/merchantpro"
