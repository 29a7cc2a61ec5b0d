"""HTTPS as clients see it: the vendors' own names, faults, the URLs that the mock gives."""

import shlex
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.contract.openapi.spec import Spec
from mockserver.server.server import serving
from mockserver.server.tls.authority import Authority
from tests.conftest import needs_curl
from tests.server_process import COMMAND, TIMEOUT, put_fault, serving_command

VENDORS = app.vendor_names()
# Each vendor's names as a client calls them: where the specs have a wildcard, some shop.
NAMES = [(vendor, name.replace("*", "some-shop")) for vendor in VENDORS for name in Spec(vendor).host_names]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure_url(authority: Authority) -> Iterator[str]:
    """The URL of a server that speaks HTTPS."""
    names = [name for vendor in VENDORS for name in Spec(vendor).host_names]
    with serving(app.build().application, tls=authority.context(names)) as url:
        yield url


@pytest.fixture
def trusting(authority: Authority, secure_url: str) -> Iterator[httpx.Client]:
    trust = ssl.create_default_context(cafile=authority.file)
    with httpx.Client(base_url=secure_url, verify=trust, auth=("demo", ""), timeout=TIMEOUT) as client:
        yield client


@pytest.mark.parametrize(("vendor", "name"), NAMES)
def test_a_client_gets_by_a_vendors_own_name_what_it_gets_over_http(
    client: httpx.Client, trusting: httpx.Client, vendor: str, name: str
) -> None:
    known = app.load_contract(vendor).vendor
    headers = {"Host": name, **known.auth_headers("demo")}
    plain = client.get(known.sample, headers=headers)
    tls_settings = trusting.get(known.sample, headers=headers, extensions={"sni_hostname": name}, auth=None)
    assert tls_settings.content == plain.content
    assert tls_settings.status_code == plain.status_code
    assert "x-mock-error" not in tls_settings.headers


@needs_curl
@pytest.mark.parametrize(("vendor", "name"), NAMES)
def test_curl_gets_it_by_a_name_that_leads_here(
    authority: Authority, client: httpx.Client, secure_url: str, vendor: str, name: str
) -> None:
    known, port = app.load_contract(vendor).vendor, urlsplit(secure_url).port
    headers = [word for pair in known.auth_headers("demo").items() for word in ("-H", ": ".join(pair))]
    lead = ["--cacert", authority.file, "--resolve", f"{name}:{port}:127.0.0.1"]
    done = subprocess.run(
        ["curl", "-sS", *lead, *headers, f"https://{name}:{port}{known.sample}"],
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    plain = client.get(known.sample, headers={"Host": name, **known.auth_headers("demo")})
    assert (done.stdout, done.stderr) == (plain.text, "")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", *(name for _, name in NAMES)])
def test_a_name_is_certified_and_what_is_like_it_is_not(
    authority: Authority, secure_url: str, name: str
) -> None:
    address, trust = urlsplit(secure_url), ssl.create_default_context(cafile=authority.file)
    for called in (name, f"evil-{name}.example", f"a.b.c.{name}"):
        with socket.create_connection((address.hostname, address.port), TIMEOUT) as plain:
            if called == name:
                trust.wrap_socket(plain, server_hostname=called).close()
            else:
                with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for|Hostname mismatch"):
                    trust.wrap_socket(plain, server_hostname=called)


def test_who_does_not_trust_the_authority_gets_no_further(secure_url: str) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{secure_url}/_mock/ready")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "CONNECT"])
def test_plain_http_on_that_port_is_told_to_speak_https(secure_url: str, method: str) -> None:
    address = urlsplit(secure_url)
    with socket.create_connection((address.hostname, address.port), TIMEOUT) as line:
        line.sendall(f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = line.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"X-Mock-Error: not_https" in answer


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"type": "empty_reply"}, httpx.RemoteProtocolError),
        ({"type": "no_answer", "seconds": 0.1}, httpx.RemoteProtocolError),
        ({"type": "committed_reply_lost"}, httpx.RemoteProtocolError),
        ({"type": "truncated_body"}, httpx.RemoteProtocolError),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("tls_settings", [False, True], ids=["http", "https"])
def test_a_fault_looks_alike_over_http_and_https(
    client: httpx.Client, trusting: httpx.Client, sandbox: str, tls_settings: bool, fault: dict, error: type
) -> None:
    caller = trusting if tls_settings else client
    put_fault(caller, fault, sandbox)
    with pytest.raises(error):
        path = "/api/v2/inventory/id/10001"
        if fault["type"] == "committed_reply_lost":
            caller.patch(path, json={"stock": 3}, auth=("demo", ""), headers={"X-Mock-Sandbox": sandbox})
        caller.get(path, auth=("demo", ""), headers={"X-Mock-Sandbox": sandbox})


def test_a_reset_is_one_under_tls_too(authority: Authority, trusting: httpx.Client, sandbox: str) -> None:
    put_fault(trusting, {"type": "reset"}, sandbox)
    trust = ssl.create_default_context(cafile=authority.file)
    address = (trusting.base_url.host, trusting.base_url.port)
    with trust.wrap_socket(
        socket.create_connection(address, TIMEOUT), server_hostname="localhost"
    ) as tls_settings:
        request = f"GET /exchanges/inventory/9999 HTTP/1.1\r\nHost: a\r\nX-Mock-Sandbox: {sandbox}\r\n"
        tls_settings.sendall(request.encode() + b"Authorization: Basic ZGVtbzo=\r\n\r\n")
        with socket.socket(fileno=tls_settings.detach()) as plain, pytest.raises(ConnectionResetError):
            plain.settimeout(TIMEOUT)
            while plain.recv(65536):  # what TLS itself still had to say
                pass


def test_every_url_that_control_gives_is_https(trusting: httpx.Client, secure_url: str) -> None:
    trusting.get("/exchanges/inventory/9999", headers={"X-Mock-Sandbox": "urls"})
    entry = trusting.get("/_mock/requests?sandbox=urls").json()["requests"][0]
    found = [
        *(vendor["base_url"] for vendor in trusting.get("/_mock/vendors").json()["vendors"]),
        trusting.get(f"/_mock/requests/{entry['id']}").json()["explanation"]["curl"].split()[3],
        trusting.get("/_mock/requests/har?sandbox=urls").json()["log"]["entries"][0]["request"]["url"],
    ]
    assert len(found) == len(VENDORS) + 2
    assert all(url.startswith(f"{secure_url}/") for url in found), found


@needs_curl
def test_every_curl_line_of_the_banner_works(tmp_path: Path) -> None:
    with serving_command(tmp_path, "--tls") as running:
        lines = [line for line in running.banner.splitlines() if line.startswith("  curl --cacert ")]
        assert len(lines) == len(VENDORS)
        for line in lines:
            command = [*shlex.split(line), "-s", "-w", "%{http_code}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
            assert done.stdout.endswith("200"), done.stdout


def test_who_serves_plain_http_waits_for_no_certificates() -> None:
    code = "import sys, mockserver.cli.serve; print(*sys.modules)"
    done = subprocess.run([COMMAND[0], "-c", code], capture_output=True, text=True, check=True)
    assert not {"trustme", "cryptography", "filelock", "platformdirs"} & set(done.stdout.split())
