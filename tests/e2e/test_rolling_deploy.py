"""Two servers behind nginx, with the configuration of docs/store.md, are replaced while clients call them."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.conftest import NO_CERTIFICATES, needs
from tests.e2e.test_demo_proxies import nginx_with, port_for_a_proxy, replaced, running, shown
from tests.sandbox.log.redis_server import redis_server, until
from tests.server_process import TIMEOUT, ServerProcess, serving_command

pytestmark = needs("nginx")
WASHER, SHOP, STOCK = "/merchantpro/api/v2/inventory/id/10001", ("sbx_shop", "x"), 10
CALLS_OF_A_CONNECTION = 20


class Clients:
    """Clients that read a stock, and add 1 to it, again and again until they are told to stop.

    Each uses a connection for a while, and then a new one. A call that fails ends its client with an error.
    """

    def __init__(self, url: str) -> None:
        self._url, self._enough = url, threading.Event()
        self.reads, self.stocks = 0, list[int]()
        self._lock = threading.Lock()

    def stop(self) -> None:
        self._enough.set()

    def run(self) -> None:
        while not self._enough.is_set():
            with httpx.Client(base_url=self._url, auth=SHOP, verify=NO_CERTIFICATES, timeout=TIMEOUT) as http:
                for _ in range(CALLS_OF_A_CONNECTION):
                    read = http.get(WASHER)
                    assert read.status_code == 200, read.text
                    written = http.patch(WASHER, json={"stock": {"adjust_by": 1}})
                    assert written.status_code == 200, written.text
                    with self._lock:
                        self.reads += 1
                        self.stocks.append(written.json()["stock"])


@pytest.mark.parametrize(
    ("redis", "workers"),
    [(False, "1"), pytest.param(True, "2", marks=needs("redis-server"))],
    ids=["SQLite", "Redis, two workers each"],
)
def test_no_call_fails_and_nothing_is_lost_while_servers_are_replaced(
    redis: bool, workers: str, tmp_path: Path
) -> None:
    port, ports = port_for_a_proxy(), [port_for_a_proxy() for _ in range(2)]
    configuration = replaced(
        shown("nginx", "store.md"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        *((f"10.0.0.{number}:8080", f"127.0.0.1:{own}") for number, own in enumerate(ports, 1)),
    )
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(tmp_path)).url if redis else f"sqlite:///{tmp_path}/mock.db"
        options = ("--store", store, "--workers", workers, "--products", "50", "--log-level", "warning")

        def begin(number: int, own: int) -> ServerProcess:
            (folder := tmp_path / f"server{number}").mkdir()
            return stack.enter_context(serving_command(folder, *options, "--port", str(own)))

        servers = [begin(number, own) for number, own in enumerate(ports)]
        stack.enter_context(running(nginx_with(tmp_path, configuration), tmp_path / "nginx.log", port))
        clients = Clients(f"http://127.0.0.1:{port}")
        with ThreadPoolExecutor() as threads:
            calling = [threads.submit(clients.run) for _ in range(4)]
            try:
                for number, server in enumerate(servers):
                    enough = len(clients.stocks) + 100
                    until(
                        lambda enough=enough: (
                            len(clients.stocks) > enough or any(one.done() for one in calling)
                        )
                    )
                    os.kill(server.pid, signal.SIGTERM)
                    assert server.wait()[0] == 0
                    servers[number] = begin(number + 2, ports[number])
            finally:
                clients.stop()
        for one in calling:
            one.result()
        made = len(clients.stocks)
        assert sorted(clients.stocks) == [*range(STOCK + 1, STOCK + made + 1)]
        for server in servers:
            with httpx.Client(base_url=server.url, auth=SHOP, verify=NO_CERTIFICATES) as http:
                latest = http.get("/_mock/requests", params={"sandbox": "shop", "limit": 1}).json()[
                    "requests"
                ]
            assert latest[0]["id"] == f"shop.{made + clients.reads}"
