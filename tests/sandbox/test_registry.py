"""The sandboxes of a server: their names, number, options and memory."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

import mockserver
from mockserver import app
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.registry import MAX_DERIVED_CATALOGS, Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import SandboxRefused
from mockserver.server.http.asgi import lifespan
from mockserver.server.server import serving
from mockserver.vendor_api.credential import Credential
from tests.bench import sandboxes

SABI = {"Authorization": "Bearer demo", "tenantId": "a", "userId": "b", "countryCode": "c"}


def use(sandboxes: Sandboxes, *names: str, write: bool = False) -> None:
    """Use sandboxes as calls to vendors do; at least a microsecond passes between two of them."""
    for name in names:
        sandbox = sandboxes.get_or_create(name)
        before = sandbox.used
        while sandbox.begin_call()[1] <= before:
            pass
        if write:
            sandbox.set_faults(lambda faults: Faults.of([Rule()]))


def names_in(sandboxes: Sandboxes) -> list[str]:
    return [sandbox.name for sandbox in sandboxes if sandbox.name != "demo"]


@pytest.mark.finding("A4")
@pytest.mark.parametrize(
    ("used", "written", "made", "then", "left"),
    [
        ("abc", "", "", "d", "bcd"),
        ("abca", "", "", "d", "acd"),
        ("abcab", "", "", "de", "bde"),
        ("abc", "ab", "", "d", "abd"),
        ("ab", "abc", "", "d", "bcd"),
        ("a", "", "bc", "d", "bcd"),
        ("", "a", "bc", "d", "bcd"),
    ],
    ids=[
        "the first",
        "a call keeps its sandbox",
        "two",
        "an unchanged one goes first",
        "all are changed",
        "none made by control",
        "a changed one before one made by control",
    ],
)
def test_longest_unused_implicit_sandbox_makes_room(
    used: str, written: str, made: str, then: str, left: str
) -> None:
    sandboxes = Sandboxes(1, 10, max_sandboxes=3)
    for name in made:
        sandboxes.create(name)
    use(sandboxes, *used)
    use(sandboxes, *written, write=True)
    use(sandboxes, *then)
    assert names_in(sandboxes) == [*left]
    assert sandboxes.removed == {"expired": 0, "evicted": len(then)}


@pytest.mark.finding("A4")
def test_invented_names_shut_nobody_out() -> None:
    mock = app.build(names=["sabi"])
    sandboxes = Sandboxes(seed=1, products=10, max_sandboxes=2)
    with serving(app.reuse(mock, sandboxes).application) as url, httpx.Client(base_url=url) as client:
        assert client.post("/_mock/sandboxes", json={"name": "made"}).status_code == 201
        for number in range(10):
            credential = {"Authorization": f"Bearer sbx_invented-{number}"}
            assert client.get("/api/v1/products", headers=SABI | credential).status_code == 200
        names = [sandbox["name"] for sandbox in client.get("/_mock/sandboxes").json()["sandboxes"]]
        assert names == ["demo", "invented-9", "made"]
        assert 'mockserver_sandboxes_removed_total{reason="evicted"} 9.0' in client.get("/_mock/metrics").text
        assert client.post("/_mock/sandboxes", json={"name": "second"}).status_code == 201
        refusal = client.get("/api/v1/products", headers=SABI | {"Authorization": "Bearer sbx_newcomer"})
    assert (refusal.status_code, refusal.headers["x-mock-error"]) == (503, "too_many_sandboxes")
    assert "all made by the control API" in refusal.json()["message"]


@pytest.mark.parametrize("written", [False, True])
def test_source_of_a_fork_does_not_make_room_for_it(written: bool) -> None:
    sandboxes = Sandboxes(42, 1, max_sandboxes=2)
    use(sandboxes, "source", write=written)
    use(sandboxes, "other", write=written)
    sandboxes.fork("source", "fork")
    assert names_in(sandboxes) == ["fork", "source"]
    with pytest.raises(SandboxRefused):
        sandboxes.fork("source", "second fork")
    assert names_in(sandboxes) == ["fork", "source"]


@pytest.mark.finding("A4")
def test_eviction_is_logged_once_in_a_burst(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "mockserver"):
        use(Sandboxes(1, 10, max_sandboxes=1), *"abcdefg")
    assert caplog.text.count("--max-sandboxes") == 1


@pytest.mark.finding("A14")
def test_sandbox_lives_by_real_time_whatever_its_clock_shows() -> None:
    sandboxes = Sandboxes(1, 10)
    sandbox = sandboxes.create("short", ttl=timedelta(seconds=60))
    sandbox.set_clock(lambda clock: clock.freeze(datetime(2001, 1, 1, tzinfo=UTC)))
    sandbox.set_clock(lambda clock: clock.advance(timedelta(days=1)))
    sandbox.begin_call()
    assert sandboxes.find("short")
    let_time_pass(sandbox, 61)
    assert sandboxes.find("short") is None


def let_time_pass(sandbox: Sandbox, seconds: float) -> None:
    """Move a sandbox's last use into the past."""
    sandbox.used -= timedelta(seconds=seconds)


