"""A call that no vendor owns: in whose journal it is written down, and as what."""

from collections.abc import Iterable
from contextlib import suppress

from mockserver.account import weight_of
from mockserver.arrival import Asked
from mockserver.contract import Contract
from mockserver.journal import NO_VENDOR, Entry, Note, Refusal, readable, redacted, redacted_target
from mockserver.sandbox import Sandbox, Sandboxes, SandboxRefused
from mockserver.vendor import DEFAULT_SANDBOX, Request
from mockserver.visit import Response

REMARK = "no vendor has this path"


def request_of(asked: Asked) -> Request:
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
    return sandboxes.named(DEFAULT_SANDBOX)


def note(serial: int, sandbox: Sandbox, request: Request, response: Response, mend: str) -> Note:
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
        refusal=Refusal("vendor", (REMARK,), (), (mend,)),
    )
    return Note(weight_of(request, response), None, entry)
