"""The kinds of fault."""

from typing import Literal

from msgspec import Struct

from mockserver.sandbox.faults.delays import MAX_SECONDS
from mockserver.vendor_api.problem import Kind


class RefuseAs(Struct, frozen=True, tag_field="type", tag="problem"):
    """A refusal in the vendor's meaning, in the vendor's words."""

    kind: Kind


class Status(Struct, frozen=True, tag_field="type", tag="status"):
    """Any status; with the example of the spec where it documents that status, else without body."""

    status: int


class SlowBody(Struct, frozen=True, tag_field="type", tag="slow_body", omit_defaults=True):
    """The head at once, the body in equal pieces over so many seconds."""

    seconds: float
    chunks: int = 10


class TruncatedBody(Struct, frozen=True, tag_field="type", tag="truncated_body", omit_defaults=True):
    """The head with the full length, that part of the body, and then the connection is closed."""

    part: float = 0.5


class MalformedBody(Struct, frozen=True, tag_field="type", tag="malformed_body"):
    """A complete answer whose body is no JSON."""


class EmptyReply(Struct, frozen=True, tag_field="type", tag="empty_reply"):
    """The connection is closed without a byte; the call is not carried out."""


class Reset(Struct, frozen=True, tag_field="type", tag="reset"):
    """The connection is reset (RST) without a byte; the call is not carried out."""


class NoAnswer(Struct, frozen=True, tag_field="type", tag="no_answer", omit_defaults=True):
    """Silence until the client goes, or for so many seconds; the call is not carried out."""

    seconds: float = MAX_SECONDS


class CommittedReplyLost(Struct, frozen=True, tag_field="type", tag="committed_reply_lost"):
    """A write is carried out, and the connection is closed before its answer, whatever it is."""


class StaleReads(Struct, frozen=True, tag_field="type", tag="stale_reads", omit_defaults=True):
    """After a write, reads see the sandbox as it was before, for so many reads or seconds of its clock.

    With both, until the first of them is over; with neither, for one read.
    """

    reads: int | None = None
    seconds: float | None = None


class PageShift(Struct, frozen=True, tag_field="type", tag="page_shift"):
    """After this page of a list, the list is one item longer or shorter at the page's beginning."""

    change: Literal["insert", "remove"]


Fault = (
    RefuseAs | Status | SlowBody | TruncatedBody | MalformedBody | EmptyReply | Reset | NoAnswer
    | CommittedReplyLost | StaleReads | PageShift
)  # fmt: skip


OF_WRITES = (CommittedReplyLost, StaleReads)
