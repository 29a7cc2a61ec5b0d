"""A running server for the shell: ready file, health check, background, and how it is stopped."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.server.tls.authority import Authority
from tests.server_process import COMMAND, TIMEOUT, patient_server, put_fault, run, serving_command

ITEM = "/exchanges/inventory/9999"
SLOW = {"type": "slow_body", "seconds": 3, "chunks": 3}
ENDLESS = {"type": "slow_body", "seconds": 60, "chunks": 2}
DEMO = httpx.BasicAuth("demo", "")
NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def can_be_process_1() -> bool:
    """Whether a process can have a process table of its own here."""
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode
    )


as_process_1 = pytest.mark.skipif(not can_be_process_1(), reason="unshare is missing or not allowed")


def client_of(url: str, folder: Path) -> httpx.Client:
    ca = folder / "data/tls/ca.pem"
    verify = ssl.create_default_context(cafile=ca) if ca.exists() else True
    return httpx.Client(base_url=url, auth=DEMO, verify=verify, timeout=TIMEOUT)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_the_ready_file_is_there_while_the_server_answers(tmp_path: Path, tls: bool) -> None:
    with serving_command(tmp_path, *(["--tls"] if tls else [])) as running:
        said = json.loads(running.ready_file.read_text())
        assert said == {
            "url": running.url,
            "port": urlsplit(running.url).port,
            "pid": running.process.pid,
            "ca": str(tmp_path / "data/tls/ca.pem") if tls else None,
        }
        with client_of(running.url, tmp_path) as client:
            assert client.get(ITEM).status_code == 200
        running.process.terminate()
        assert running.wait_for_exit()[0] == 0
    assert [*tmp_path.glob("*ready*")] == []


def test_a_server_on_all_addresses_says_one_that_can_be_called(tmp_path: Path) -> None:
    with serving_command(tmp_path, "--host", "0.0.0.0", "--tls") as running:
        assert running.url.startswith("https://127.0.0.1:")
        assert run("healthcheck", "--ready-file", str(running.ready_file)).returncode == 0


def test_the_ready_file_of_a_killed_server_is_taken_over(tmp_path: Path) -> None:
    with serving_command(tmp_path) as killed:
        killed.process.kill()
        killed.process.wait()
        assert killed.ready_file.exists()
    with serving_command(tmp_path) as running:
        assert running.pid == running.process.pid != killed.pid


@pytest.mark.parametrize("content", ["", "# Notes\n", "[]", '{"url": 7, "pid": 1}', '{"url": "http://a"}'])
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, content: str) -> None:
    notes = tmp_path / "notes"
    notes.write_text(content)
    for command in (["serve", "--port", "0"], ["healthcheck"]):
        done = run(*command, "--ready-file", str(notes))
        assert (done.returncode, done.stderr) == (2, f"mockserver: {notes} is no ready file\n")
    assert notes.read_text() == content


def test_a_ready_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nowhere/ready"
    done = run("serve", "--port", "0", "--ready-file", str(file))
    assert (done.returncode, done.stderr) == (
        2,
        f"mockserver: cannot write {file}: No such file or directory\n",
    )


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_health_check_of_a_running_server_is_exit_code_0(tmp_path: Path, tls: bool) -> None:
    with serving_command(tmp_path, *(["--tls"] if tls else [])) as running:
        port = str(urlsplit(running.url).port)
        kept = {"MOCKSERVER_DATA_DIR": str(tmp_path / "data")}
        for arguments, environment in [
            (["--ready-file", str(running.ready_file)], {}),
            (["--url", running.url], kept),
            (["--port", port, *(["--tls"] if tls else [])], kept),
            ([], kept | {"MOCKSERVER_PORT": port, "MOCKSERVER_TLS": str(tls)}),
        ]:
            done = run("healthcheck", *arguments, **environment)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout == f"{running.url} is ready\n"


def test_a_health_check_says_why_a_server_is_not_healthy(base_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        free = f"http://127.0.0.1:{silent.getsockname()[1]}"
    tls_settings = base_url.replace("http:", "https:")
    Authority(tmp_path)
    for arguments, words in [
        (["--url", free], f"{free} does not answer: Connection refused"),
        (["--url", f"{base_url}/narvar"], f"{base_url}/narvar answers, but not as a mockserver: "),
        (["--url", tls_settings], f"{tls_settings} does not answer: "),
        (["--ready-file", str(tmp_path / "none")], f"there is no {tmp_path}/none"),
    ]:
        done = run("healthcheck", *arguments, MOCKSERVER_DATA_DIR=str(tmp_path))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"mockserver: {words}")
        assert len(done.stderr.splitlines()) == 1


def test_a_health_check_trusts_only_what_it_is_told_to(tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").file
    with serving_command(tmp_path, "--tls") as running:
        done = run("healthcheck", "--url", running.url, "--ca", str(other))
        plain = run("healthcheck", "--url", running.url.replace("https", "http"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"mockserver: {running.url} cannot be trusted: ")
    assert plain.returncode == 1
    assert plain.stderr.endswith(" speaks HTTPS\n")


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
def test_a_health_check_of_nonsense_is_exit_code_2(arguments: list[str]) -> None:
    done = run("healthcheck", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_health_check_waits_for_a_server_that_comes_later(tmp_path: Path) -> None:
    command = [*COMMAND, "healthcheck", "--ready-file", str(tmp_path / "ready.json"), "--wait", str(TIMEOUT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        with serving_command(tmp_path) as running:
            said, _ = waiting.communicate(timeout=TIMEOUT)
        assert (waiting.returncode, said) == (0, f"{running.url} is ready\n")


def test_a_health_check_imports_nothing_that_takes_long() -> None:
    code = "import sys, mockserver.cli.healthcheck; print(*sys.modules)"
    done = subprocess.run([COMMAND[0], "-c", code], capture_output=True, text=True, check=True)
    heavy = {"uvicorn", "connexion", "yaml", "msgspec", "trustme", "cryptography", "http.client", "asyncio"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("options", [[], ["--tls"]], ids=["http", "https"])
def test_waiting_gives_the_shell_back_once_the_server_answers(tmp_path: Path, options: list[str]) -> None:
    """All of its output is read to the end: who goes on in the background holds on to none of it."""
    done = run("serve", "--port", "0", "--wait", *options, MOCKSERVER_DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stderr) == (0, "")
    url, pid = done.stdout.split()
    try:
        with client_of(url, tmp_path) as client:
            assert client.get(ITEM).status_code == 200
    finally:
        os.kill(int(pid), signal.SIGTERM)


def test_in_the_background_the_log_goes_to_a_file_if_stderr_is_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as errors:
        command = [*COMMAND, "serve", "--port", "0", "--wait"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, timeout=TIMEOUT)
    url, pid = done.stdout.split()
    try:
        with httpx.Client(base_url=url) as client:
            client.get("/nowhere")
            client.get("/next")  # begun once the one before it is done, its line in the log included
        assert "404 GET    /nowhere" in log.read_text()
    finally:
        os.kill(int(pid), signal.SIGTERM)


def test_a_token_that_was_made_is_told_to_the_shell(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--wait", "--host", "0.0.0.0")
    url, pid, token = done.stdout.split()
    try:
        assert httpx.get(f"{url}/_mock/sandboxes").status_code == 401
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{url}/_mock/sandboxes", headers=headers).status_code == 200
    finally:
        os.kill(int(pid), signal.SIGTERM)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--vendors", "nobody"], "unknown vendor nobody"),
        (["--ready-file", "/nowhere/at/all"], "cannot write /nowhere/at/all: No such file or directory"),
        (["--tls-cert", "a.pem"], "--tls-cert needs --tls-key"),
        (["--reload"], "--wait and --reload do not go together"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_server_that_does_not_come_up_says_why(arguments: list[str], words: str) -> None:
    done = run("serve", "--port", "0", "--wait", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mockserver: {words}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "whom", "number"),
    [
        ([], os.kill, signal.SIGTERM),
        (["--tls"], os.kill, signal.SIGINT),
        (["--reload"], os.kill, signal.SIGTERM),
        (["--reload"], os.killpg, signal.SIGINT),
    ],
    ids=["kill", "https", "kill, reload", "Ctrl-C, reload"],
)
def test_what_is_under_way_is_finished_and_nothing_new_is_begun(
    tmp_path: Path, options: list[str], whom: Callable[[int, int], None], number: int
) -> None:
    with serving_command(tmp_path, *options) as running, client_of(running.url, tmp_path) as client:
        whole = client.get(ITEM).text
        put_fault(client, SLOW)
        with client.stream("GET", ITEM) as response:  # the head is here, the body comes by and by
            whom(running.process.pid, number)
            assert response.read().decode() == whole
        code, errors = running.wait_for_exit()
        assert code == 0
        assert "1 under way" in errors
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
def test_a_second_signal_ends_it_at_once(tmp_path: Path, options: list[str], number: int) -> None:
    with serving_command(tmp_path, *options) as running, client_of(running.url, tmp_path) as client:
        put_fault(client, ENDLESS)
        with client.stream("GET", ITEM) as response:
            running.process.send_signal(number)
            while "under way" not in (line := running.process.stderr.readline()):
                assert line, "it did not stop"
            running.process.send_signal(number)
            with pytest.raises(httpx.RemoteProtocolError):
                response.read()
        assert running.wait_for_exit()[0] == 128 + number
    assert not running.ready_file.exists()


HELLO = b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ZGVtbzo=\r\n"
JSON = b"Content-Type: application/json\r\nContent-Length: 37\r\n\r\n"
# What is sent, and how the answer ends that comes before the server is told to stop.
ON_THE_LINE = {
    "nothing": (b"", b""),
    "half a request": (b"PATCH /api/v2/inventory/id/1" + HELLO + JSON, b""),
    "an answered request": (b"GET /_mock/ready" + HELLO + b"\r\n", b"}"),
    "no answer": (b"GET %s" % ITEM.encode() + HELLO + b"X-Mock-Sandbox: silent\r\n\r\n", b""),
    "a wait": (b"POST /_mock/requests/wait" + HELLO + JSON + b'{"match":{"vendor":"-"},"seconds":60}', b""),
    "a stream": (b"GET /_mock/events" + HELLO + b"\r\n", b"written\n\n\r\n"),
}


@pytest.mark.parametrize("tls_settings", [False, True], ids=["http", "https"])
def test_who_only_waits_does_not_hold_up_the_end(tmp_path: Path, tls_settings: bool) -> None:
    authority, lines = Authority(tmp_path), {}
    with patient_server(
        app.build().application, **({"tls": authority.context()} if tls_settings else {})
    ) as url:
        address, trust = urlsplit(url), ssl.create_default_context(cafile=authority.file)
        with httpx.Client(base_url=url, verify=trust) as client:
            put_fault(client, {"type": "no_answer", "seconds": 60}, "silent")
        lines["no handshake"] = socket.create_connection((address.hostname, address.port), TIMEOUT)
        for what, (request, end) in ON_THE_LINE.items():
            line = socket.create_connection((address.hostname, address.port), TIMEOUT)
            if tls_settings:
                line = trust.wrap_socket(line, server_hostname=address.hostname)
            lines[what] = line
            line.sendall(request)
            answer = b""
            while not answer.endswith(end):
                answer += line.recv(65536)
    rest = {what: b"".join(iter(lambda line=line: received(line), b"")) for what, line in lines.items()}
    assert rest == dict.fromkeys(lines, b"") | {"a stream": b"0\r\n\r\n"}


def received(line: socket.socket) -> bytes:
    """What comes next; nothing if the other side is gone, however it went."""
    try:
        return line.recv(65536)
    except (ConnectionResetError, ssl.SSLEOFError):
        return b""


def test_who_gives_up_waiting_is_no_failure_of_the_mock(caplog: pytest.LogCaptureFixture) -> None:
    with patient_server(app.build().application) as url, pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/_mock/requests/wait", json={"match": {}, "seconds": 60}, timeout=0.5)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@as_process_1
def test_as_process_1_it_stops_as_elsewhere(tmp_path: Path) -> None:
    with serving_command(tmp_path, before=NAMESPACE) as running, client_of(running.url, tmp_path) as client:
        assert running.pid == 1
        whole = client.get(ITEM).text
        put_fault(client, SLOW)
        with client.stream("GET", ITEM) as response:
            os.kill(children_of(running.process.pid)[0], signal.SIGTERM)
            assert response.read().decode() == whole
        assert running.wait_for_exit()[0] == 0


@as_process_1
def test_as_process_1_it_leaves_no_zombies(tmp_path: Path) -> None:
    shell = (*NAMESPACE, "sh", "-c", '(sleep 3 & sleep 4) & exec "$@"', "sh")
    with (
        serving_command(tmp_path, "--log-level", "warning", before=shell) as running,
        client_of(running.url, tmp_path) as client,
    ):
        assert running.pid == 1
        first = children_of(running.process.pid)[0]
        while children_of(first):  # each of them ends by itself; the test hangs if one is never taken away
            assert client.get("/_mock/ready").is_success


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
