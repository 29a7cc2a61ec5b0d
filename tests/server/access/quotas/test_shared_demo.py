"""A public demo of two servers over one store: visitors and quotas are those of one server."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.cli.serve.demo_options import DemoSettings
from mockserver.sandbox.log.log import StoreRefused
from mockserver.sandbox.log.stores import open_log
from mockserver.server.access.quotas.demo_quotas import DemoQuotas, about_quotas
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, needs
from tests.sandbox.log.redis_server import redis_server
from tests.server.access.quotas.demo_server import LOOPBACK, TOKEN, WASHER, Demo, Visitor, refusal

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Pair:
    """Two servers of one demo."""

    one: Demo
    other: Demo

    def __iter__(self) -> Iterator[Demo]:
        return iter((self.one, self.other))

    def at_other(self, visitor: Visitor) -> Visitor:
        """Return a visitor who goes on at the other server."""
        return Visitor(self.other.url, self.other.http, visitor.address, visitor.made)


def build(url: str, quotas: DemoQuotas) -> app.Mock:
    return app.build(
        products=10, names=["merchantpro", "sabi"], admin_token=TOKEN, demo=quotas,
        trusted_proxies=LOOPBACK, log=open_log(url),
    )  # fmt: skip


@contextmanager
def running_pair(folder: Path, *, url: str = "", **quotas: Any) -> Iterator[Pair]:
    """Serve a demo of two servers over a store while the block runs: in a folder, or at a URL."""
    with ExitStack() as stack:
        http = stack.enter_context(httpx.Client(timeout=60, verify=NO_CERTIFICATES))
        demos = []
        for _ in range(2):
            mock = build(url or f"sqlite:///{folder / 'store.db'}", DemoQuotas(**quotas))
            demos.append(Demo(stack.enter_context(serving(mock.application)), mock, http))
        yield Pair(*demos)


def test_sandbox_of_a_visitor_is_found_at_both_servers_and_after_a_restart(tmp_path: Path) -> None:
    with running_pair(tmp_path) as pair:
        visitor = pair.one.visitor("192.0.2.1")
        assert pair.at_other(visitor).call("PATCH", json={"stock": 3}).status_code == 200
        assert visitor.call().json()["stock"] == 3
    with running_pair(tmp_path) as pair:
        for demo in pair:
            again = Visitor(demo.url, demo.http, visitor.address, visitor.made)
            assert again.call().json()["stock"] == 3
            assert again.own("GET", "").json()["calls"] > 0
            assert demo.operator("GET", "/demo").json()["sandboxes"] == 1
        pair.one.create("192.0.2.1")
        pair.other.create("192.0.2.1")
        assert refusal(pair.one.create("192.0.2.1"))[:2] == (429, "sandboxes_per_address")


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({"sandboxes_per_address": 3}, (429, "sandboxes_per_address")),
        ({"sandboxes_per_address": 9, "creations_per_hour": 3}, (429, "creations_per_hour")),
    ],
    ids=["at a time", "an hour"],
)
def test_sandboxes_of_an_address_are_counted_together(
    tmp_path: Path, quotas: dict[str, int], expected: tuple[int, str]
) -> None:
    with running_pair(tmp_path, **quotas) as pair:
        for demo in (pair.one, pair.other, pair.one):
            assert demo.create("2001:db8::1").status_code == 201
        for demo in pair:
            status, quota, header, wait = refusal(demo.create("2001:db8::2"))
            assert (status, quota) == expected
            assert 3000 < wait <= 7200 and header == str(wait)
        assert pair.other.create("192.0.2.1").status_code == 201


def test_visitor_who_goes_on_with_another_address_at_another_server_keeps_the_quota(tmp_path: Path) -> None:
    with running_pair(tmp_path, sandboxes_per_address=2) as pair:
        visitor = pair.one.visitor("192.0.2.1")
        for number, status in ((2, 201), (3, 429)):
            moved = Visitor(pair.other.url, pair.other.http, f"192.0.2.{number}", visitor.made)
            assert moved.control("POST", "/demo/sandboxes").status_code == status


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("redis", marks=needs("redis-server"))])
def test_quotas_of_creations_are_exact_if_both_servers_are_asked_at_once(tmp_path: Path, kind: str) -> None:
    quotas = {"creations_per_minute": 5, "sandboxes_per_address": 1}
    redis = redis_server(tmp_path) if kind == "redis" else nullcontext()
    with redis as server, running_pair(tmp_path, url=server.url if server else "", **quotas) as pair:
        start = Barrier(8)

        def create(number: int) -> httpx.Response:
            start.wait()
            return [*pair][number % 2].create(f"192.0.2.{number // 2}")

        with ThreadPoolExecutor(8) as threads:
            answers = [*threads.map(create, range(8))]
        made = [answer.json() for answer in answers if answer.status_code == 201]
        assert {refusal(one)[1] for one in answers if one.status_code != 201} == {"sandboxes_per_address"}
        assert len(made) == 4, "one for each address"
        assert pair.one.create("192.0.2.100").status_code == 201
        assert refusal(pair.other.create("192.0.2.101"))[:2] == (429, "creations_per_minute")
        for demo in pair:
            for one in made:
                assert demo.http.get(demo.url + WASHER, auth=(one["credential"], "")).status_code == 200


def test_idle_sandbox_makes_room_whichever_server_made_it(tmp_path: Path) -> None:
    with running_pair(tmp_path, sandboxes=2, evict_after=timedelta(microseconds=1)) as pair:
        first, second = pair.one.visitor(), pair.other.visitor()
        third = pair.other.visitor()
        for visitor, status in ((first, 401), (second, 200), (third, 200)):
            assert [at.call().status_code for at in (visitor, pair.at_other(visitor))] == [status] * 2
        assert [demo.operator("GET", "/demo").json()["sandboxes"] for demo in pair] == [2, 2]


def test_sandbox_in_use_that_ends_first_keeps_no_idle_one(tmp_path: Path) -> None:
    """An idle sandbox makes room, although the log lists one before it that is in use, and ends soon."""
    with running_pair(tmp_path, sandboxes=2, life=HOUR) as pair:
        in_use, idle = pair.one.visitor(), pair.one.visitor()
        pair.one.mock.sandboxes.get(idle.name).used -= 40 * MINUTE
        assert pair.one.create("192.0.2.9").status_code == 201
        assert [visitor.call().status_code for visitor in (in_use, idle)] == [200, 401]


def test_nothing_makes_room_while_all_are_used(tmp_path: Path) -> None:
    with running_pair(tmp_path, sandboxes=2) as pair:
        visitors = pair.one.visitor(), pair.other.visitor()
        for demo in pair:
            status, quota, _, wait = refusal(demo.create("192.0.2.9"))
            assert (status, quota) == (503, "sandboxes") and 1700 < wait <= 1800
        assert pair.at_other(visitors[0]).own("DELETE", "").status_code == 204
        for demo, status in ((pair.one, 201), (pair.other, 503)):
            assert demo.create("192.0.2.9").status_code == status


def test_calls_of_a_day_are_counted_together(tmp_path: Path) -> None:
    with running_pair(tmp_path, calls_per_day=6) as pair:
        visitor = pair.one.visitor()
        here, there = visitor, pair.at_other(visitor)
        assert [at.call().status_code for at in (here, there, there, here, here, there)] == [200] * 6
        assert visitor.own("POST", "/reset").status_code == 200, "it resets the number of calls"
        for at in (here, there):
            status, quota, _, wait = refusal(at.call())
            assert (status, quota) == (429, "calls_per_day") and 86_000 < wait <= 86_400
    with running_pair(tmp_path, calls_per_day=6) as pair:
        for demo in pair:
            again = Visitor(demo.url, demo.http, visitor.address, visitor.made)
            assert refusal(again.call())[:2] == (429, "calls_per_day")


def test_sandbox_that_took_on_a_file_still_makes_room(tmp_path: Path) -> None:
    with running_pair(tmp_path, sandboxes=1, evict_after=timedelta(microseconds=1)) as pair:
        visitor = pair.one.visitor()
        document = visitor.own("GET", "/export").json()
        assert pair.at_other(visitor).own("PUT", "/import", json=document).status_code == 200
        assert pair.one.create("192.0.2.9").status_code == 201


def test_operator_pauses_and_wipes_at_any_server(tmp_path: Path) -> None:
    with running_pair(tmp_path) as pair:
        visitors = pair.one.visitor(), pair.other.visitor()
        assert pair.one.operator("PATCH", "/demo", json={"paused": True}).json()["paused"]
        assert pair.other.operator("GET", "/demo").json()["paused"]
        assert [refusal(demo.create("192.0.2.9"))[:2] for demo in pair] == [(503, "paused")] * 2
    with running_pair(tmp_path) as pair:
        assert [refusal(demo.create("192.0.2.9"))[:2] for demo in pair] == [(503, "paused")] * 2
        pair.other.operator("PATCH", "/demo", json={"paused": False})
        assert pair.one.create("192.0.2.9").status_code == 201
        assert pair.other.operator("DELETE", "/demo/sandboxes").json() == {"deleted": 3}
        for demo in pair:
            for visitor in visitors:
                again = Visitor(demo.url, demo.http, visitor.address, visitor.made)
                assert again.call().status_code == 401
            assert demo.operator("GET", "/demo").json()["sandboxes"] == 0


def test_server_that_begins_paused_pauses_the_demo_of_all(tmp_path: Path) -> None:
    with running_pair(tmp_path) as pair:
        assert pair.one.create("192.0.2.9").status_code == 201
        url = f"sqlite:///{tmp_path / 'store.db'}"
        third = build(url, DemoQuotas())
        DemoSettings(DemoQuotas(), paused=True).begin(third)
        with serving(third.application):
            assert [refusal(demo.create("192.0.2.9"))[:2] for demo in pair] == [(503, "paused")] * 2


def test_no_address_and_no_secret_is_in_the_store(tmp_path: Path) -> None:
    with running_pair(tmp_path) as pair:
        visitor = pair.one.visitor("203.0.113.77")
        pair.at_other(visitor).call()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert visitor.name.encode() in stored, "the store is read"
    for text in ("203.0.113.77", visitor.made["control_token"], TOKEN):
        assert text.encode() not in stored


def test_server_without_a_demo_does_not_join_one(tmp_path: Path) -> None:
    with running_pair(tmp_path):
        pass
    log = open_log(f"sqlite:///{tmp_path / 'store.db'}")
    copies = app.build(products=10, names=["merchantpro", "sabi"], log=log).copies
    assert copies is not None
    with asyncio.Runner() as runner:
        with pytest.raises(StoreRefused, match="demo on there and off here"):
            runner.run(copies.join())
        runner.run(log.close())


def test_each_server_counts_what_protects_a_process(tmp_path: Path) -> None:
    quotas = {"calls_per_second": 1, "burst": 2, "exports_per_minute": 1}
    with running_pair(tmp_path, **quotas) as pair:
        visitor = pair.one.visitor()
        for at in (visitor, pair.at_other(visitor)):
            assert [at.call().status_code for _ in range(3)] == [200, 200, 429]
            assert [at.own("GET", "/export").status_code for _ in range(2)] == [200, 429]
    each = {name for name, about in about_quotas().items() if about.each}
    assert {"calls_per_second", "burst", "exports_per_minute", "streams", "all_streams"} <= each
    assert not each & {"sandboxes", "creations_per_minute", "creations_per_hour", "calls_per_day"}
