"""Steering: what a call gets instead of its plain answer, as it asks itself (`Prefer`) or as a fault has it.

The call itself comes first, then the first rule that is due. Only who is let in can steer and is
steered: a stranger gets the vendor's own refusal, and uses up nobody's faults.
"""

import asyncio
from collections.abc import Iterator
from copy import copy
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec.structs import replace

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Visit
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.response import ContractBroken, Response
from mockserver.sandbox.faults.kinds import (
    EmptyReply,
    NoAnswer,
    PageShift,
    RefuseAs,
    Reset,
    StaleReads,
    Status,
)
from mockserver.sandbox.faults.rules import Occasion, Rule, wait
from mockserver.server.example_answers import documented_answer, example_of_status
from mockserver.server.prefer import preferences, preferred
from mockserver.store.base_records import Shelf
from mockserver.store.records import Records
from mockserver.store.state import Draft
from mockserver.vendor_api.problem import Problem


async def steered(contract: Contract, visit: Visit) -> Response:
    """The answer to a call of an operation. NotOffered."""
    call, sandbox = visit.call, visit.sandbox
    if call.credential.standing != "accepted":
        return await contract.answer(visit)
    if "prefer" in call.request.headers and (wanted := preferences(call.request)):
        return await preferred(contract, visit, wanted)
    rule = sandbox.draw_fault(_occasion(contract, visit)) if sandbox.faults.rules else None
    if not _writes(visit.operation) and sandbox.faults.lag:
        visit.call = replace(call, draft=sandbox.reading())
    if rule is None:
        return await contract.answer(visit)
    response = await _faulty(contract, visit, rule)
    return replace(response, delay=wait(rule, call.stamp), fault=rule.fault)


def _writes(operation: Operation) -> bool:
    return operation.method != "GET"


def _occasion(contract: Contract, visit: Visit) -> Occasion:
    request, operation = visit.call.request, visit.operation
    query = parse_qs(request.query, keep_blank_values=True)
    return Occasion(
        contract.vendor.name, operation.id, _writes(operation), visit.path, query, request.headers,
        visit.call.stamp,
    )  # fmt: skip


async def _faulty(contract: Contract, visit: Visit, rule: Rule) -> Response:
    """The answer under a rule; what only the way to the client can do is left to `delivery`."""
    match rule.fault:
        case RefuseAs(kind):
            return _refused(contract, visit, Problem(kind))
        case Status(status):
            return example_of_status(contract, visit, status)
        case EmptyReply() | Reset() | NoAnswer():
            return Response(0, (), b"")
        case PageShift(change):
            return await _shifted(contract, visit, change)
        case StaleReads() as stale:
            visit.stale = stale
    return await contract.answer(visit)


def _refused(contract: Contract, visit: Visit, problem: Problem) -> Response:
    """The vendor's refusal; the example where its words depend on what was wrong, for nothing was."""
    answer = contract.vendor.render(problem, visit.call)
    try:
        return documented_answer(contract, visit, answer)
    except ContractBroken:
        return example_of_status(contract, visit, answer.status)


async def _shifted(contract: Contract, visit: Visit, change: str) -> Response:
    """A page of a list that will be another list for the next page.

    `remove` deletes the first record on this page once it was shown. `insert` shows the page as
    if that record had not been there yet. Where no records are shown, nothing happens.
    """
    asked = copy(visit)
    response = await contract.answer(visit)
    shown = _first_shown(contract, visit, response)
    if shown is None:
        return response
    shelf, key = shown
    if change == "remove":
        await asyncio.to_thread(_remove, visit, shelf, key)
        return response
    draft = Draft(asked.call.draft.goods, asked.call.draft.state)
    Records(shelf, draft).delete(key)
    asked.call = replace(asked.call, draft=draft)
    return await contract.answer(asked)


def _remove(visit: Visit, shelf: Shelf, key: str) -> None:
    with visit.sandbox.transaction() as draft:
        records = Records(shelf, draft)
        if records.get(key) is not None:
            records.delete(key)


def _first_shown(contract: Contract, visit: Visit, response: Response) -> tuple[Shelf, str] | None:
    """Where the first record in a list of an answer is kept, and its key."""
    if response.status != 200:
        return None
    for item in _listed(msgspec.json.decode(response.body)):
        for shelf in contract.shelves.values():
            key = str(item.get(shelf.collection.key))
            if Records(shelf, visit.call.draft).get(key) is not None:
                return shelf, key
    return None


def _listed(body: Any) -> Iterator[dict[str, Any]]:
    """The objects in the lists of a JSON object, one level deep."""
    for value in body.values() if isinstance(body, dict) else ():
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict))
