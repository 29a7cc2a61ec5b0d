"""The control API, as one more vendor: its spec is specs/control.yaml, its ground is /_mock."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec
from mockserver.control.faults import FaultControl
from mockserver.control.limits import LimitControl
from mockserver.control.lookup import operations_of
from mockserver.control.records import RecordControl
from mockserver.control.requests import RequestControl, reads_much
from mockserver.control.sandboxes import SandboxControl
from mockserver.control.status import status_operations
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.metrics import Metrics
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.vendor import Vendor

MANY = 100
ANSWERS: Mapping[str, tuple[int, str, str]] = {
    "bad_request": (400, "invalid", "the request cannot be read"),
    "invalid": (400, "invalid", ""),
    "unauthenticated": (401, "unauthorized", "send the admin token as a bearer token"),
    "forbidden": (403, "forbidden", "without an admin token, control answers only on loopback"),
    "not_found": (404, "missing", "there is no such thing"),
    "no_such_path": (404, "missing", "there is no such path"),
    "method_not_allowed": (405, "method_not_allowed", "this path does not take this method"),
    "exists": (409, "exists", "there is one of that name already"),
    "request_timeout": (408, "request_timeout", "the request did not arrive in time"),
    "too_large": (413, "too_large", "the request is too large"),
    "full": (503, "full", "the server holds as many as it will"),
    "overflow": (507, "full", "the sandbox holds as many changes as it will"),
}


def control(
    spec: Spec,
    contracts: Mapping[str, Contract],
    sandboxes: Sandboxes,
    about: Mapping[str, str],
    metrics: Metrics,
) -> Vendor:
    """The control API of a server with these vendors and sandboxes."""
    requests = RequestControl(sandboxes)
    operations: dict[str, Callable[[Call], Any]] = {
        **operations_of(SandboxControl(contracts, sandboxes)),
        **operations_of(RecordControl(contracts, sandboxes)),
        **operations_of(LimitControl(contracts, sandboxes)),
        **operations_of(FaultControl(contracts, sandboxes)),
        **operations_of(requests),
        **status_operations(contracts, spec, about, metrics),
    }
    return Vendor(
        name="control",
        title="Control",
        credential=lambda request: Credential(None),
        authenticate=lambda call: None,
        operations=operations,
        render=render,
        collections=(),
        sample="/_mock/health",
        auth_headers=lambda credential: {},
        slow={
            "list-sandboxes": lambda call: len(sandboxes) > MANY,
            "export-sandbox": lambda call: True,
            "import-sandbox": lambda call: True,
            **dict.fromkeys(operations_of(requests), partial(reads_much, sandboxes)),
        },
    )


def render(problem: Problem, call: Call) -> Answer:
    status, error, usual = ANSWERS[problem.kind]
    wrong = "; ".join(map(_text, problem.violations))
    message = (problem.message or wrong or usual).encode("utf-8", "replace").decode()
    return Answer(status, {"error": error, "message": message})


def _text(violation: Violation) -> str:
    where = f"{violation.place}.{violation.name}" if violation.name else violation.place
    if violation.rule == "oneOf":
        return f"{where}: has none of the forms that it can have, see /_mock/openapi.json"
    expected = "" if violation.expected is None else f" {violation.expected}"
    return f"{where}: {violation.rule}{expected}"[:300]
