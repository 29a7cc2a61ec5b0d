"""A sandbox that was restored from its parts answers with the same bytes as the original."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mockserver import app
from mockserver.contract.fixture_exchanges import FixtureExchange, fixture_exchanges
from mockserver.contract.vendor_files import VendorFiles
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.sandbox.faults.stale_reads import StaleReads
from mockserver.sandbox.faults.status import StatusFault
from mockserver.sandbox.log.contents import restore
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.pipeline.local_call import respond
from mockserver.vendor_api.rate_limits import Limits
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.sandbox.parts.followed import Followed
from tests.sandbox.parts.steps import NOON

READ_ONLY = {"narvar"}  # the vendors whose calls change no records
BOX, PRODUCTS = "box", 50
FILES = VendorFiles()
RULES = [
    Rule(fault=StatusFault(503), every=7, times=20),
    Rule(fault=StatusFault(500), probability=0.2),
    Rule(fault=StaleReads(reads=2), every=2),
]


@pytest.fixture(scope="module")
def mocks() -> tuple[app.Mock, app.Mock]:
    return app.build(products=PRODUCTS), app.build(products=PRODUCTS)


@pytest.fixture
def sandboxes(mocks: tuple[app.Mock, app.Mock]) -> Iterator[tuple[Sandbox, Sandbox]]:
    """Yield a new sandbox of one name at two servers."""
    yield tuple(mock.sandboxes.create(BOX) for mock in mocks)  # type: ignore[misc]
    for mock in mocks:
        mock.sandboxes.delete(BOX)


def requests(vendor: str) -> list[RawRequest]:
    """Return the documented requests of a vendor, valid or not."""
    return [raw(exchange) for exchange in fixture_exchanges(FILES.fixture_file(vendor)).values()]


def raw(exchange: FixtureExchange) -> RawRequest:
    path, _, query = exchange.target.partition("?")
    lines = {**exchange.headers, "X-Mock-Sandbox": BOX, "Host": "127.0.0.1"}
    headers = Headers([(name.lower().encode(), value.encode("latin-1")) for name, value in lines.items()])
    return RawRequest(exchange.method, path, query, headers, (exchange.body or "").encode())


def answer(mock: app.Mock, request: RawRequest) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """Return a response, ten seconds after the one before, or None if the call was none to the sandbox."""
    sandbox = mock.sandboxes.get(BOX)
    sandbox.set_clock(lambda clock: clock.advance(timedelta(seconds=10)))
    calls = sandbox.calls
    response, _ = asyncio.run(respond(mock.application, request))
    return (response.status, [*response.headers], response.body) if sandbox.calls > calls else None


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_restored_sandbox_answers_with_the_same_bytes(
    mocks: tuple[app.Mock, app.Mock], sandboxes: tuple[Sandbox, Sandbox], vendor: str
) -> None:
    sandbox, copy = sandboxes
    sandbox.set_clock(lambda clock: clock.freeze(NOON))
    sandbox.set_faults(lambda faults: Faults.of(RULES))
    sandbox.set_limits(Limits(enabled=True))
    followed = Followed(sandbox, mocks[0].sandboxes.initial)
    for request in requests(vendor):
        followed.after(lambda request=request: answer(mocks[0], request))  # type: ignore[misc]
    assert bool(followed.contents.state.changes) == (vendor not in READ_ONLY)
    restore(copy, followed.elsewhere, lambda outbox: None)
    statuses = set()
    for request in requests(vendor):
        original, answered = (answer(mock, request) for mock in mocks)
        assert original == answered
        statuses.add(original and original[0])
    assert statuses >= {200, 500, 503} and len(statuses) > 4
