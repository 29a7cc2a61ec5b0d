"""`serve --workers`: several processes on one port are one server."""

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver.cli.background.process_identity import identity_of
from tests.conftest import NO_CERTIFICATES, needs
from tests.e2e.test_running import (
    ENDLESS,
    NEW_PID_NAMESPACE,
    SLOW,
    children_of,
    client_of,
    needs_pid_namespace,
)
from tests.sandbox.log.redis_server import redis_server, until
from tests.server_process import TIMEOUT, ServerProcess, put_fault, run, serving_command

WASHER, SHOP = "/merchantpro/api/v2/inventory/id/10001", ("sbx_shop", "x")
OPTIONS = ("--workers", "2", "--products", "50")
MAX_CONNECTIONS = 1000  # that are tried until both workers have accepted one


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs("redis-server"))])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a store."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/mock.db"
        return
    with redis_server(tmp_path) as redis:
        yield redis.url


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{tmp_path}/mock.db"


def client(server: ServerProcess) -> httpx.Client:
    return httpx.Client(base_url=server.url, auth=SHOP, verify=NO_CERTIFICATES, timeout=TIMEOUT)


@contextmanager
def client_of_worker(server: ServerProcess, place: int) -> Iterator[httpx.Client]:
    """Yield a client that is connected to one of the workers."""
    others = [pid for number, pid in enumerate(children_of(server.pid)) if number != place]
    with client(server) as http:
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            http.get("/_mock/health").raise_for_status()
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
        yield http


