"""HTTPS: the vendors' host names, faults over TLS, and the URLs that the mock returns."""

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
from mockserver.contract.vendor_files import VendorFiles
from mockserver.server.server import serving
from mockserver.server.tls.authority import Authority
from tests.conftest import needs_curl
from tests.server_process import COMMAND, TIMEOUT, put_fault, serving_command

VENDORS = app.vendor_names()
# (vendor, host name); a shop's name replaces the wildcard.
HOST_NAMES = [
    (vendor, name.replace("*", "some-shop"))
    for vendor in VENDORS
    for name in VendorFiles().spec(vendor).host_names
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def https_url(authority: Authority) -> Iterator[str]:
    """Yield the URL of an HTTPS server."""
    names = [name for vendor in VENDORS for name in VendorFiles().spec(vendor).host_names]
    with serving(app.build().application, tls=authority.context(names)) as url:
        yield url


@pytest.fixture
def https_client(authority: Authority, https_url: str) -> Iterator[httpx.Client]:
    """Yield a client that trusts the authority."""
    trust = ssl.create_default_context(cafile=authority.file)
    with httpx.Client(base_url=https_url, verify=trust, auth=("demo", ""), timeout=TIMEOUT) as client:
        yield client


@pytest.mark.parametrize(("vendor", "name"), HOST_NAMES)
def test_response_by_host_name_is_the_same_over_http_and_https(
    client: httpx.Client, https_client: httpx.Client, vendor: str, name: str
) -> None:
    loaded = app.load_contract(vendor).vendor
    headers = {"Host": name, **loaded.auth_headers("demo")}
    http = client.get(loaded.sample, headers=headers)
    https = https_client.get(loaded.sample, headers=headers, extensions={"sni_hostname": name}, auth=None)
    assert https.content == http.content
    assert https.status_code == http.status_code
    assert "x-mock-error" not in https.headers


@needs_curl
@pytest.mark.parametrize(("vendor", "name"), HOST_NAMES)
def test_curl_reaches_the_mock_by_host_name(
    authority: Authority, client: httpx.Client, https_url: str, vendor: str, name: str
) -> None:
    loaded, port = app.load_contract(vendor).vendor, urlsplit(https_url).port
    headers = [word for pair in loaded.auth_headers("demo").items() for word in ("-H", ": ".join(pair))]
    options = ["--cacert", authority.file, "--resolve", f"{name}:{port}:127.0.0.1"]
    done = subprocess.run(
        ["curl", "-sS", *options, *headers, f"https://{name}:{port}{loaded.sample}"],
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    http = client.get(loaded.sample, headers={"Host": name, **loaded.auth_headers("demo")})
    assert (done.stdout, done.stderr) == (http.text, "")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", *(name for _, name in HOST_NAMES)])
def test_certificate_is_valid_for_the_host_name_but_no_similar_name(
    authority: Authority, https_url: str, name: str
) -> None:
    address, trust = urlsplit(https_url), ssl.create_default_context(cafile=authority.file)
    for server_name in (name, f"evil-{name}.example", f"a.b.c.{name}"):
        with socket.create_connection((address.hostname, address.port), TIMEOUT) as plain:
            if server_name == name:
                trust.wrap_socket(plain, server_hostname=server_name).close()
            else:
                with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for|Hostname mismatch"):
                    trust.wrap_socket(plain, server_hostname=server_name)


def test_client_without_the_ca_rejects_the_certificate(https_url: str) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{https_url}/_mock/ready")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "CONNECT"])
def test_plain_http_on_the_tls_port_gets_a_400(https_url: str, method: str) -> None:
    address = urlsplit(https_url)
    with socket.create_connection((address.hostname, address.port), TIMEOUT) as connection:
        connection.sendall(f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        response = connection.recv(65536)
    assert response.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"X-Mock-Error: not_https" in response


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
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_fault_is_the_same_over_http_and_https(
    client: httpx.Client, https_client: httpx.Client, sandbox: str, tls: bool, fault: dict, error: type
) -> None:
    caller = https_client if tls else client
    put_fault(caller, fault, sandbox)
    with pytest.raises(error):
        path = "/api/v2/inventory/id/10001"
        if fault["type"] == "committed_reply_lost":
            caller.patch(path, json={"stock": 3}, auth=("demo", ""), headers={"X-Mock-Sandbox": sandbox})
        caller.get(path, auth=("demo", ""), headers={"X-Mock-Sandbox": sandbox})


def test_reset_fault_resets_a_tls_connection(
    authority: Authority, https_client: httpx.Client, sandbox: str
) -> None:
    put_fault(https_client, {"type": "reset"}, sandbox)
    trust = ssl.create_default_context(cafile=authority.file)
    address = (https_client.base_url.host, https_client.base_url.port)
    with trust.wrap_socket(
        socket.create_connection(address, TIMEOUT), server_hostname="localhost"
    ) as connection:
        request = f"GET /exchanges/inventory/9999 HTTP/1.1\r\nHost: a\r\nX-Mock-Sandbox: {sandbox}\r\n"
        connection.sendall(request.encode() + b"Authorization: Basic ZGVtbzo=\r\n\r\n")
        with socket.socket(fileno=connection.detach()) as plain, pytest.raises(ConnectionResetError):
            plain.settimeout(TIMEOUT)
            while plain.recv(65536):  # TLS messages that came before the reset
                pass


def test_urls_of_the_control_api_are_https(https_client: httpx.Client, https_url: str) -> None:
    https_client.get("/exchanges/inventory/9999", headers={"X-Mock-Sandbox": "urls"})
    entry = https_client.get("/_mock/requests?sandbox=urls").json()["requests"][0]
    found = [
        *(vendor["base_url"] for vendor in https_client.get("/_mock/vendors").json()["vendors"]),
        https_client.get(f"/_mock/requests/{entry['id']}").json()["explanation"]["curl"].split()[1],
        https_client.get("/_mock/requests/har?sandbox=urls").json()["log"]["entries"][0]["request"]["url"],
    ]
    assert len(found) == len(VENDORS) + 2
    assert all(url.startswith(f"{https_url}/") for url in found), found


@needs_curl
def test_curl_commands_of_the_banner_work_over_https(tmp_path: Path) -> None:
    with serving_command(tmp_path, "--tls") as running:
        lines = [line for line in running.banner.splitlines() if line.startswith("  curl --cacert ")]
        assert len(lines) == len(VENDORS)
        for line in lines:
            command = [*shlex.split(line), "-s", "-w", "%{http_code}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
            assert done.stdout.endswith("200"), done.stdout


def test_serve_does_not_import_certificate_packages() -> None:
    code = "import sys, mockserver.cli.serve; print(*sys.modules)"
    done = subprocess.run([COMMAND[0], "-c", code], capture_output=True, text=True, check=True)
    assert not {"trustme", "cryptography", "filelock", "platformdirs"} & set(done.stdout.split())
