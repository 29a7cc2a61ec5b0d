"""Unmodified clients in many languages reach the mock if `mockserver exec` runs them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver import app
from mockserver.cli.exec.ca_bundles import JAVA_PASSWORD, write_ca_bundles
from mockserver.cli.exec.exec_command import ExecSetup
from mockserver.server.server import serving
from mockserver.server.tls.authority import Authority
from tests.conftest import needs_java

LIST = "https://services.leadconnectorhq.com/products/inventory?altId=x&altType=location&limit=1"
PLAIN = "http://narvar.example/exchanges/inventory/9999"
NOT_EMULATED = "https://backend.leadconnectorhq.com/"
HEADERS = {"Authorization": "Bearer demo", "Version": "v3"}
TIMEOUT = 240
NODE_SDK = "@gohighlevel/api-client@3.1.0"


def needs(*commands: str) -> pytest.MarkDecorator:
    missing = [command for command in commands if not shutil.which(command)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def run(setup: ExecSetup, folder: Path, *words: str) -> str:
    """Run a command as `exec` would, and return what it prints."""
    done = subprocess.run(
        words, env=setup.environment, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_official_python_sdk_reaches_the_mock(data: Path, tmp_path: Path) -> None:
    code = """
import asyncio
from highlevel import HighLevel
async def main():
    client = HighLevel(private_integration_token="demo")
    found = await client.products.get_list_inventory(alt_id="x", alt_type="location", limit=3)
    print(len(found["inventory"] if isinstance(found, dict) else found.inventory))
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-m", "mockserver", "exec", "--fail-on-remarks", "--", sys.executable, "-c", code],
        env=os.environ | {"MOCKSERVER_DATA_DIR": str(data)},
        capture_output=True, text=True, timeout=TIMEOUT, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "3"), done.stderr
    assert "GET /products/inventory  200" in done.stderr


@pytest.fixture(scope="session")
def node_sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a folder in which the official Node SDK is installed."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text(json.dumps({"name": "client", "private": True}))
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", NODE_SDK],
        cwd=folder, capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm could not install {NODE_SDK}: {done.stderr.strip().splitlines()[-1]}")
    yield folder


