"""Dataclasses for a call, its response, its changes and its explanation, and the pattern for calls."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypedDict
from urllib.parse import parse_qsl


class Pattern(TypedDict, total=False):
    """The fields that a call must have to match. An empty pattern matches every call.

    A call may have more query parameters, headers and body fields than the pattern. `remarks=True`
    matches calls with remarks about the contract, `remarks=False` calls without remarks.
    """

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
    deviates from the contract, `notes` what the vendor allows, but clients seldom do.
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
    fault: str | None
    evidence: str
    changes: tuple[Change, ...]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Make a Request from a journal entry in the control API's JSON."""
        unchanged = ("id", "sandbox", "vendor", "operation", "milliseconds", "fault", "evidence")
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
        """Return the call's number. The server counts its calls from 1."""
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
class Explanation:
    """Why a call was refused, and the smallest change that would have avoided it.

    `check` is None if the call was not refused. `spec` quotes the vendor's specification, and `curl`
    is a command that repeats the call.
    """

    check: str | None
    why: tuple[str, ...]
    spec: tuple[str, ...]
    smallest_change: tuple[str, ...]
    curl: str
