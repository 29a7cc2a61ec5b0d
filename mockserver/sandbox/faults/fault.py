"""The base class of faults, and the interfaces that faults use: an exchange, a response, a connection."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from mockserver.data.store.state import State
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.vendor import Vendor

LetVendorAnswer = Callable[[], Awaitable[None]]
MAX_SECONDS = 60.0


class Response(Protocol):
    """The response to a call, as a fault sees it."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...
    @property
    def body(self) -> bytes: ...


class Exchange(Protocol):
    """A call and its answer, as a fault sees them."""

    call: Call
    sandbox: Any
    on_commit: Callable[[State], None] | None

    @property
    def response(self) -> Response | None:
        """The answer so far, or None if the call has not been answered yet."""

    @property
    def base_records(self) -> Mapping[str, Any]:
        """The vendor's collections by name."""

    @property
    def vendor(self) -> Vendor:
        """The vendor that is called."""

    def inject_refusal(self, problem: Problem) -> None:
        """Answer with the vendor's refusal, although the call is valid."""

    def answer_with_example(self, status: int) -> None:
        """Answer with the spec's example for a status, or with an empty body if the spec has no example."""

    def answer_with(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer with these bytes, even if the spec does not declare them."""

    def drop(self) -> None:
        """Send no answer, and do not carry out the call."""


class Connection(Protocol):
    """The connection on which a response is sent, as a fault sees it."""

    async def send_head(self) -> None:
        """Send the status line and the headers."""

    async def send_body(self, data: bytes, more: bool = False) -> None:
        """Send a part of the body. `more` is True if further parts follow."""

    async def wait_until_closed(self) -> None:
        """Wait until the client has closed the connection."""

    def close(self, reset: bool = False) -> None:
        """Close the connection now. `reset` sends a TCP RST and drops unsent bytes."""


class Fault(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """An error that is injected on purpose. Each fault is a subclass in its own module.

    The fields of a subclass are also the fields of the fault's JSON in the control API. `summary` describes
    the fault in the API's spec. A subclass overrides one or more of these methods:

    - `fits`: which calls the fault applies to;
    - `apply`: how a call is answered;
    - `spoil`: the bytes of the body;
    - `send`: how the response is sent.
    """

    summary: ClassVar[str] = ""

    def fits(self, writes: bool) -> bool:
        """Return True if the fault applies to writes (if `writes` is True) or to reads (if it is False)."""
        return True

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        """Answer the exchange. Awaiting `answer()` makes the vendor answer it as usual."""
        await answer()

    def held_for(self, most: float) -> "Fault":
        """Return the fault so that it keeps a client waiting for at most these seconds."""
        return self

    def spoil(self, body: bytes) -> bytes:
        """Return the body to send instead of the correct one."""
        return body

    async def send(self, body: bytes, connection: Connection) -> None:
        """Send the response."""
        await connection.send_head()
        await connection.send_body(body)