@pytest.mark.finding("A14")
@pytest.mark.parametrize("way", ["another is made", "once a minute"])
def test_expired_sandboxes_are_removed_by_themselves(way: str) -> None:
    sandboxes = Sandboxes(1, 10, ttl=timedelta(seconds=60))
    use(sandboxes, "unused", "used")
    gone = [sandboxes.create("made", ttl=timedelta(seconds=5)), sandboxes.get("unused")]
    for sandbox in gone:
        let_time_pass(sandbox, 61)
    memory = [weakref.ref(sandbox) for sandbox in gone]
    del gone, sandbox
    if way == "another is made":
        use(sandboxes, "another")
    else:
        asyncio.run(live_until(lambda: sandboxes.removed["expired"] == 2, sandboxes.remove_expired))
    gc.collect()
    assert [reference() for reference in memory] == [None, None]
    assert sandboxes.removed == {"expired": 2, "evicted": 0}


async def live_until(condition: Callable[[], bool], work: Callable[[], None]) -> None:
    """Run the lifespan of a server until a condition is true."""
    sent: asyncio.Queue[Any] = asyncio.Queue()

    async def shutdown() -> dict[str, str]:
        while not condition():
            await asyncio.sleep(0)
        return {"type": "lifespan.shutdown"}

    messages = iter([asyncio.sleep(0, {"type": "lifespan.startup"}), shutdown()])
    await lifespan(lambda: next(messages), sent.put, work, nullcontext(), seconds=0)
    assert [sent.get_nowait()["type"] for _ in range(2)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_deleted_sandboxes_leave_nothing_behind() -> None:
    sandboxes = Sandboxes(1, 10)
    for _ in range(1000):
        sandboxes.create("passing")
        sandboxes.delete("passing")
    assert len(sandboxes._explicit._heap) <= 64


@pytest.mark.finding("A17")
def test_any_number_of_seeds_can_be_in_use() -> None:
    sandboxes = Sandboxes(1, 10)
    made = [sandboxes.create(f"seed-{seed}", seed) for seed in range(2, 110)]
    first = [product_name(sandbox) for sandbox in made]
    derived = [sandbox.name for sandbox in made if sandbox.catalog.derived]
    assert derived == [sandbox.name for sandbox in made[-MAX_DERIVED_CATALOGS:]], "memory is bounded"
    assert [product_name(sandbox) for sandbox in made] == first, "what was forgotten is derived again"


def product_name(sandbox: Sandbox) -> str:
    sandbox.begin_call()
    return sandbox.catalog.product(3).name


@pytest.mark.parametrize(
    "start",
    [app.build, partial(mockserver.flask_app, "sabi"), mockserver.intercept],
    ids=["build", "flask_app", "intercept"],
)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"products": 0}, ValueError, "products must be from 1 to 10,000,000, not 0"),
        ({"products": -1}, ValueError, "products must be from 1 to 10,000,000, not -1"),
        (
            {"products": 10_000_001},
            ValueError,
            "products must be from 1 to 10,000,000, not 10000001",
        ),
        ({"products": "x"}, TypeError, "products must be a whole number, not 'x'"),
        ({"products": 1.5}, TypeError, "products must be a whole number, not 1.5"),
        ({"seed": -5}, ValueError, "seed must be 0 or more, not -5"),
        ({"seed": "x"}, TypeError, "seed must be a whole number, not 'x'"),
        ({"seed": None}, TypeError, "seed must be a whole number, not None"),
    ],
    ids=str,
)
def test_invalid_seed_or_products_raises_at_once(
    start: Callable[..., object], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        start(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["", "a b", "../x", "ä", "x" * 65])
def test_bad_sandbox_name_is_refused_by_the_mock(base_url: str, name: str) -> None:
    headers = {**SABI, "X-Mock-Sandbox": name.encode()}
    response = httpx.get(f"{base_url}/api/v1/products", headers=headers)
    expected = (200, None) if name == "" else (400, "bad_sandbox_name")
    assert (response.status_code, response.headers.get("x-mock-error")) == expected


def test_memory_of_a_sandbox_does_not_grow_with_the_catalog() -> None:
    assert sandboxes.measure_in_process(products=1_000_000)["bytes"] < 16 * 1024


@pytest.mark.finding("A5")
@pytest.mark.parametrize("how", ["delete", "expire", "evict"])
def test_journal_of_a_sandbox_ends_with_it(how: str) -> None:
    mock = app.build(names=["sabi"], products=1, max_sandboxes=1)
    sandboxes = mock.sandboxes
    with serving(mock.application) as url:
        headers = SABI | {"Authorization": "Bearer sbx_ended"}
        assert httpx.get(f"{url}/api/v1/products", headers=headers).status_code == 200
    ended = sandboxes.get("ended")
    assert sandboxes.journals.bytes == ended.journal.bytes > 0
    if how == "delete":
        sandboxes.delete("ended")
    elif how == "expire":
        ended.used -= ended.ttl
        sandboxes.remove_expired()
    else:
        sandboxes.get_or_create("another")
    assert (sandboxes.journals.bytes, ended.journal.entries()) == (0, ())
    assert ended.journal not in sandboxes.every_journal()


def test_sandbox_that_is_put_after_its_predecessor_has_ended_keeps_a_journal() -> None:
    sandboxes = Sandboxes(42, 1)
    sandboxes.create("a")
    prepared = sandboxes.prepare("a", 42, 1)
    sandboxes.delete("a")
    journal = sandboxes.put(prepared).journal
    journal.add(KeptEntry(sandbox="a", weight=1))
    assert len(journal) == 1


@pytest.mark.finding("A5")
def test_journals_of_all_sandboxes_share_their_memory() -> None:
    mock = app.build(names=["sabi"], products=100, journal_memory=1_000_000)
    with serving(mock.application) as url, httpx.Client(base_url=url) as http:
        for n in range(250):
            headers = SABI | {"Authorization": f"Bearer sbx_{n % 10}"}
            assert http.get("/api/v1/products", headers=headers).status_code == 200
        listed = http.get("/_mock/requests", params={"limit": 1000}).json()
    journals = [journal for journal in mock.sandboxes.every_journal() if journal.serial]
    assert 900_000 < mock.sandboxes.journals.bytes <= 1_000_000
    assert listed["dropped"] == 250 - len(listed["requests"]) == sum(one.dropped for one in journals)
    assert {call["id"] for call in listed["requests"]} == {
        f"{n % 10}.{n // 10 + 1}" for n in range(listed["dropped"], 250)
    }, "the oldest calls go first"


def test_credential_that_a_sandbox_has_no_longer_opens_nothing() -> None:
    """A credential may be taken back: where several servers share sandboxes, another one was faster."""
    sandboxes = Sandboxes(1, 10)
    sandbox = sandboxes.create("box")
    sandboxes.secrets.issue_credential(sandbox)
    first = sandbox.credential
    sandbox.issued = Credential("sbx_another", opens="box")
    sandboxes.secrets.know(sandbox)
    assert sandboxes.secrets.sandbox_with_credential(first) is None
    assert sandboxes.secrets.sandbox_with_credential("sbx_another") is sandbox
