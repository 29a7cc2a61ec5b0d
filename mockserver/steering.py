"""Steering: what a call gets instead of its plain answer, as it asks itself (`Prefer`) or as a fault has it.

The call itself comes first, then the first rule that is due. Only who is let in can steer and is
steered: a stranger gets the vendor's own refusal, and uses up nobody's faults.
"""

import asyncio
import re
from collections.abc import Iterator
from copy import copy
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec.structs import replace

from mockserver.contract import Contract
from mockserver.faults import (
    EmptyReply,
    NoAnswer,
    Occasion,
    PageShift,
    RefuseAs,
    Reset,
    Rule,
    StaleReads,
    Status,
    wait,
)
from mockserver.operation import Operation, Reply
from mockserver.shelf import Shelf
from mockserver.store import Draft, Records
from mockserver.vendor import Answer, Problem, Request
from mockserver.visit import ContractBroken, Response, Visit

# Possessive, and only from the start of a word: a long header must not be read again and again.
PREFERENCE = re.compile(r'(?<![\w-])([\w-]++)\s*+=\s*+(?:"([^"]*+)"|([^\s,;"]++))')


class NotOffered(Exception):
    """A call prefers an answer that the spec does not have; the text lists those it has."""


async def steered(contract: Contract, visit: Visit) -> Response:
    """The answer to a call of an operation. NotOffered."""
    call, sandbox = visit.call, visit.sandbox
    if call.credential.standing != "accepted":
        return await contract.answer(visit)
    if "prefer" in call.request.headers and (wanted := _preferences(call.request)):
        return await _preferred(contract, visit, wanted)
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
            return _any_status(contract, visit, status)
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
        return _documented(contract, visit, answer)
    except ContractBroken:
        return _any_status(contract, visit, answer.status)


def _documented(contract: Contract, visit: Visit, answer: Answer) -> Response:
    """An answer that its spec foresees, with the headers that it wants there."""
    reply = _replies(contract, visit.operation).get(answer.status)
    needed = dict(reply.headers) if reply else {}
    if "Allow" in needed:
        path = next(path for path in contract.spec.paths if path.template == visit.operation.template)
        needed["Allow"] = ", ".join(path.methods)
    given = {name.lower() for name, _ in answer.headers} | {
        name.lower() for name in contract.vendor.stamps(visit.call)
    }
    headers = [(name, value) for name, value in needed.items() if name.lower() not in given]
    answer = replace(answer, headers=(*answer.headers, *headers))
    return contract.response(answer, visit.call, visit.operation)


def _any_status(contract: Contract, visit: Visit, status: int) -> Response:
    """The spec's example of a status; without one the vendor's headers, and no words put in its mouth."""
    reply = _replies(contract, visit.operation).get(status)
    if reply and reply.examples:
        return _documented(contract, visit, Answer(status, next(iter(reply.examples.values()))))
    return Response(status, tuple(contract.vendor.stamps(visit.call).items()), b"")


def _replies(contract: Contract, operation: Operation) -> dict[int, Reply]:
    """The answers that an operation may give, those of the vendor's ground included, by status."""
    return dict(sorted({**contract.spec.ground, **operation.replies}.items()))


def _preferences(request: Request) -> dict[str, str]:
    """`code` and `example` of the Prefer header (RFC 7240); the first of each counts."""
    wanted: dict[str, str] = {}
    for name, quoted, plain in PREFERENCE.findall(request.headers.get("prefer", "")):
        if name.lower() in ("code", "example"):
            wanted.setdefault(name.lower(), quoted or plain)
    return wanted


async def _preferred(contract: Contract, visit: Visit, wanted: dict[str, str]) -> Response:
    try:
        contract.vendor.authenticate(visit.call)
    except Problem:
        return await contract.answer(visit)
    replies, operation = _replies(contract, visit.operation), visit.operation.id
    if "code" in wanted:
        reply = next((one for status, one in replies.items() if str(status) == wanted["code"]), None)
        if reply is None:
            raise NotOffered(f"{operation} answers with {', '.join(map(str, replies))}")
        replies = {reply.status: reply}
    name = wanted.get("example")
    if name is None:
        return _any_status(contract, visit, next(iter(replies)))
    for status, reply in replies.items():
        if name in reply.examples:
            return _documented(contract, visit, Answer(status, reply.examples[name]))
    names = (f"{status}: {', '.join(reply.examples)}" for status, reply in replies.items())
    raise NotOffered(f"{operation} has the examples {'; '.join(names)}")


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
