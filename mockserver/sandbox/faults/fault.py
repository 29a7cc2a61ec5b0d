"""The base class of faults, and what a fault sees of an exchange and of a connection."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from mockserver.store.state import State
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem

LetVendorAnswer = Callable[[], Awaitable[None]]
MAX_SECONDS = 60.0


class Response(Protocol):
    """What is about to be sent."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...


class Exchange(Protocol):
    """A call on its way, as a fault sees it."""

    call: Call
    sandbox: Any
    on_commit: Callable[[State], None] | None

    @property
    def response(self) -> Response | None:
        """The answer so far; None if there is none yet."""

    @property
    def base_records(self) -> Mapping[str, Any]:
        """The vendor's collections by name."""

    def inject_refusal(self, problem: Problem) -> None:
        """Answer with the vendor's refusal, though nothing is wrong with the call."""

    def answer_with_example(self, status: int) -> None:
        """Answer with the spec's example of a status, or with the status alone if the spec has none."""

    def answer_with(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer with these bytes, whatever the spec says."""

    def drop(self) -> None:
        """Leave the call without an answer; it is not carried out."""


class Connection(Protocol):
    """The connection on which a response is sent, as a fault sees it."""

    async def send_head(self) -> None:
        """Send the status line and the headers."""

    async def send_body(self, data: bytes, more: bool = False) -> None:
        """Send a part of the body; `more` says that it is not the last."""

    async def wait_until_closed(self) -> None:
        """Wait until the client has closed the connection."""

    def close(self, reset: bool = False) -> None:
        """Close the connection now; `reset` sends a TCP RST and drops what was not sent yet."""


class Fault(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """Something that goes wrong on purpose. A fault is one file with one subclass of this.

    Its fields are its JSON in the control API; `summary` is one line for the docs. Override what the
    fault changes: which calls it is for (`fits`), how the call is answered (`apply`), the body's bytes
    (`spoil`), or how the response is sent (`send`).
    """

    summary: ClassVar[str] = ""

    def fits(self, writes: bool) -> bool:
        """Return True if the fault makes sense for a call that writes, or that only reads."""
        return True

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        """Answer the exchange; `answer` lets the vendor do it."""
        await answer()

    def spoil(self, body: bytes) -> bytes:
        """Return the body that is sent instead of the right one."""
        return body

    async def send(self, body: bytes, connection: Connection) -> None:
        """Send the response."""
        await connection.send_head()
        await connection.send_body(body)