def counts(server: ServerProcess, name: str) -> dict[str, float]:
    """Return the values of a metric, by its labels."""
    text = httpx.get(f"{server.url}/_mock/metrics", verify=NO_CERTIFICATES, timeout=TIMEOUT).text
    return {
        labels: float(value) for labels, value in re.findall(rf"^{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
    }


def has_ended(pid: int) -> bool:
    return identity_of(pid) is None


def test_workers_are_one_server(store: str, tmp_path: Path) -> None:
    with (
        serving_command(tmp_path, "--store", store, *OPTIONS) as server,
        client_of_worker(server, 0) as here,
        client_of_worker(server, 1) as there,
    ):
        assert server.pid == server.process.pid
        assert here.get("/_mock/ready").json()["workers"] == 2
        for stock, (writer, reader) in enumerate([(here, there), (there, here)] * 3):
            writer.patch(WASHER, json={"stock": stock}).raise_for_status()
            assert reader.get(WASHER).json()["stock"] == stock
        fault = {"operation": "get-inventory", "fault": 503, "times": 2}
        here.post("/_mock/sandboxes/shop/faults", json=fault).raise_for_status()
        assert [http.get(WASHER).status_code for http in (there, here, there, here)] == [503, 503, 200, 200]
        journals = [http.get("/_mock/requests", params={"sandbox": "shop"}).json() for http in (here, there)]
        assert [call["id"] for call in journals[0]["requests"]] == [f"shop.{n}" for n in range(16, 0, -1)]
        assert journals[0] == journals[1]
        answered = counts(server, "mockserver_requests_total")
        assert answered['operation="update-inventory",status="200",vendor="merchantpro"'] == 6
        assert answered['operation="get-inventory",status="503",vendor="merchantpro"'] == 2
        by_worker = counts(server, "mockserver_worker_requests_total")
        assert by_worker.keys() == {'worker="1"', 'worker="2"'}
        assert min(by_worker.values()) >= 8
        server.process.terminate()
        rest, errors = server.process.communicate(timeout=TIMEOUT)
    assert (server.process.returncode, errors.splitlines()[-1]) == (0, "stopped")
    assert (server.banner + rest).count("mockserver 0.1") == 1
    assert not server.ready_file.exists()


def test_waiting_clients_of_one_worker_see_calls_to_the_other(store: str, tmp_path: Path) -> None:
    with (
        serving_command(tmp_path, "--store", store, *OPTIONS) as server,
        client_of_worker(server, 0) as here,
        client_of_worker(server, 1) as there,
        client_of_worker(server, 0) as waiting,
        ThreadPoolExecutor() as threads,
    ):
        there.get(WASHER).raise_for_status()
        wait = {"match": {"sandbox": "shop", "method": "PATCH"}, "seconds": TIMEOUT}
        found = threads.submit(waiting.post, "/_mock/requests/wait", json=wait)
        with here.stream("GET", "/_mock/events?sandbox=shop") as stream:
            lines = stream.iter_lines()
            assert any(line == "event: hello" for line in lines)
            until(lambda: counts_listeners(server) == 2)
            there.patch(WASHER, json={"stock": 3}).raise_for_status()
            assert any('"PATCH"' in line for line in lines)
        assert found.result(TIMEOUT).json()["requests"][0]["request"]["method"] == "PATCH"


def counts_listeners(server: ServerProcess) -> float:
    text = httpx.get(f"{server.url}/_mock/metrics", verify=NO_CERTIFICATES, timeout=TIMEOUT).text
    return float(re.search(r"^mockserver_listeners (\S+)$", text, re.MULTILINE)[1])


def test_new_connections_reach_both_workers(file: str, tmp_path: Path) -> None:
    with serving_command(tmp_path, "--store", file, *OPTIONS) as server:
        for _ in range(MAX_CONNECTIONS):
            with client(server) as http:
                http.get("/_mock/health").raise_for_status()
            if all(counts(server, "mockserver_worker_requests_total").values()):
                break
        assert all(counts(server, "mockserver_worker_requests_total").values())


class Load:
    """Clients that add 1 to a stock again and again. Each connects anew now and then.

    `answered` are the stocks that the answers tell of; `unknown` counts the calls without an answer.
    """

    def __init__(self, url: str, clients: int = 4, calls: int = 100) -> None:
        self._url, self._clients, self._calls = url, clients, calls
        self.answered: list[int] = []
        self.unknown = 0
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send the calls while the block runs, and until they are over."""
        with ThreadPoolExecutor() as threads:
            running = [threads.submit(self._run) for _ in range(self._clients)]
            yield
        for client in running:
            client.result()

    def _run(self) -> None:
        calls = 0
        while calls < self._calls:
            with httpx.Client(base_url=self._url, auth=SHOP, verify=NO_CERTIFICATES, timeout=TIMEOUT) as http:
                for _ in range(10):
                    calls += 1
                    self._call(http)

    def _call(self, http: httpx.Client) -> None:
        try:
            answer = http.patch(WASHER, json={"stock": {"adjust_by": 1}})
        except httpx.TransportError:
            with self._lock:
                self.unknown += 1
            return
        assert answer.status_code == 200, answer.text
        with self._lock:
            self.answered.append(answer.json()["stock"])


def test_killed_worker_is_replaced_and_nothing_answered_is_lost(store: str, tmp_path: Path) -> None:
    with serving_command(tmp_path, "--store", store, "--log-level", "warning", *OPTIONS) as server:
        first = set(children_of(server.pid))
        load = Load(server.url)
        with load.running():
            for number, pid in enumerate(first, 1):
                until(lambda number=number: len(load.answered) > 50 * number)
                os.kill(pid, signal.SIGKILL)
                until(
                    lambda pid=pid: pid not in children_of(server.pid) and len(children_of(server.pid)) == 2
                )
        assert not first & set(children_of(server.pid))
        assert len(load.answered) == len(set(load.answered))  # each call has added 1 to what others had made
        with client(server) as http:
            stock = http.get(WASHER).json()["stock"]
            query = {"sandbox": "shop", "count": "true", "limit": 1}
            journal = http.get("/_mock/requests", params=query).json()
        made = stock - 10  # that is what it was
        assert len(load.answered) <= made <= len(load.answered) + load.unknown
        assert set(load.answered) <= set(range(11, stock + 1))
        assert journal["kept"] == made + 1
        server.process.terminate()
        code, errors = server.wait()
    assert code == 0
    for pid in first:
        assert f"a worker has ended, another one begins: process {pid} was ended by signal 9" in errors


def test_link_of_the_banner_logs_in_once_and_at_all_workers(file: str, tmp_path: Path) -> None:
    with (
        serving_command(tmp_path, "--store", file, "--admin-token", "operators-token", *OPTIONS) as server,
        client_of_worker(server, 0) as here,
        client_of_worker(server, 1) as there,
    ):
        code = re.search(r"login\?once=(\S+)", server.banner)[1]
        logins = [
            http.post("/_mock/ui/login", data={"once": code}, headers={"Origin": server.url}, auth=None)
            for http in (here, there)
        ]
        assert [login.status_code for login in logins] == [303, 410]
        there.cookies = here.cookies
        assert there.get("/_mock/ui/", auth=None).status_code == 200


def test_counts_of_a_killed_worker_remain(file: str, tmp_path: Path) -> None:
    operation = 'operation="get-inventory",status="200",vendor="merchantpro"'
    with serving_command(tmp_path, "--store", file, *OPTIONS) as server:
        for place in (0, 1):
            with client_of_worker(server, place) as http:
                assert [http.get(WASHER).status_code for _ in range(3)] == [200] * 3
        assert counts(server, "mockserver_requests_total")[operation] == 6
        killed = children_of(server.pid)[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in children_of(server.pid) and len(children_of(server.pid)) == 2)
        assert counts(server, "mockserver_requests_total")[operation] == 6
        with client(server) as http:
            http.get(WASHER).raise_for_status()
        assert counts(server, "mockserver_requests_total")[operation] == 7


def test_all_workers_say_how_many_sandboxes_were_found(file: str, tmp_path: Path) -> None:
    with serving_command(tmp_path, "--store", file, *OPTIONS) as server:
        assert "(0 sandboxes found)" in server.banner
        with client(server) as http:
            http.get(WASHER).raise_for_status()
        killed = children_of(server.pid)[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in children_of(server.pid) and len(children_of(server.pid)) == 2)
        for place in (0, 1):
            with client_of_worker(server, place) as http:
                assert http.get("/_mock/ready").json()["found"] == 0


@pytest.mark.parametrize(
    ("kill", "number"), [(os.kill, signal.SIGTERM), (os.killpg, signal.SIGINT)], ids=["kill", "Ctrl-C"]
)
def test_stopping_workers_finish_open_requests(
    file: str, tmp_path: Path, kill: Callable[[int, int], None], number: int
) -> None:
    with (
        serving_command(tmp_path, "--store", file, *OPTIONS) as server,
        client_of_worker(server, 0) as here,
        client_of_worker(server, 1) as there,
    ):
        workers, body = children_of(server.pid), here.get(WASHER).text
        here.put("/_mock/sandboxes/shop/faults", json=[{"fault": SLOW}]).raise_for_status()
        with here.stream("GET", WASHER) as one, there.stream("GET", WASHER) as other:
            kill(server.pid, number)  # Ctrl-C tells all processes of the terminal
            assert [one.read().decode(), other.read().decode()] == [body, body]
        code, errors = server.wait()
    assert (code, errors.splitlines()[-1]) == (0, "stopped")
    assert errors.count("calls in progress: 1") == 2
    assert all(map(has_ended, workers))


def test_second_signal_stops_the_workers_at_once(file: str, tmp_path: Path) -> None:
    with serving_command(tmp_path, "--store", file, *OPTIONS) as server, client(server) as http:
        workers = children_of(server.pid)
        put_fault(http, ENDLESS, "shop")
        with http.stream("GET", WASHER) as response:
            os.killpg(server.pid, signal.SIGINT)
            while "in progress" not in (line := server.process.stderr.readline()):
                assert line, "the server did not begin to stop"
            os.killpg(server.pid, signal.SIGINT)
            with pytest.raises(httpx.RemoteProtocolError):
                response.read()
        assert server.wait()[0] == 128 + signal.SIGINT
    assert all(map(has_ended, workers))
    assert not server.ready_file.exists()


def test_workers_end_when_their_parent_is_killed(file: str, tmp_path: Path) -> None:
    with serving_command(tmp_path, "--store", file, *OPTIONS) as server:
        workers = children_of(server.pid)
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: all(map(has_ended, workers)))


@pytest.mark.parametrize("tls", [(), ("--tls",)], ids=["http", "https"])
def test_workers_run_in_the_background(file: str, tmp_path: Path, tls: tuple[str, ...]) -> None:
    data = {"MOCKSERVER_DATA_DIR": str(tmp_path / "data")}
    begun = run("serve", "--port", "0", "--wait", "--store", file, *tls, *OPTIONS, **data)
    url, pid = begun.stdout.split()
    assert begun.stderr == ""
    workers = children_of(int(pid))
    assert len(workers) == 2
    assert run("status", **data).stdout == f"{url}  pid {pid}  ready\n"
    with client_of(url, tmp_path) as http:
        assert http.get("/_mock/ready").json()["workers"] == 2
    assert run("stop", **data).stdout == f"{url} has ended\n"
    assert all(map(has_ended, [int(pid), *workers]))


@needs_pid_namespace
def test_process_1_replaces_workers_and_leaves_no_zombies(file: str, tmp_path: Path) -> None:
    shell = (*NEW_PID_NAMESPACE, "sh", "-c", '(sleep 3 & sleep 4) & exec "$@"', "sh")
    with serving_command(tmp_path, "--store", file, *OPTIONS, prefix=shell) as server:
        assert server.pid == 1
        (first,) = children_of(server.process.pid)
        until(lambda: len(children_of(first)) == 2)  # the others end by themselves
        killed = children_of(first)[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in children_of(first) and len(children_of(first)) == 2)
        with client(server) as http:
            assert http.get(WASHER).status_code == 200
        os.kill(first, signal.SIGTERM)
        assert server.wait()[0] == 0


def test_each_line_of_the_log_is_whole(file: str, tmp_path: Path) -> None:
    long = WASHER + "?" + "x" * 20_000
    options = ("--store", file, "--log-format", "json", *OPTIONS)
    lines: list[dict[str, Any]] = []
    with serving_command(tmp_path, *options) as server:
        reader = threading.Thread(target=lambda: lines.extend(map(json.loads, server.process.stderr)))
        reader.start()
        with (
            client_of_worker(server, 0) as here,
            client_of_worker(server, 1) as there,
            ThreadPoolExecutor() as threads,
        ):
            for http in (here, there):
                threads.submit(lambda http=http: [http.get(long) for _ in range(100)])
        os.kill(server.pid, signal.SIGTERM)
        reader.join(TIMEOUT)
        assert server.process.wait(TIMEOUT) == 0
    assert len([line for line in lines if "xxx" in str(line.get("path", line))]) == 200
    assert lines[-1]["message"] == "stopped"
