"""Fault `response`: an answer supplied by the user, such as a gateway's HTML page."""

import re
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, field

from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer

NOT_ALLOWED = ("connection", "content-length", "transfer-encoding")  # the server sends its own
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
Value = Annotated[str, Meta(pattern="^[\t -~]*$", max_length=8192)]


class ResponseFault(Fault, frozen=True, tag="response"):
    """Answers with the user's status, headers and body; the call is not carried out.

    A body that is a string is sent unchanged, by default as `text/plain`. Any other body is sent as JSON.
    """

    summary: ClassVar[str] = (
        "An answer with the supplied `status`, `headers` and `body`. A body that is a string, such as HTML,"
        " is sent unchanged; any other body is sent as JSON."
    )
    status: Annotated[int, Meta(ge=200, le=599)]
    headers: Annotated[dict[str, Value], Meta(max_length=50)] = field(default_factory=dict)
    body: Any = ""

    def __post_init__(self) -> None:
        if wrong := [name for name in self.headers if not NAME.fullmatch(name)]:
            raise ValueError(f"{wrong[0][:100]} cannot be the name of a header")
        if taken := [name for name in self.headers if name.lower() in NOT_ALLOWED]:
            raise ValueError(f"header {taken[0]} is set by the server: leave it out")
        if any("\n" in text for header in self.headers.items() for text in header):  # `$` allows one
            raise ValueError("a header must not contain a newline")

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        text = isinstance(self.body, str)
        usual = "text/plain; charset=utf-8" if text else "application/json"
        typed = any(name.lower() == "content-type" for name in self.headers)
        headers = self.headers if typed or self.body == "" else {"Content-Type": usual, **self.headers}
        body = self.body.encode(errors="replace") if text else msgspec.json.encode(self.body)
        exchange.answer_with(self.status, headers, b"" if self.status in (204, 304) else body)
