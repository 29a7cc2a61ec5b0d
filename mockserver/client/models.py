"""Calls as plain values: what was asked and answered, and the pattern of one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypedDict
from urllib.parse import parse_qsl


class Pattern(TypedDict, total=False):
    """What a call must have; `query`, `headers` and `body` may have more. Without fields any fits."""

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
    """One record before and after a call; None is no record."""

    vendor: str
    collection: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered; a status of 0 is a connection that ended without an answer."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Request:
    """One call and its answer. Secrets are struck out, header names are in lower case."""

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

    @classmethod
    def of(cls, shown: Mapping[str, Any]) -> Self:
        """A call as the control API shows it."""
        plain = ("id", "sandbox", "vendor", "operation", "milliseconds", "fault", "evidence")
        return cls(
            **{name: shown[name] for name in plain},
            **shown["request"],
            time=datetime.fromisoformat(shown["time"]),
            response=Response(**shown["response"]),
            changes=tuple(Change(**change) for change in shown["changes"]),
            remarks=tuple(shown["remarks"]),
        )

    @property
    def serial(self) -> int:
        """Its number among all calls of the server."""
        return int(self.id.rpartition(".")[2])

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters, decoded; of a repeated one the last."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a call was answered as it was: the check that refused it, and what would have helped."""

    check: str | None
    why: tuple[str, ...]
    spec: tuple[str, ...]
    smallest_change: tuple[str, ...]
    curl: str
