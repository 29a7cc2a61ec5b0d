"""The control API, built like a vendor from specs/control.yaml and served under /_mock."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec
from mockserver.control.demo.guarded import guarded
from mockserver.control.demo.operations import DemoControl
from mockserver.control.faults import FaultControl
from mockserver.control.journal.events import EventControl
from mockserver.control.journal.notices import announcing
from mockserver.control.journal.one_request import OneRequestControl
from mockserver.control.journal.queries import reads_much
from mockserver.control.journal.rehearsal import Rehearsals
from mockserver.control.journal.requests import RequestControl
from mockserver.control.journal.scope import NO_POSITION, POSITION_PATTERN
from mockserver.control.journal.verification import VerificationControl
from mockserver.control.limits import LimitControl
from mockserver.control.lookup import operations_of
from mockserver.control.products.listing import ProductControl
from mockserver.control.records.records import RecordControl
from mockserver.control.sandboxes.dialects import DialectControl
from mockserver.control.sandboxes.diff import DiffControl
from mockserver.control.sandboxes.sandbox_json import SandboxJson
from mockserver.control.sandboxes.sandboxes import SandboxControl
from mockserver.control.status import status_operations
from mockserver.control.webhooks.on_demand import DelivererOnDemand
from mockserver.control.webhooks.webhooks import WebhookControl
from mockserver.sandbox.journal.redaction import redact_violation
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.vendor import Vendor
from mockserver.vendor_api.words import violation_in_words

CONTROLS = (
    SandboxControl,
    DiffControl,
    RecordControl,
    ProductControl,
    LimitControl,
    FaultControl,
    DialectControl,
)
MAX_TEXT = 1000  # characters of the text for one violation
MAX_MESSAGE = 20_000  # characters
# Longer lists are made in a thread, so that other calls do not wait.
MAX_QUICK_SANDBOXES = MAX_QUICK_RECORDS = 100
SLOW = (
    "list-products", "get-agreement", "diff-sandbox", "export-sandbox", "import-sandbox",
    "explain-request", "send-request",
)  # fmt: skip
# Kind of problem: (status, `error`, message for a problem that has no message of its own).
ANSWERS: Mapping[str, tuple[int, str, str]] = {
    "bad_request": (400, "invalid", "the request cannot be read"),
    "invalid": (400, "invalid", ""),
    "unauthenticated": (401, "unauthorized", "send the admin token as a bearer token"),
    "forbidden": (
        403,
        "forbidden",
        "without --admin-token, the control API answers only local calls to a loopback host",
    ),
    "not_found": (404, "missing", "there is nothing at this path"),
    "no_such_path": (404, "missing", "there is no such path"),
    "method_not_allowed": (
        405,
        "method_not_allowed",
        "the method is not allowed here; see the Allow header",
    ),
    "exists": (409, "exists", "the name is already taken"),
    "gone": (410, "gone", "this is no longer there"),
    "request_timeout": (408, "request_timeout", "the request did not arrive in time"),
    "too_large": (413, "too_large", "the request is too large"),
    "full": (503, "full", "the server has reached a limit; delete something first"),
    "overflow": (507, "full", "the sandbox has reached its limit of changed records; reset or delete it"),
}


@dataclass(frozen=True)
class Server:
    """The parts of a server that the control API needs, beside its vendors and sandboxes.

    `pipeline` returns the server's pipeline, which is made after the control API. `guard` is that of a public
    demo. `deliverer` calls webhooks; a demo has none.
    """

    about: Mapping[str, str]
    metrics: Metrics
    access: AccessPolicy
    pipeline: Callable[[], Pipeline]
    guard: DemoGuard | None = None
    deliverer: DelivererOnDemand | None = None

    @property
    def store(self) -> Mapping[str, Any]:
        """Where the sandboxes are kept, and how many were found there. Empty if they are in memory only."""
        turns = self.pipeline().turns
        return turns.store if turns else {}


def control(
    spec: Spec,
    contracts: Mapping[str, Contract],
    sandboxes: Sandboxes,
    server: Server,
) -> Vendor:
    """Return the control API for these vendors and sandboxes."""
    guard, rehearsals = server.guard, Rehearsals(sandboxes, server.access)
    one_request = operations_of(OneRequestControl(contracts, sandboxes, rehearsals, server.pipeline))
    journal: dict[str, Callable[[Call], Any]] = {
        **operations_of(RequestControl(sandboxes)),
        **operations_of(VerificationControl(sandboxes)),
        **operations_of(EventControl(sandboxes)),
    }
    operations: dict[str, Callable[[Call], Any]] = {
        **operations_of(DemoControl(guard, SandboxJson(contracts, sandboxes))),
        **journal,
        **one_request,
        **operations_of(WebhookControl(contracts, sandboxes, server.deliverer)),
        **status_operations(contracts, spec, sandboxes, server.about, server.metrics, lambda: server.store),
    }
    for kind in CONTROLS:
        operations |= operations_of(kind(contracts, sandboxes))
    return Vendor(
        name="control",
        title="Control",
        credential=lambda request: Credential(None),
        authenticate=lambda call: None,
        operations=guarded(announcing(operations, spec, sandboxes), guard, sandboxes),
        render=render,
        collections=(),
        sample="/_mock/health",
        auth_headers=lambda credential: {},
        slow={**_slow(sandboxes, journal), "get-metrics": lambda call: server.metrics.of_all is not None},
    )


def _slow(sandboxes: Sandboxes, journal: Iterable[str]) -> dict[str, Callable[[Call], bool]]:
    """Return `Vendor.slow`. `journal` are the names of the operations that may read many calls."""
    return {
        "list-sandboxes": lambda call: min(len(sandboxes), call.query["limit"]) > MAX_QUICK_SANDBOXES,
        "list-records": _lists_much,
        **dict.fromkeys(SLOW, lambda call: True),
        **dict.fromkeys(journal, partial(reads_much, sandboxes)),
    }


def _lists_much(call: Call) -> bool:
    return call.query["limit"] > MAX_QUICK_RECORDS or "q" in call.query or bool(call.query["changed"])


def render(problem: Problem, call: Call) -> Answer:
    """Return the control API's response to a problem: a JSON object with `error` and `message`."""
    status, error, _ = ANSWERS[problem.kind]
    return Answer(status, {"error": error, "message": problem_text(problem)})


def problem_text(problem: Problem) -> str:
    """Return the message about a problem, for people."""
    violations = "; ".join(_violation_text(redact_violation(one)) for one in problem.violations)
    # A message may quote a lone surrogate from a request. UTF-8 cannot encode it, so replace it.
    text = (problem.message or violations or ANSWERS[problem.kind][2])[:MAX_MESSAGE]
    return text.encode("utf-8", "replace").decode()


def _violation_text(violation: Violation) -> str:
    where = f"{violation.place}.{violation.name}" if violation.name else violation.place
    words = NO_POSITION if violation.expected == POSITION_PATTERN else violation_in_words(violation)
    return f"{where}: {words}"[:MAX_TEXT]