@needs("node", "npm")
def test_official_node_sdk_reaches_the_mock(node_sdk: Path, data: Path) -> None:
    code = """
const { HighLevel } = require('@gohighlevel/api-client');
const client = new HighLevel({ privateIntegrationToken: 'demo' });
client.products.getListInventory({ altId: 'x', altType: 'location', limit: 3 })
  .then((found) => console.log(found.inventory.length));
"""
    done = subprocess.run(
        [sys.executable, "-m", "mockserver", "exec", "--only-vendors", "--", "node", "-e", code],
        env=os.environ | {"MOCKSERVER_DATA_DIR": str(data)},
        capture_output=True, text=True, timeout=TIMEOUT, cwd=node_sdk,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "3"
    assert "GET /products/inventory  200" in done.stderr


PYTHON = {
    "urllib": """
request = lambda url: urllib.request.urlopen(urllib.request.Request(url, headers=headers)).status
""",
    "requests": """
import requests
request = lambda url: requests.get(url, headers=headers).status_code
""",
    "httpx": """
import httpx
request = lambda url: httpx.get(url, headers=headers).status_code
""",
    "httpx async": """
import asyncio, httpx
async def get(url):
    async with httpx.AsyncClient() as client:
        return (await client.get(url, headers=headers)).status_code
request = lambda url: asyncio.run(get(url))
""",
    "aiohttp": """
import asyncio, aiohttp
async def get(url):
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.get(url, headers=headers) as response:
            return response.status
request = lambda url: asyncio.run(get(url))
""",
}


@pytest.mark.parametrize("library", PYTHON)
def test_python_library_reaches_the_mock(library: str, running_exec: ExecSetup, tmp_path: Path) -> None:
    code = f"import urllib.request\nheaders = {HEADERS!r}\n{PYTHON[library]}\nprint(request({LIST!r}))\n"
    code += f"headers = {{'Authorization': 'Basic ZGVtbzpkZW1v'}}\nprint(request({PLAIN!r}))\n"
    code += f"try: print(request({NOT_EMULATED!r}))\nexcept Exception as error: print('refused')\n"
    assert run(running_exec, tmp_path, sys.executable, "-c", code) == "200\n200\nrefused\n"


@needs("curl")
@pytest.mark.parametrize("url", [LIST, LIST.replace("https", "http", 1)], ids=["https", "http"])
def test_curl_reaches_the_mock(url: str, running_exec: ExecSetup, tmp_path: Path) -> None:
    headers = [word for name, value in HEADERS.items() for word in ("-H", f"{name}: {value}")]
    written = run(running_exec, tmp_path, "curl", "-s", "-o", os.devnull, "-w", "%{http_code}", url, *headers)
    assert written == "200"


NODE = {
    "fetch": "const get = async (url, headers) => (await fetch(url, { headers })).status;",
    "http": """
const of = (url) => require(url.split(':')[0]);
const get = (url, headers) => new Promise((done, failed) =>
  of(url).get(url, { headers }, (answer) => done(answer.resume().statusCode)).on('error', failed));
""",
    "axios": "const get = async (url, headers) => (await require('axios').get(url, { headers })).status;",
    "axios without proxy": """
const get = async (url, headers) => (await require('axios').get(url, { headers, proxy: false })).status;
""",
}


@needs("node", "npm")
@pytest.mark.parametrize("library", NODE)
def test_node_library_reaches_the_mock(library: str, running_exec: ExecSetup, node_sdk: Path) -> None:
    code = f"""{NODE[library]}
(async () => {{
  console.log(await get({LIST!r}, {HEADERS!r}));
  console.log(await get({PLAIN!r}, {{ Authorization: 'Basic ZGVtbzpkZW1v' }}));
  await get({NOT_EMULATED!r}, {{}}).then(console.log, () => console.log('refused'));
}})();"""
    assert run(running_exec, node_sdk, "node", "-e", code) == "200\n200\nrefused\n"


@needs("node")
def test_node_obeys_option_only_vendors_even_without_a_proxy(running_exec: ExecSetup, tmp_path: Path) -> None:
    code = "fetch('https://other.example/').catch((error) => console.log(error.cause.message))"
    only_vendors = {**running_exec.environment, "MOCKSERVER_ONLY_VENDORS": "1", "NODE_USE_ENV_PROXY": "0"}
    words = ["node", "-e", code]
    done = subprocess.run(
        words, env=only_vendors, capture_output=True, text=True, timeout=TIMEOUT, cwd=tmp_path
    )
    assert (
        done.stdout == "other.example is not an emulated vendor's host: refused because of --only-vendors\n"
    )


JAVA = """
import java.net.*;
import java.net.http.*;
public class Client {
  public static void main(String[] words) throws Exception {
    HttpURLConnection old = (HttpURLConnection) new URL(words[0]).openConnection();
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(words[0]));
    for (int n = 1; n < words.length; n += 2) {
      old.setRequestProperty(words[n], words[n + 1]);
      request.header(words[n], words[n + 1]);
    }
    System.out.println(old.getResponseCode());
    HttpClient client = HttpClient.newHttpClient();
    System.out.println(client.send(request.build(), HttpResponse.BodyHandlers.discarding()).statusCode());
  }
}
"""
JAVA_WRITES = """
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
public class Client {
  public static void main(String[] words) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    String basic = Base64.getEncoder().encodeToString("sbx_java:x".getBytes(StandardCharsets.UTF_8));
    for (int n = 1; n < words.length; n += 3) {
      HttpRequest request = HttpRequest.newBuilder(URI.create(words[0] + words[n + 1]))
        .header("Authorization", "Basic " + basic).header("Content-Type", "application/json")
        .method(words[n], BodyPublishers.ofString(words[n + 2])).build();
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      System.out.println(response.statusCode() + " " + response.version() + " " + response.body());
    }
  }
}
"""
GO = """
package main

import ("fmt"; "net/http"; "os")

func main() {
  request, _ := http.NewRequest("GET", os.Args[1], nil)
  for n := 2; n < len(os.Args); n += 2 { request.Header.Set(os.Args[n], os.Args[n+1]) }
  response, err := http.DefaultClient.Do(request)
  if err != nil { panic(err) }
  fmt.Println(response.StatusCode)
}
"""
RUBY = """
require 'net/http'
url, *headers = ARGV
puts Net::HTTP.get_response(URI(url), Hash[*headers]).code
"""
PHP = """<?php
[, $url] = $argv;
$headers = array_map(fn ($pair) => implode(': ', $pair), array_chunk(array_slice($argv, 2), 2));
$call = curl_init($url);
curl_setopt_array($call, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER => $headers]);
if (curl_exec($call) === false) exit(curl_error($call));
echo curl_getinfo($call, CURLINFO_RESPONSE_CODE), "\\n";
"""
needs_php_curl = pytest.mark.skipif(
    not shutil.which("php") or "curl" not in subprocess.check_output(["php", "-m"], text=True).split(),
    reason="not installed: php with curl",
)


@pytest.mark.parametrize(
    ("file", "code", "command", "output"),
    [
        pytest.param("Client.java", JAVA, ["java"], "200\n200\n", marks=needs("java", "javac"), id="Java"),
        pytest.param("client.go", GO, ["go", "run"], "200\n", marks=needs("go"), id="Go"),
        pytest.param("client.rb", RUBY, ["ruby"], "200\n", marks=needs("ruby"), id="Ruby"),
        pytest.param("client.php", PHP, ["php"], "200\n", marks=needs_php_curl, id="PHP"),
    ],
)
def test_client_in_another_language_reaches_the_mock(
    file: str, code: str, command: list[str], output: str, running_exec: ExecSetup, tmp_path: Path
) -> None:
    (tmp_path / file).write_text(code)
    headers = [word for pair in HEADERS.items() for word in pair]
    assert run(running_exec, tmp_path, *command, file, LIST, *headers) == output


@pytest.mark.finding("A1")
@needs_java
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_java_client_with_its_defaults_can_write(tls: bool, tmp_path: Path) -> None:
    """Over http://, its defaults ask for an upgrade to HTTP/2, also in requests with a body."""
    (tmp_path / "Client.java").write_text(JAVA_WRITES)
    authority, settings, options = Authority(tmp_path), {}, []
    if tls:
        settings["tls"] = authority.context()
        store = write_ca_bundles(tmp_path, authority.file.read_bytes(), {}).java_store
        options = [
            f"-Djavax.net.ssl.trustStore={store}",
            f"-Djavax.net.ssl.trustStorePassword={JAVA_PASSWORD}",
        ]
    with serving(app.build(names=["merchantpro"]).application, **settings) as url:
        words = [
            "PATCH", "/api/v2/inventory/id/10001", '{"stock": 7}',
            "POST", "/_mock/requests/count", '{"vendor": "merchantpro", "sandbox": "java"}',
        ]  # fmt: skip
        done = subprocess.run(
            ["java", *options, "Client.java", url, *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
    patched, posted = done.stdout.splitlines()
    assert patched.startswith("200 HTTP_1_1 {") and '"stock":7,' in patched
    assert posted.startswith('200 HTTP_1_1 {"count":1,')
