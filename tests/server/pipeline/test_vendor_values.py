"""Records of a user's own vendor may hold what Python has and JSON lacks: a store keeps it, or refuses it."""

import asyncio
import json
from pathlib import Path

import pytest

from mockserver import app
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.server.pipeline.pipeline import Pipeline
from tests.contract.sample_vendor import MODULE, SPEC, write_vendor
from tests.server.turns.witness import Answer, answer_of, request

VALUES = """
import datetime, decimal, fractions, uuid, zoneinfo

VALUES = [
    decimal.Decimal("5"), datetime.datetime(2026, 1, 2, 3, 4, 5, 6), datetime.datetime.now(datetime.UTC),
    datetime.datetime(2026, 10, 25, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
    datetime.date(2026, 1, 2), uuid.UUID(int=5), b"\\x00\\xff", (1, (2,)), {3}, frozenset("a"),
    {1: [{"b": ()}]}, ({"password": "hidden"},),
]


def put_item(call):
    number = call.query["limit"]
    value = VALUES[number] if number < len(VALUES) else [{"ratio": fractions.Fraction(1, 3)}]
    item = {"id": 1, "sku": "A-1", "stock": 4, "extra": value}
    call.records("items").put(item)
    return {"id": 1, "sku": repr(value), "stock": 4}


def get_item(call):
    item = call.records("items").get(call.path["id"])
    if item is None:
        raise Problem("not_found")
    return {"id": 1, "sku": repr(item.get("extra")), "stock": item["stock"]}
"""
PUT = """
    put:
      operationId: put-item
      parameters:
        - {name: limit, in: query, required: true, schema: {type: integer}}
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        "200":
          description: The item
          x-evidence: documented
          x-source: the page of put-item
          content: {application/json: {schema: {$ref: "#/components/schemas/Item"}}}
x-shared-responses:"""
KINDS = 12
REFUSAL = (
    "record 1 of acme/items has a Fraction in its field extra[0].ratio: a store keeps only JSON, Decimal"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a vendor whose records have values of many types."""
    folder = write_vendor(tmp_path)
    module, spec = (folder / MODULE).read_text(), (folder / SPEC).read_text()
    begin, end = module.index("def get_item"), module.index("def render")
    module = f"{module[:begin]}{VALUES}\n\n{module[end:]}"
    module = module.replace('{"get-item": get_item}', '{"get-item": get_item, "put-item": put_item}')
    (folder / MODULE).write_text(module)
    (folder / SPEC).write_text(spec.replace("\nx-shared-responses:", PUT, 1))
    return folder


async def send(server: Pipeline, method: str, query: str = "", sandbox: str = "a") -> Answer:
    headers = {"authorization": f"Bearer sbx_{sandbox}"}
    return await answer_of(server, request(method, f"/acme/items/1{query}", headers))


def test_value_is_kept_exactly_or_refused(folder: Path) -> None:
    async def run() -> None:
        log = MemoryLog()
        one, other = (app.build(names=["acme"], vendors_from=folder, log=log).application for _ in range(2))
        for number in range(KINDS):
            written = await send(one, "PUT", f"?limit={number}")
            assert written.status == 200, written
            assert (await send(other, "GET")).body == written.body
        for server in (other, one):
            refused = await send(server, "PUT", f"?limit={KINDS}")
            assert [refused.status, json.loads(refused.body)["error"]] == [500, "record_not_kept"]
            assert REFUSAL in json.loads(refused.body)["message"]
        assert (await send(one, "GET")).body == (await send(other, "GET")).body == written.body
        listed = await answer_of(other, request("GET", "/_mock/requests?sandbox=a", {}))
        statuses = [call["status"] for call in json.loads(listed.body)["requests"]]
        assert statuses == [200, 200, 500, 500, *[200] * 2 * KINDS]
        assert (await send(one, "PUT", f"?limit={KINDS}", "new")).status == 500
        assert (await send(other, "GET", sandbox="new")).status == 200

    asyncio.run(run())


def test_journal_shows_any_value_without_secrets(folder: Path) -> None:
    async def run() -> None:
        alone, log = app.build(names=["acme"], vendors_from=folder).application, MemoryLog()
        kept = app.build(names=["acme"], vendors_from=folder, log=log).application
        for server, count in ((alone, KINDS + 1), (kept, KINDS)):
            for number in range(count):
                assert (await send(server, "PUT", f"?limit={number}")).status == 200
                shown = await answer_of(server, request("GET", f"/_mock/requests/a.{number + 1}", {}))
                (change,) = json.loads(shown.body)["changes"]
                assert change["after"]["extra"] is not None
                assert "hidden" not in str(change)

    asyncio.run(run())
