"""A running server: the ready file, `healthcheck` and stopping."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.cli.background.process_identity import identity_of
from mockserver.server.tls.authority import Authority
from tests.server_process import COMMAND, TIMEOUT, patient_server, put_fault, run, serving_command

ITEM = "/exchanges/inventory/9999"
SLOW = {"type": "slow_body", "seconds": 3, "chunks": 3}
ENDLESS = {"type": "slow_body", "seconds": 60, "chunks": 2}
DEMO = httpx.BasicAuth("demo", "")
NEW_PID_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def can_be_process_1() -> bool:
    """Return True if this system allows process 1 of a new process namespace."""
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run([*NEW_PID_NAMESPACE, "true"], capture_output=True).returncode
    )


needs_pid_namespace = pytest.mark.skipif(not can_be_process_1(), reason="unshare is missing or not allowed")


def client_of(url: str, folder: Path) -> httpx.Client:
    """Return a client for the server whose files are in `folder`; it trusts the authority in them, if any."""
    ca = folder / "data/tls/ca.pem"
    verify = ssl.create_default_context(cafile=ca) if ca.exists() else True
    return httpx.Client(base_url=url, auth=DEMO, verify=verify, timeout=TIMEOUT)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_ready_file_exists_while_the_server_answers(tmp_path: Path, tls: bool) -> None:
    with serving_command(tmp_path, *(["--tls"] if tls else [])) as running:
        content = json.loads(running.ready_file.read_text())
        assert content == {
            "url": running.url,
            "port": urlsplit(running.url).port,
            "pid": running.process.pid,
            "process": identity_of(running.process.pid),
            "ca": str(tmp_path / "data/tls/ca.pem") if tls else None,
        }
        with client_of(running.url, tmp_path) as client:
            assert client.get(ITEM).status_code == 200
        running.process.terminate()
        assert running.wait()[0] == 0
    assert [*tmp_path.glob("*ready*")] == []


def test_ready_file_of_a_server_on_all_addresses_has_loopback_url(tmp_path: Path) -> None:
    with serving_command(tmp_path, "--host", "0.0.0.0", "--tls") as running:
        assert running.url.startswith("https://127.0.0.1:")
        assert run("healthcheck", "--ready-file", str(running.ready_file)).returncode == 0


def test_ready_file_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    with serving_command(tmp_path) as killed:
        killed.process.kill()
        killed.process.wait()
        assert killed.ready_file.exists()
    with serving_command(tmp_path) as running:
        assert running.pid == running.process.pid != killed.pid


@pytest.mark.parametrize("content", ["", "# Notes\n", "[]", '{"url": 7, "pid": 1}', '{"url": "http://a"}'])
def test_file_that_is_not_a_ready_file_is_kept(tmp_path: Path, content: str) -> None:
    notes = tmp_path / "notes"
    notes.write_text(content)
    for command in (["serve", "--port", "0"], ["healthcheck"]):
        done = run(*command, "--ready-file", str(notes))
        message = f"mockserver: {notes} is not a mockserver ready file: give another path\n"
        assert (done.returncode, done.stderr) == (2, message)
    assert notes.read_text() == content


def test_unwritable_ready_file_is_a_one_line_error(tmp_path: Path) -> None:
    file = tmp_path / "nowhere/ready"
    done = run("serve", "--port", "0", "--ready-file", str(file))
    assert (done.returncode, done.stderr) == (
        2,
        f"mockserver: cannot write {file}: No such file or directory\n",
    )


@pytest.mark.parametrize(
    ("options", "engine"),
    [([], "compiled"), (["--engine", "compiled"], "compiled"), (["--engine", "connexion"], "connexion")],
    ids=["default", "compiled", "connexion"],
)
def test_engine_is_in_banner_ready_and_journal(tmp_path: Path, options: list[str], engine: str) -> None:
    with serving_command(tmp_path, *options) as running, client_of(running.url, tmp_path) as client:
        assert running.banner.splitlines()[0].endswith(f", engine {engine})")
        assert client.get("/_mock/ready").json()["engine"] == engine
        assert client.get(ITEM).status_code == 200
        (entry,) = client.get("/_mock/requests").json()["requests"]
        assert entry["engine"] == engine


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_healthcheck_of_a_running_server_exits_0(tmp_path: Path, tls: bool) -> None:
    with serving_command(tmp_path, *(["--tls"] if tls else [])) as running:
        port = str(urlsplit(running.url).port)
        data_dir = {"MOCKSERVER_DATA_DIR": str(tmp_path / "data")}
        for arguments, environment in [
            (["--ready-file", str(running.ready_file)], {}),
            (["--url", running.url], data_dir),
            (["--port", port, *(["--tls"] if tls else [])], data_dir),
            ([], data_dir | {"MOCKSERVER_PORT": port, "MOCKSERVER_TLS": str(tls)}),
        ]:
            done = run("healthcheck", *arguments, **environment)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout == f"{running.url} is ready\n"


def test_healthcheck_exits_1_and_says_why(base_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = f"http://127.0.0.1:{closed.getsockname()[1]}"
    https_url = base_url.replace("http:", "https:")
    Authority(tmp_path)
    for arguments, message in [
        (["--url", free], f"{free} does not answer: Connection refused"),
        (["--url", f"{base_url}/narvar"], f"{base_url}/narvar answers, but is not a mockserver: "),
        (["--url", https_url], f"{https_url} does not answer: "),
        (
            ["--ready-file", str(tmp_path / "none")],
            f"ready file {tmp_path}/none does not exist: its server is not ready",
        ),
    ]:
        done = run("healthcheck", *arguments, MOCKSERVER_DATA_DIR=str(tmp_path))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"mockserver: {message}")
        assert len(done.stderr.splitlines()) == 1


def test_healthcheck_trusts_only_the_given_ca(tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").file
    with serving_command(tmp_path, "--tls") as running:
        done = run("healthcheck", "--url", running.url, "--ca", str(other))
        plain = run("healthcheck", "--url", running.url.replace("https", "http"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"mockserver: the certificate of {running.url} is not trusted (")
    assert plain.returncode == 1
    assert plain.stderr.endswith(" expects HTTPS: use https:// or --tls\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "localhost:8080"],
        ["--url", "ftp://localhost"],
        ["--url", "http://localhost:99999"],
        ["--url", "http://"],
        ["--url", "http://[::1"],
        ["--url", "https://localhost", "--ca", "README.md"],
        ["--port", "0"],
        ["--wait", "-1"],
        ["--wait", "soon"],
        ["--wait", "nan"],
        ["--ready-file", "/dev/null"],
    ],
    ids=" ".join,
)
def test_healthcheck_with_invalid_options_exits_2(arguments: list[str]) -> None:
    done = run("healthcheck", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_healthcheck_waits_for_a_server_to_start(tmp_path: Path) -> None:
    command = [*COMMAND, "healthcheck", "--ready-file", str(tmp_path / "ready.json"), "--wait", str(TIMEOUT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        with serving_command(tmp_path) as running:
            output, _ = waiting.communicate(timeout=TIMEOUT)
        assert (waiting.returncode, output) == (0, f"{running.url} is ready\n")


def test_healthcheck_imports_no_slow_packages() -> None:
    code = "import sys, mockserver.cli.healthcheck; print(*sys.modules)"
    done = subprocess.run([COMMAND[0], "-c", code], capture_output=True, text=True, check=True)
    slow = {"uvicorn", "connexion", "yaml", "msgspec", "trustme", "cryptography", "http.client", "asyncio"}
    assert not slow & set(done.stdout.split())


@pytest.mark.parametrize(
    ("options", "kill", "number"),
    [
        ([], os.kill, signal.SIGTERM),
        (["--tls"], os.kill, signal.SIGINT),
        (["--reload"], os.kill, signal.SIGTERM),
        (["--reload"], os.killpg, signal.SIGINT),
    ],
    ids=["kill", "https", "kill, reload", "Ctrl-C, reload"],
)
def test_stopping_server_finishes_open_requests(
    tmp_path: Path, options: list[str], kill: Callable[[int, int], None], number: int
) -> None:
    with serving_command(tmp_path, *options) as running, client_of(running.url, tmp_path) as client:
        body = client.get(ITEM).text
        put_fault(client, SLOW)
        with client.stream("GET", ITEM) as response:  # the head has come, the body comes slowly
            kill(running.process.pid, number)
            assert response.read().decode() == body
        code, errors = running.wait()
        assert code == 0
        assert "calls in progress: 1" in errors
        assert errors.splitlines()[-1] == "stopped"
        assert "Traceback" not in errors
        with pytest.raises(httpx.ConnectError):
            client.get(ITEM)
    assert not running.ready_file.exists()


@pytest.mark.parametrize(
    ("options", "number"),
    [([], signal.SIGTERM), (["--reload"], signal.SIGINT)],
    ids=["kill", "Ctrl-C, reload"],
)
def test_second_signal_stops_at_once(tmp_path: Path, options: list[str], number: int) -> None:
    with serving_command(tmp_path, *options) as running, client_of(running.url, tmp_path) as client:
        put_fault(client, ENDLESS)
        with client.stream("GET", ITEM) as response:
            running.process.send_signal(number)
            while "in progress" not in (line := running.process.stderr.readline()):
                assert line, "the server did not begin to stop"
            running.process.send_signal(number)
            with pytest.raises(httpx.RemoteProtocolError):
                response.read()
        assert running.wait()[0] == 128 + number
    assert not running.ready_file.exists()


HELLO = b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ZGVtbzo=\r\n"
JSON = b"Content-Type: application/json\r\nContent-Length: 37\r\n\r\n"
# By name: the bytes that a client sends, and bytes that it receives before the server stops.
OPEN_CONNECTIONS = {
    "nothing": (b"", b""),
    "half a request": (b"PATCH /api/v2/inventory/id/1" + HELLO + JSON, b""),
    "a finished request": (b"GET /_mock/ready" + HELLO + b"\r\n", b"}"),
    "a request without response": (
        b"GET %s" % ITEM.encode() + HELLO + b"X-Mock-Sandbox: silent\r\n\r\n",
        b"",
    ),
    "a wait": (b"POST /_mock/requests/wait" + HELLO + JSON + b'{"match":{"vendor":"-"},"seconds":60}', b""),
    "a stream": (b"GET /_mock/events" + HELLO + b"\r\n", b"event: hello"),
}


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_idle_connections_do_not_delay_the_stop(tmp_path: Path, tls: bool) -> None:
    authority, connections = Authority(tmp_path), {}
    with patient_server(app.build().application, **({"tls": authority.context()} if tls else {})) as url:
        address, trust = urlsplit(url), ssl.create_default_context(cafile=authority.file)
        with httpx.Client(base_url=url, verify=trust) as client:
            put_fault(client, {"type": "no_answer", "seconds": 60}, "silent")
        connections["no handshake"] = socket.create_connection((address.hostname, address.port), TIMEOUT)
        for name, (request, end) in OPEN_CONNECTIONS.items():
            connection = socket.create_connection((address.hostname, address.port), TIMEOUT)
            if tls:
                connection = trust.wrap_socket(connection, server_hostname=address.hostname)
            connections[name] = connection
            connection.sendall(request)
            response = b""
            while end not in response:
                response += connection.recv(65536)
    last_bytes = {name: receive_all(connection) for name, connection in connections.items()}
    # Before it ends, the stream may tell of the request without response.
    assert last_bytes.pop("a stream").endswith(b"0\r\n\r\n")
    assert last_bytes == dict.fromkeys(last_bytes, b"")


def receive_all(connection: socket.socket) -> bytes:
    """Return all bytes until the connection ends, with or without a reset."""
    received = b""
    with suppress(ConnectionResetError, ssl.SSLEOFError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_client_that_stops_waiting_is_not_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with patient_server(app.build().application) as url, pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/_mock/requests/wait", json={"match": {}, "seconds": 60}, timeout=0.5)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("rule", [{"fault": ENDLESS}, {"delay": {"type": "fixed", "seconds": 60}}], ids=str)
def test_call_ends_when_its_client_has_gone(tmp_path: Path, rule: dict[str, Any]) -> None:
    with serving_command(tmp_path) as running, client_of(running.url, tmp_path) as client:
        client.put("/_mock/sandboxes/demo/faults", json=[rule]).raise_for_status()
        address = urlsplit(running.url)
        with socket.create_connection((address.hostname, address.port), TIMEOUT) as connection:
            connection.sendall(b"GET %s" % ITEM.encode() + HELLO + b"\r\n")
            if "fault" in rule:
                assert connection.recv(1) == b"H", "the head comes at once"
        while f" GET    {ITEM}" not in (line := running.process.stderr.readline()):
            assert line, "the call is logged once it has ended"
        running.process.terminate()
        code, errors = running.wait()
    assert (code, errors) == (0, "stopped\n")


@needs_pid_namespace
def test_process_1_stops_like_any_other_process(tmp_path: Path) -> None:
    with (
        serving_command(tmp_path, prefix=NEW_PID_NAMESPACE) as running,
        client_of(running.url, tmp_path) as client,
    ):
        assert running.pid == 1
        body = client.get(ITEM).text
        put_fault(client, SLOW)
        with client.stream("GET", ITEM) as response:
            os.kill(children_of(running.process.pid)[0], signal.SIGTERM)
            assert response.read().decode() == body
        assert running.wait()[0] == 0


@needs_pid_namespace
def test_process_1_leaves_no_zombies(tmp_path: Path) -> None:
    shell = (*NEW_PID_NAMESPACE, "sh", "-c", '(sleep 3 & sleep 4) & exec "$@"', "sh")
    with (
        serving_command(tmp_path, "--log-level", "warning", prefix=shell) as running,
        client_of(running.url, tmp_path) as client,
    ):
        assert running.pid == 1
        first = children_of(running.process.pid)[0]
        while children_of(first):  # each process ends by itself; the test hangs if one stays a zombie
            assert client.get("/_mock/ready").is_success


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
