"""Dataclasses for a call, its response, its changes and its explanation, and the pattern for calls."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self, TypedDict
from urllib.parse import parse_qsl


class Pattern(TypedDict, total=False):
    """The fields that a call must have to match. An empty pattern matches every call.

    A call may have more query parameters, headers and body fields than the pattern. `remarks=True`
    matches calls with remarks about the contract, `remarks=False` calls without remarks.
    `direction="outgoing"` matches calls of the mock to webhooks; without it, only calls to the mock match.
    """

    direction: Literal["incoming", "outgoing"]
    vendor: str
    operation: str
    method: str
    path: str
    status: int
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    remarks: bool
    sandbox: str


class Filter(TypedDict, total=False):
    """The filters of a list of calls. An empty filter passes every call.

    `vendor` is one name or several. `status` is a number, or a class such as `"4xx"`. `q` is a text that the
    call's target, operation, remarks or refusal contains. `remarks`, `fault` and `changed` are True for calls
    that have them, False for calls that do not. `direction` passes only calls to the mock, or only those of
    the mock to webhooks.
    """

    direction: Literal["incoming", "outgoing"]
    vendor: str | Sequence[str]
    operation: str
    method: str
    path: str
    status: int | str
    q: str
    remarks: bool
    fault: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A call in short. `remarks`, `notes` and `changes` are numbers.

    `time` is taken from the sandbox's clock, `arrived` is real time. `refused_by` is the check that refused
    the call, or None.
    """

    id: str
    time: datetime
    arrived: datetime
    sandbox: str
    direction: Literal["incoming", "outgoing"]
    vendor: str
    operation: str
    method: str
    target: str
    status: int
    milliseconds: float
    engine: str
    dialect: str
    fault: str | None
    evidence: str
    remarks: int
    notes: int
    changes: int
    refused_by: str | None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Make a Summary from the control API's JSON."""
        times = {name: datetime.fromisoformat(entry[name]) for name in ("time", "arrived")}
        return cls(**{**entry, **times})


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers of calls in a journal, by kind.

    `operations` and `refusals` are in the control API's JSON. `elsewhere` is the number of calls of other
    sandboxes, `strays` that of calls of no sandbox.
    """

    kept: int
    dropped: int
    remarks: int
    faults: int
    changed: int
    operations: Sequence[Mapping[str, Any]]
    refusals: Sequence[Mapping[str, Any]]
    elsewhere: int
    strays: int


@dataclass(frozen=True, slots=True)
class Change:
    """A record before and after a call.

    If the call created the record, `before` is None. If the call deleted the record, `after` is None.
    """

    vendor: str
    collection: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Response:
    """The response to a call; status 0 means that the connection ended without a response."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        """Parse the body as JSON. Raise ValueError if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Request:
    """A call and its response.

    Secrets are replaced by `***`, header names are in lower case, and long bodies are cut. `time` is
    taken from the sandbox's clock. `milliseconds` is how long the call took. `remarks` say how the call
    deviates from the contract, `notes` what the vendor allows, but clients seldom do, and what the live
    vendor does otherwise. `dialect` is `documented` or `observed`.
    """

    id: str
    time: datetime
    sandbox: str
    vendor: str
    operation: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: str
    response: Response
    milliseconds: float
    dialect: str
    fault: str | None
    evidence: str
    changes: tuple[Change, ...]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Make a Request from a journal entry in the control API's JSON."""
        unchanged = ("id", "sandbox", "vendor", "operation", "milliseconds", "dialect", "fault", "evidence")
        return cls(
            **{name: entry[name] for name in unchanged},
            **entry["request"],
            time=datetime.fromisoformat(entry["time"]),
            response=Response(**entry["response"]),
            changes=tuple(Change(**change) for change in entry["changes"]),
            remarks=tuple(entry["remarks"]),
            notes=tuple(entry["notes"]),
        )

    @property
    def serial(self) -> int:
        """Return the call's number. Each sandbox counts its calls from 1."""
        return int(self.id.rpartition(".")[2])

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """Return the decoded query parameters. A parameter that is repeated has its last value."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def json(self) -> Any:
        """Parse the body as JSON. Raise ValueError if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a request: `action` is `set`, `remove` or `rename`, whose `value` is the new name.

    `place` is `method`, `path`, `query`, `header` or `body`. `name` is that of a parameter, a header or a
    field; it is empty for the method, the whole path and the whole body. `text` says the same as a sentence.
    `origin` tells where the value comes from: the `request`, an `example`, the `record` or the `sandbox`.
    `allowed` says which values the spec allows.
    """

    action: str
    place: str
    name: str
    value: Any
    text: str
    origin: str = "request"
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a call was refused, and the smallest change that would have avoided it.

    `check` is None if the call was not refused. `spec` quotes the vendor's specification, and `curl`
    is a command that repeats the call. `edits` is the smallest change as data: with all of them, the call
    would succeed now. It is None if no such change is known.
    """

    check: str | None
    why: tuple[str, ...]
    spec: tuple[str, ...]
    smallest_change: tuple[str, ...]
    curl: str
    edits: tuple[Edit, ...] | None
