"""The file that Python loads first under `exec`: it leads clients to the mock, and breaks nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.cli.exec.exec_command import ExecSetup

LIST = "https://services.leadconnectorhq.com/products/inventory?altId=x&altType=location&limit=1"
HEADERS = "headers = {'Authorization': 'Bearer demo', 'Version': 'v3'}\n"
# By name: clients that bring their own trust, ignore proxy variables, or look names up themselves.
CLIENTS = {
    "requests, a prepared request": (
        "import requests; session = requests.Session()\n"
        "prepared = session.prepare_request(requests.Request('GET', URL, headers=headers))\n"
        "print(session.send(prepared).status_code)"
    ),
    "urllib, certifi's certificates": (
        "import certifi, ssl, urllib.request\n"
        "context = ssl.create_default_context(cafile=certifi.where())\n"
        "request = urllib.request.Request(URL, headers=headers)\n"
        "print(urllib.request.urlopen(request, context=context).status)"
    ),
    "http.client, no proxy": (
        "import http.client; connection = http.client.HTTPSConnection('services.leadconnectorhq.com')\n"
        "connection.request('GET', URL[36:], headers=headers)\n"
        "print(connection.getresponse().status)"
    ),
    "urllib3, no proxy": (
        "import urllib3; print(urllib3.PoolManager().request('GET', URL, headers=headers).status)"
    ),
    "httpx, async, no environment": (
        "import asyncio, httpx\n"
        "async def main():\n"
        "    async with httpx.AsyncClient(trust_env=False) as client:\n"
        "        print((await client.get(URL, headers=headers)).status_code)\n"
        "asyncio.run(main())"
    ),
    "aiohttp, no environment": (
        "import asyncio, aiohttp\n"
        "async def main():\n"
        "    async with aiohttp.ClientSession() as client:\n"
        "        print((await client.get(URL, headers=headers)).status)\n"
        "asyncio.run(main())"
    ),
    "httplib2": (
        "import httplib2; print(httplib2.Http(proxy_info=None).request(URL, headers=headers)[0].status)"
    ),
    "pycurl": (
        "import certifi, io, pycurl; curl = pycurl.Curl()\n"
        "curl.setopt(pycurl.URL, URL); curl.setopt(pycurl.CAINFO, certifi.where())\n"
        "curl.setopt(pycurl.WRITEDATA, io.BytesIO())\n"
        "curl.setopt(pycurl.HTTPHEADER, [': '.join(header) for header in headers.items()])\n"
        "curl.perform(); print(curl.getinfo(pycurl.RESPONSE_CODE))"
    ),
}


def run(setup: ExecSetup, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code as a command of `exec`. An empty value removes a variable."""
    variables = {**setup.environment, **environment}
    preload = setup.environment["PYTHONPATH"].partition(os.pathsep)[0]
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [preload, environment.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=120
    )


@pytest.mark.finding("D3")
@pytest.mark.parametrize("name", CLIENTS)
def test_client_is_led_to_the_mock_and_trusts_it(running_exec: ExecSetup, name: str) -> None:
    if name in ("httplib2", "pycurl"):
        pytest.importorskip(name)
    done = run(running_exec, f"URL = {LIST!r}\n{HEADERS}{CLIENTS[name]}")
    assert (done.stdout, done.stderr) == ("200\n", "")


@pytest.mark.finding("D3")
def test_users_own_sitecustomize_still_runs(running_exec: ExecSetup, tmp_path: Path) -> None:
    own = tmp_path / "sitecustomize.py"
    own.write_text("import os\nprint('own', __file__ == os.environ['OWN'])\n")
    code = "import sys, sitecustomize; print(sitecustomize.__file__, 'preload' in str(sys.path))"
    done = run(running_exec, code, PYTHONPATH=str(tmp_path), OWN=str(own))
    assert (done.stdout, done.stderr) == (f"own True\n{own} False\n", "")
    own.write_text("import does_not_exist\n")
    broken = run(running_exec, "print('ran')", PYTHONPATH=str(tmp_path))
    assert broken.stdout == "ran\n" and "does_not_exist" in broken.stderr


def test_other_hosts_and_certificate_checks_stay_as_they_are(running_exec: ExecSetup) -> None:
    code = """
import socket, ssl, urllib.request
print(socket.getaddrinfo("localhost", 80)[0][4][1], socket.gethostbyname("127.0.0.1"))
try:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it has loaded no certificates at all
    urllib.request.urlopen("https://narvar.example/", context=context)
except OSError as error:
    print("CERTIFICATE_VERIFY_FAILED" in str(error))
"""
    assert run(running_exec, code).stdout == "80 127.0.0.1\nTrue\n"
    assert running_exec.failures["narvar.example", "the client does not trust the mock's certificate"]


def test_option_only_vendors_holds_without_a_proxy(running_exec: ExecSetup) -> None:
    code = """
import http.client
try:
    http.client.HTTPSConnection("other.example").request("GET", "/")
except OSError as error:
    print(error)
"""
    done = run(running_exec, code, MOCKSERVER_ONLY_VENDORS="1")
    assert "other.example is not an emulated vendor's host: refused because of --only-vendors" in done.stdout
