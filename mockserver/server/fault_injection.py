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
from mockserver.contract.exchange import Exchange
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
from mockserver.sandbox.faults.rules import FaultContext, Rule, wait
from mockserver.server.example_answers import documented_answer, example_of_status
from mockserver.server.prefer import preferences, preferred
from mockserver.store.base_records import BaseRecords
from mockserver.store.records import Records
from mockserver.store.state import Draft
from mockserver.vendor_api.problem import Problem


async def steered(contract: Contract, exchange: Exchange) -> Response:
    """The answer to a call of an operation. NotOffered."""
    call, sandbox = exchange.call, exchange.sandbox
    if call.credential.status != "accepted":
        return await contract.answer(exchange)
    if "prefer" in call.request.headers and (wanted := preferences(call.request)):
        return await preferred(contract, exchange, wanted)
    rule = sandbox.choose_fault(_occasion(contract, exchange)) if sandbox.faults.rules else None
    if not _writes(exchange.operation) and sandbox.faults.lag:
        exchange.call = replace(call, draft=sandbox.read_draft())
    if rule is None:
        return await contract.answer(exchange)
    response = await _faulty(contract, exchange, rule)
    return replace(response, delay=wait(rule, call.random_bytes), fault=rule.fault)


def _writes(operation: Operation) -> bool:
    return operation.method != "GET"


def _occasion(contract: Contract, exchange: Exchange) -> FaultContext:
    request, operation = exchange.call.request, exchange.operation
    query = parse_qs(request.query, keep_blank_values=True)
    return FaultContext(
        contract.vendor.name, operation.id, _writes(operation), exchange.path, query, request.headers,
        exchange.call.random_bytes,
    )  # fmt: skip


async def _faulty(contract: Contract, exchange: Exchange, rule: Rule) -> Response:
    """The answer under a rule; what only the way to the client can do is left to `delivery`."""
    match rule.fault:
        case RefuseAs(kind):
            return _refused(contract, exchange, Problem(kind))
        case Status(status):
            return example_of_status(contract, exchange, status)
        case EmptyReply() | Reset() | NoAnswer():
            return Response(0, (), b"")
        case PageShift(change):
            return await _shifted(contract, exchange, change)
        case StaleReads() as stale:
            exchange.stale = stale
    return await contract.answer(exchange)


def _refused(contract: Contract, exchange: Exchange, problem: Problem) -> Response:
    """The vendor's refusal; the example where its words depend on what was wrong, for nothing was."""
    answer = contract.vendor.render(problem, exchange.call)
    try:
        return documented_answer(contract, exchange, answer)
    except ContractBroken:
        return example_of_status(contract, exchange, answer.status)


async def _shifted(contract: Contract, exchange: Exchange, change: str) -> Response:
    """A page of a list that will be another list for the next page.

    `remove` deletes the first record on this page once it was shown. `insert` shows the page as
    if that record had not been there yet. Where no records are shown, nothing happens.
    """
    asked = copy(exchange)
    response = await contract.answer(exchange)
    shown = _first_shown(contract, exchange, response)
    if shown is None:
        return response
    base, key = shown
    if change == "remove":
        await asyncio.to_thread(_remove, exchange, base, key)
        return response
    draft = Draft(asked.call.draft.catalog, asked.call.draft.state)
    Records(base, draft).delete(key)
    asked.call = replace(asked.call, draft=draft)
    return await contract.answer(asked)


def _remove(exchange: Exchange, base: BaseRecords, key: str) -> None:
    with exchange.sandbox.transaction() as draft:
        records = Records(base, draft)
        if records.get(key) is not None:
            records.delete(key)


def _first_shown(
    contract: Contract, exchange: Exchange, response: Response
) -> tuple[BaseRecords, str] | None:
    """Where the first record in a list of an answer is kept, and its key."""
    if response.status != 200:
        return None
    for item in _listed(msgspec.json.decode(response.body)):
        for base in contract.base_records.values():
            key = str(item.get(base.collection.key))
            if Records(base, exchange.call.draft).get(key) is not None:
                return base, key
    return None


def _listed(body: Any) -> Iterator[dict[str, Any]]:
    """The objects in the lists of a JSON object, one level deep."""
    for value in body.values() if isinstance(body, dict) else ():
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict))
