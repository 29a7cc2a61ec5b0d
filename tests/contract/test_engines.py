"""Both engines return the same bytes for the same requests, refusals included.

If they differ, the request must match exactly one predicate in KNOWN_DIFFERENCES.
`MOCKSERVER_EXAMPLES` sets the number of generated requests for each operation. Up to 300, they are the same
in every run; more are drawn anew, as in `make conform`.
"""

import asyncio
import os
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver import app
from mockserver.sandbox.dialects import Dialect, parse_dialects
from mockserver.server.http.asgi import PENDING
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.contract.generated_requests import SANDBOX, requests
from tests.contract.known_differences import KNOWN_DIFFERENCES, reasons

EXAMPLES = int(os.environ.get("MOCKSERVER_EXAMPLES", "60"))
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BATCH = 10  # requests per example; each engine gets them one after the other
COMPILED, CONNEXION = app.build(), app.build(engine="connexion")
RUNNER = asyncio.Runner()  # one for all: a new loop, with its threads, would take longer than most answers
OPERATIONS = [
    (contract.vendor.name, operation.id, dialect)
    for contract in COMPILED.contracts
    for dialect in (("documented", "observed") if contract.spec.differences else ("documented",))
    for operation in contract.spec.operations.values()
]
# The known differences of requests that the compiled engine accepts.
ADMITTED = re.compile("encoded slash|media type")
Answer = tuple[int, tuple[tuple[str, str], ...], bytes]


async def answer(mock: app.Mock, raw: RawRequest) -> Answer:
    """Return the response that a client gets: status, headers in lower case, body."""
    begun = mock.application.start(RawRequest(raw.method, raw.path, raw.query, raw.headers, raw.body))
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {"type": "http", "method": raw.method, PENDING: begun}
    await mock.application(scope, receive, send)
    start, *rest = messages
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    kept = tuple(header for header in headers if header[0] != "content-length")
    return start["status"], kept, b"".join(message["body"] for message in rest)


def answers(raw: RawRequest) -> list[Answer]:
    """Return the response of each engine: compiled, Connexion."""
    return [RUNNER.run(answer(mock, raw)) for mock in (COMPILED, CONNEXION)]


def reset(dialect: str = "documented") -> None:
    """Reset the sandboxes of both engines, so that both have counted the same calls, at the same time."""
    for mock in (COMPILED, CONNEXION):
        for name in ("demo", SANDBOX):
            sandbox = mock.sandboxes.get_or_create(name)
            sandbox.reset()
            sandbox.set_clock(lambda clock: clock.freeze(NOON))
            sandbox.set_dialects(parse_dialects(dialect, ()))


@pytest.mark.parametrize(("name", "operation_id", "dialect"), OPERATIONS, ids=map("-".join, OPERATIONS))
def test_engines_agree_on_generated_requests(name: str, operation_id: str, dialect: Dialect) -> None:
    contract = next(one for one in COMPILED.contracts if one.vendor.name == name).in_dialect(dialect)
    examples = EXAMPLES if dialect == "documented" or EXAMPLES > 300 else EXAMPLES // 2
    operation = contract.spec.operations[operation_id]
    sandbox = COMPILED.sandboxes.get_or_create("demo")
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=max(examples // BATCH, 1), deadline=None, database=None,
        derandomize=EXAMPLES <= 300,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(requests(contract, operation, sandbox), min_size=BATCH, max_size=BATCH))
    def compare(sent: list[RawRequest]) -> None:
        reset(dialect)
        for raw in sent:
            compiled, connexion = answers(raw)
            if compiled != connexion:
                assert len(reasons(raw)) == 1, (raw, compiled, connexion)
                if compiled[0] < 300:
                    assert ADMITTED.search(reasons(raw)[0]), (raw, compiled, connexion)
                reset(dialect)  # one engine may have changed a record
            else:
                statuses[compiled[0]] += raw.method == operation.method

    compare()
    if EXAMPLES >= 60:  # fewer may all be refused
        accepted = sum(count for status, count in statuses.items() if status < 300)
        refused = any(status >= 400 for status in statuses)
        assert accepted and refused, "some must be accepted, and some refused"


AUTH_LINES = [(b"authorization", b"Basic ZGVtbzpkZW1v")]
AUTH = Headers(AUTH_LINES)
CATALOG = COMPILED.sandboxes.catalog
SKU_WITH_SLASH = next(sku for n in range(20) if "/" in (sku := CATALOG.variant(n)[1].sku))
EXAMPLES_OF_DIFFERENCES = [
    RawRequest("GET", f"/api/v2/inventory/sku/{quote(SKU_WITH_SLASH, safe='')}", "", AUTH),
    RawRequest("GET", "/openapi/2022-01/products//inventory", "", Headers([(b"access-token", b"demo")])),
    RawRequest("GET", "/openapi/2022-01/products/%FF/inventory", "", Headers([(b"access-token", b"demo")])),
    RawRequest("PATCH", "/api/v2/inventory/id/10001", "",
               Headers([*AUTH_LINES, (b"content-type", b"application/problem+json")]), b'{"stock": 1}'),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "raw"), [*zip(KNOWN_DIFFERENCES, EXAMPLES_OF_DIFFERENCES, strict=True)],
                         ids=lambda one: one[:30] if isinstance(one, str) else "")  # fmt: skip
def test_each_known_difference_has_an_example(reason: str, raw: RawRequest) -> None:
    reset()
    assert reasons(raw) == [reason]
    compiled, connexion = answers(raw)
    assert compiled != connexion
    assert b"mock_failed" not in connexion[2]


def test_known_differences_are_few() -> None:
    assert len(KNOWN_DIFFERENCES) <= 11
    assert all(re.fullmatch(r"an? .+: .+", reason) for reason in KNOWN_DIFFERENCES)


@pytest.mark.parametrize("end", ["%0A", "%0Ax", "x%0A", "%0A%0A", "%0D%0A", "%0A/", "/%0A"])
def test_newline_in_a_path_never_makes_connexion_fail(end: str) -> None:
    for contract in CONNEXION.contracts:
        path = contract.vendor.sample.partition("?")[0] + end
        headers = [(n.lower().encode(), v.encode()) for n, v in contract.vendor.auth_headers("demo").items()]
        _, connexion = answers(RawRequest("GET", path, "", Headers(headers)))
        assert b"mock_failed" not in connexion[2]


@pytest.mark.parametrize(
    "lines",
    [
        [(b"upgrade", b"websocket"), (b"connection", b"Upgrade")],
        [(b"host", b"..")],
        [(b"host", b"a" * 64 + b".example")],
        [],
    ],
    ids=["websocket", "dots", "long label", "no host"],
)
def test_engines_agree_on_headers_that_connexion_must_not_see(lines: list[tuple[bytes, bytes]]) -> None:
    reset()
    compiled, connexion = answers(
        RawRequest("GET", "/api/v2/inventory/id/10001", "", Headers(AUTH_LINES + lines))
    )
    assert compiled == connexion
    assert compiled[0] == 200
