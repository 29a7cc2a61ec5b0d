"""An account of one call on a vendor's ground: what the journal will say of it."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from itertools import islice

import msgspec

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.remarks import remarks
from mockserver.contract.response import Response, encode
from mockserver.sandbox.faults.kinds import Fault
from mockserver.sandbox.journal.entry import NO_VENDOR, Change, Entry, Explanation, LazyEntry
from mockserver.sandbox.journal.redaction import readable, redacted, redacted_target
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import SandboxRefused
from mockserver.server.http.raw_request import RawRequest
from mockserver.server.http.response_writer import spoiled
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.request import Request

MAX_REMARKS = 50
OF_A_HEADER = 150  # bytes that its two texts take beside what they say
WEIGHT = 1000  # of a note and its entry, without their texts


class EntrySource(msgspec.Struct, frozen=True, gc=False):
    """All that an entry is made from, none of which holds on to the sandbox.

    Of a Problem only the words are kept: its traceback leads to all that was at hand.
    """

    serial: int
    sandbox: str
    time: datetime
    contract: Contract
    operation: Operation | None
    request: Request
    response: Response
    refusal: Explanation | None
    changes: tuple[Change, ...]
    lane: str
    seconds: float

    def entry(self) -> Entry:
        request, operation, response = self.request, self.operation, self.response
        reply = self.contract.spec.reply(operation, response.status)
        return Entry(
            serial=self.serial,
            sandbox=self.sandbox,
            time=self.time,
            vendor=self.contract.vendor.name,
            operation=operation.id if operation else "",
            method=request.method,
            target=redacted_target(request.target),
            request_headers=redacted(request.headers.items()),
            request_body=readable(request.body),
            status=response.status,
            response_headers=redacted(response.headers),
            response_body=readable(spoiled(response)),
            milliseconds=round((self.seconds + response.delay) * 1000, 3),
            lane=self.lane,
            fault=kind_of(response.fault) or ("delay" if response.delay else None),
            evidence=reply.evidence if reply else "",
            changes=self.changes,
            remarks=self._remarks(),
            refusal=self.refusal,
        )

    def _remarks(self) -> tuple[str, ...]:
        if self.request.method == "OPTIONS":
            return ()
        return tuple(islice(remarks(self.request, self.operation), MAX_REMARKS))


def weight_of(request: Request, response: Response, changes: tuple[Change, ...] = ()) -> int:
    """About how many bytes it takes to keep a request, its answer, and what it changed."""
    headers = request.headers
    texts = len(request.target) + headers.size + len(request.body) + len(response.body)
    for change in changes:  # before it was about as long as after
        texts += 2 * len(encode(change.before if change.after is None else change.after))
    return WEIGHT + OF_A_HEADER * len(headers) + texts


def kind_of(fault: Fault | None) -> str | None:
    """The name by which a fault is asked for."""
    return None if fault is None else str(msgspec.to_builtins(fault)["type"])


REMARK = "no vendor has this path"


def request_of(asked: RawRequest) -> Request:
    """The request, on nobody's ground."""
    return Request(asked.method, asked.target, asked.query, asked.headers, {})


def sandbox_of(
    named: str | None, request: Request, contracts: Iterable[Contract], sandboxes: Sandboxes
) -> Sandbox:
    """The sandbox that the client named, or that its credential opens at any vendor, or the default one.

    None is made for it: whether the client would be let in is no vendor's to say.
    """
    credentials = (contract.vendor.credential(request).sandbox for contract in contracts)
    for name in (named, *credentials):
        with suppress(SandboxRefused):
            if name:
                return sandboxes.get(name)
    return sandboxes.get_or_create(DEFAULT_SANDBOX)


def note(serial: int, sandbox: Sandbox, request: Request, response: Response, mend: str) -> LazyEntry:
    """The call as a note in a journal."""
    entry = Entry(
        serial=serial,
        sandbox=sandbox.name,
        time=sandbox.clock.now(),
        vendor=NO_VENDOR,
        operation="",
        method=request.method,
        target=redacted_target(request.target),
        request_headers=redacted(request.headers.items()),
        request_body="",
        status=response.status,
        response_headers=redacted(response.headers),
        response_body=readable(response.body),
        milliseconds=0.0,
        lane="gateway",
        remarks=(REMARK,),
        refusal=Explanation("vendor", (REMARK,), (), (mend,)),
    )
    return LazyEntry(weight_of(request, response), None, entry)
