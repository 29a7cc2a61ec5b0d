"""`serve --store`: sandboxes last beyond their server, and servers share them."""

import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.conftest import NO_CERTIFICATES, TIMEOUT, needs
from tests.server_process import ServerProcess, run, serving_command

WASHER, BASIC = "/merchantpro/api/v2/inventory/id/10001", ("sbx_shop", "x")
OPTIONS = ("--products", "50")
TOKEN = "a-token-of-the-operator"


def with_token(request: httpx.Request) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {TOKEN}"
    return request


def client(server: ServerProcess) -> httpx.Client:
    return httpx.Client(base_url=server.url, auth=BASIC, verify=NO_CERTIFICATES, timeout=30)


def test_everything_of_a_sandbox_lasts_beyond_its_server(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/mock.db", *OPTIONS)
    with serving_command(tmp_path, *store) as server, client(server) as http:
        assert "Store        sqlite:///" in server.banner
        assert "(0 sandboxes found)" in server.banner
        assert http.patch(WASHER, json={"stock": 3}).status_code == 200
        http.put("/_mock/sandboxes/shop/snapshots/three").raise_for_status()
        http.patch(WASHER, json={"stock": 4}).raise_for_status()
        frozen = {"action": "freeze", "instant": "2026-02-03T04:05:06Z"}
        http.put("/_mock/sandboxes/shop/clock", json=frozen).raise_for_status()
        fault = {"operation": "get-inventory", "fault": 503, "times": 2}
        http.post("/_mock/sandboxes/shop/faults", json=fault).raise_for_status()
        assert http.get(WASHER).status_code == 503
        assert (
            httpx.get(f"{server.url}/of/no/vendor", verify=NO_CERTIFICATES, timeout=TIMEOUT).status_code
            == 404
        )  # a stray
        before = http.get("/_mock/requests", params={"sandbox": "shop"}).json()["requests"]
        os.kill(server.pid, signal.SIGKILL)
    with serving_command(tmp_path, *store) as server, client(server) as http:
        assert "(1 sandbox found)" in server.banner
        assert http.get("/_mock/ready").json()["found"] == 1
        assert http.get("/_mock/requests", params={"sandbox": "shop"}).json()["requests"] == before
        assert http.get("/_mock/sandboxes/shop/clock").json()["now"] == "2026-02-03T04:05:06.000Z"
        assert [http.get(WASHER).status_code for _ in range(2)] == [503, 200]
        assert http.get(WASHER).json()["stock"] == 4
        http.post("/_mock/sandboxes/shop/snapshots/three/restore").raise_for_status()
        assert http.get(WASHER).json()["stock"] == 3


def test_two_servers_share_a_file(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/mock.db", *OPTIONS)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with (
        serving_command(first, *store) as one,
        serving_command(second, *store) as other,
        client(one) as here,
        client(other) as there,
    ):
        for stock, (writer, reader) in enumerate([(here, there), (there, here)] * 3):
            writer.patch(WASHER, json={"stock": stock}).raise_for_status()
            assert reader.get(WASHER).json()["stock"] == stock
        journals = [http.get("/_mock/requests", params={"sandbox": "shop"}).json() for http in (here, there)]
        assert [call["id"] for call in journals[0]["requests"]] == [f"shop.{n}" for n in range(12, 0, -1)]
        assert journals[0]["requests"] == journals[1]["requests"]


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE customers (name)")


REFUSED = {
    "another scheme": (("--store", "mysql://x"), "the URL of a store begins with"),
    "no folder": (("--store", "sqlite:////nowhere/at/all/mock.db"), "/nowhere/at/all"),
    "fresh without a store": (("--fresh",), "--fresh needs --store"),
    "workers without a store": (
        ("--workers", "2"),
        "--workers needs --store: without a store, each worker would have",
    ),
    "workers with reload": (("--workers", "2", "--reload"), "--workers cannot be used with --reload"),
    "an import": (
        ("--store", "sqlite:///m.db", "--import", "x.json"),
        "--store cannot be used with --import",
    ),
    "an empty URL": (("--store", ""), "--store: is empty: to keep sandboxes in memory, leave it out"),
    "a file of something else": (("--store", f"sqlite:///{__file__}"), "is not a SQLite database"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_store_that_cannot_be_used_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("serve", "--port", "0", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_file_of_other_data_is_refused_until_it_begins_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/mock.db"
    with serving_command(tmp_path, "--store", url, *OPTIONS) as server, client(server) as http:
        http.patch(WASHER, json={"stock": 3}).raise_for_status()
    refused = run("serve", "--port", "0", "--store", url, "--seed", "7", *OPTIONS)
    assert (refused.returncode, "seed 42 there and 7 here" in refused.stderr) == (2, True)
    with serving_command(tmp_path, "--store", url, "--fresh", "--seed", "7", *OPTIONS) as server:
        assert "(0 sandboxes found)" in server.banner


@pytest.mark.parametrize("why", ["its port is taken", "its certificate is missing"])
def test_server_that_cannot_start_does_not_empty_the_store(why: str, tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/mock.db", *OPTIONS)
    with serving_command(tmp_path, *store) as server, client(server) as http:
        assert http.patch(WASHER, json={"stock": 3}).status_code == 200
        missing = str(tmp_path / "no.pem")
        port = server.url.rpartition(":")[2] if why == "its port is taken" else "0"
        tls = () if why == "its port is taken" else ("--tls-cert", missing, "--tls-key", missing)
        assert run("serve", "--port", port, "--fresh", *store, *tls).returncode == 2
        assert http.get(WASHER).json()["stock"] == 3


def test_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    other_database(tmp_path / "shop.db")
    content = (tmp_path / "shop.db").read_bytes()
    done = run("serve", "--port", "0", "--fresh", "--store", f"sqlite:///{tmp_path}/shop.db")
    assert done.returncode == 2
    assert (tmp_path / "shop.db").read_bytes() == content


class Redis:
    """A redis-server on a port of its own, without persistence."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"redis://:s3cret@127.0.0.1:{port}/0"
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--save", "", "--requirepass", "s3cret"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                return
        raise AssertionError("redis-server does not start")

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield the folder of a file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True
    ).returncode:
        pytest.skip("this user cannot mount a file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filler").open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@needs("mount")
def test_server_on_a_full_disk_is_not_ready_until_it_can_write(tmp_path: Path, disk: Path) -> None:
    store = ("--store", f"sqlite:///{disk}/mock.db", *OPTIONS)
    with serving_command(tmp_path, *store) as server, client(server) as http:
        assert http.get(WASHER).status_code == 200
        answers = []
        for _ in range(10):
            fill(disk)  # again, as SQLite gives back some pages
            answers.append((http.get(WASHER).status_code, http.get("/_mock/ready").status_code))
        assert {*answers} <= {(200, 200), (503, 503)}
        assert answers[-1] == (503, 503)
        assert http.get("/_mock/health").status_code == 200
        assert "mockserver_store_up 0.0" in http.get("/_mock/metrics").text
        assert run("healthcheck", "--ready-file", str(server.ready_file)).returncode == 1
        (disk / "filler").unlink()
        assert http.get("/_mock/ready").status_code == 200, "although no call has come meanwhile"
        assert "mockserver_store_up 1.0" in http.get("/_mock/metrics").text
        server.process.send_signal(signal.SIGTERM)
        _, errors = server.wait()
    assert "database or disk is full" in errors
    assert "the store can be used again" in errors


@pytest.fixture
def redis(free_port_number: int) -> Iterator[Redis]:
    server = Redis(free_port_number)
    yield server
    server.stop()


@pytest.fixture
def free_port_number() -> int:
    """Return the number of a port that is free now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@needs("redis-server")
def test_lost_sandbox_is_refused_until_it_is_made_anew(tmp_path: Path, redis: Redis) -> None:
    options = ("--store", redis.url, "--admin-token", TOKEN, *OPTIONS)
    with serving_command(tmp_path, *options) as server, client(server) as http:
        assert "s3cret" not in server.banner
        http.patch(WASHER, json={"stock": 3}).raise_for_status()
        redis.stop()
        refused = http.get(WASHER)
        assert (refused.status_code, refused.headers["X-Mock-Error"]) == (503, "store_unavailable")
        assert [http.get(f"/_mock/{page}").status_code for page in ("ready", "health")] == [503, 200]
        redis.start()
        refused = http.get(WASHER)
        assert (refused.status_code, refused.headers["X-Mock-Error"]) == (503, "sandbox_lost")
        assert http.get("/_mock/ready").status_code == 200
        assert http.post("/_mock/sandboxes/shop/reset").status_code == 401
        assert http.get(WASHER).headers["X-Mock-Error"] == "sandbox_lost"
        http.post("/_mock/sandboxes/shop/reset", auth=with_token).raise_for_status()
        assert http.get(WASHER).json()["stock"] == 10


@needs("redis-server")
def test_two_servers_share_redis_and_are_replaced_one_by_one(tmp_path: Path, redis: Redis) -> None:
    store = ("--store", redis.url, *OPTIONS)
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    with serving_command(folders[0], *store) as one, client(one) as here:
        fault = {"operation": "get-inventory", "fault": 500, "times": 2}
        here.patch(WASHER, json={"stock": 3}).raise_for_status()
        here.post("/_mock/sandboxes/shop/faults", json=fault).raise_for_status()
        with serving_command(folders[1], *store) as other, client(other) as there:
            assert [http.get(WASHER).status_code for http in (there, here, there, here)] == [
                500,
                500,
                200,
                200,
            ]
            os.kill(one.pid, signal.SIGKILL)
            with serving_command(folders[2], *store) as third, client(third) as later:
                assert later.get(WASHER).json() == there.get(WASHER).json()
                assert later.get("/_mock/requests", params={"sandbox": "shop"}).json()["kept"] == 7
