"""The calls that were made: find, count, await and verify them."""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, Unpack
from urllib.parse import urlencode

from mockserver.client import assertion_messages
from mockserver.client.assertion_messages import shorten
from mockserver.client.models import Explanation, Pattern, Request
from mockserver.client.transport import ControlApi, Refused

PAGE = 1000
NOT_VERIFIED = 406


class Requests:
    """The journal of one sandbox, or of all: iterate it for every call, oldest first."""

    def __init__(self, ask: ControlApi, sandbox: str | None = None) -> None:
        self._ask, self._sandbox = ask, sandbox
        self._scope = {} if sandbox is None else {"sandbox": sandbox}

    def __iter__(self) -> Iterator[Request]:
        return self.after(0)

    def after(self, serial: int) -> Iterator[Request]:
        """The calls after the one of that number."""
        offset, total = 0, 1
        while offset < total:
            page = self._ask("GET", self._listed(after=serial, offset=offset, limit=PAGE))
            yield from map(Request.of, page["requests"])
            offset, total = offset + PAGE, page["total"]

    def find(self, **pattern: Unpack[Pattern]) -> list[Request]:
        found = self._ask("POST", "/_mock/requests/find", self._pattern(pattern))
        return [Request.of(one) for one in found["requests"]]

    def count(self, **pattern: Unpack[Pattern]) -> int:
        return int(self._ask("POST", "/_mock/requests/count", self._pattern(pattern))["count"])

    def clear(self) -> None:
        self._ask("DELETE", self._listed())

    def explain(self, request: Request) -> Explanation:
        said = self._ask("GET", f"/_mock/requests/{request.id}")["explanation"]
        return Explanation(
            said["check"],
            tuple(said["why"]),
            tuple(said["spec"]),
            tuple(said["smallest_change"]),
            said["curl"],
        )

    def assert_called(
        self, *, times: int | None = None, at_least: int | None = None, at_most: int | None = None,
        never: bool = False, **pattern: Unpack[Pattern],
    ) -> None:  # fmt: skip
        """At least one call fits the pattern, or as many as asked. AssertionError says what differs."""
        __tracebackhide__ = True
        match = self._pattern(pattern)
        counts = {"exactly": times, "at_least": at_least, "at_most": at_most, "never": never or None}
        wanted = {name: count for name, count in counts.items() if count is not None}
        try:
            self._ask("POST", "/_mock/requests/verify", {"match": match, **wanted})
        except Refused as refused:
            self._fail(refused, assertion_messages.wanted(match, wanted), match, most=_most(wanted))

    def assert_sequence(self, *patterns: Pattern) -> None:
        """Calls that fit came in this order, others between them or not. AssertionError: the first gap."""
        __tracebackhide__ = True
        sequence = [self._pattern(pattern) for pattern in patterns]
        try:
            self._ask("POST", "/_mock/requests/verify-sequence", {**self._scope, "sequence": sequence})
        except Refused as refused:
            self._fail(refused, assertion_messages.steps(sequence, refused.said.get("count", 0)))

    def wait_for(self, *, count: int = 1, seconds: float = 5, **pattern: Unpack[Pattern]) -> list[Request]:
        """The calls that fit, as soon as there are so many. AssertionError: they did not come in time."""
        __tracebackhide__ = True
        match = self._pattern(pattern)
        asked = {"match": match, "count": count, "seconds": seconds}
        try:
            found = self._ask("POST", "/_mock/requests/wait", asked)
        except Refused as refused:
            self._fail(refused, assertion_messages.wanted(match, {"at_least": count}))
        return [Request.of(one) for one in found["requests"]]

    def _fail(
        self, refused: Refused, wanted: str, match: Mapping[str, Any] | None = None, most: int | None = None
    ) -> NoReturn:
        """Raise what explains a refusal to verify. The calls that fit `match` are shown as such."""
        __tracebackhide__ = True
        if refused.status != NOT_VERIFIED:
            raise refused
        said, fitting = dict(refused.said), set[str]()
        if match is not None and said["count"]:
            fitting = {one["id"] for one in self._ask("POST", "/_mock/requests/find", match)["requests"]}
        if most is not None and said["count"] > most:
            said["nearest"] = []  # nothing is missing, so nothing came near
        called = [(line(one), one.id in fitting) for one in self]
        where = f" in sandbox {self._sandbox}" if self._sandbox else ""
        raise AssertionError(assertion_messages.text(wanted, said, called, where)) from None

    def _pattern(self, pattern: Mapping[str, Any]) -> dict[str, Any]:
        texts = {
            name: {key: str(value) for key, value in pattern[name].items()}
            for name in ("query", "headers")
            if name in pattern
        }
        return {**self._scope, **pattern, **texts}

    def _listed(self, **page: int) -> str:
        return f"/_mock/requests?{urlencode({**self._scope, **page})}"


def _most(counts: Mapping[str, Any]) -> int | None:
    """How many calls are not too many."""
    return 0 if counts.get("never") else counts.get("exactly", counts.get("at_most"))


def line(request: Request) -> str:
    """A call in one line, as the server logs it, and whatever was remarkable."""
    vendor = "no vendor" if request.vendor == "-" else request.vendor
    tail = [f"fault: {request.fault}"] if request.fault else []
    tail += [f"remark: {shorten(remark)}" for remark in request.remarks]
    words = f"{vendor:<11} {request.status or '---'} {request.method:<6} {shorten(request.target)}"
    return "  ".join([words, *tail])
