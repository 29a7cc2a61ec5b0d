"""The exchange: one call and its result, on their way through the pipeline."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.spec import Path
from mockserver.contract.response import ContractBroken, Response
from mockserver.data.store.base_records import BaseRecords
from mockserver.sandbox.journal.entry import Change, KeptEntry
from mockserver.sandbox.sandbox import OnCommit, Sandbox
from mockserver.sandbox.tokens import SandboxTokens
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Request
from mockserver.vendor_api.vendor import Vendor

MAX_QUICK_BYTES = 64 * 1024  # longer bodies are checked in a thread, so that other calls do not wait


class Exchange(msgspec.Struct):
    """One call to a vendor or to the control API.

    `operation` and `path` are None if the spec does not contain them. `time` is the start of the call by
    the sandbox's clock. `started` is the same moment by `time.perf_counter`. `later` is an async function
    that returns the handler's answer; it is None if the handler does not have to wait for anything.
    `on_commit` is called if the call changes records. It gets the state before the changes. `entry` is what
    the journal has of the call, once it is answered.
    """

    raw: RawRequest
    contract: Contract
    sandbox: Sandbox
    call: Call
    operation: Operation | None
    path: Path | None
    path_values: Mapping[str, str]
    time: datetime
    started: float
    response: Response | None = None
    problem: Problem | None = None
    changes: tuple[Change, ...] = ()
    engine: str = ""
    later: Callable[[], Awaitable[Any]] | None = None
    on_commit: OnCommit | None = None
    entry: KeptEntry | None = None

    @property
    def request(self) -> Request:
        return self.call.request

    @property
    def vendor_name(self) -> str:
        return self.contract.vendor.name

    @property
    def operation_id(self) -> str:
        """The operationId, or an empty string if the spec has no operation for the request."""
        return self.operation.id if self.operation else ""

    @property
    def writes(self) -> bool:
        return self.operation is not None and self.operation.method != "GET"

    @property
    def base_records(self) -> Mapping[str, BaseRecords]:
        return self.contract.base_records

    @property
    def vendor(self) -> Vendor:
        return self.contract.vendor

    def handle(self) -> None:
        """Run the handler of a call that has passed every check.

        Raise Problem if the handler refuses the call. Raise ContractBroken if the spec does not declare the
        answer. After an exception, the records are unchanged.
        """
        contract, operation, call = self.contract, self.operation, self.call
        assert operation is not None
        handler = contract.vendor.operations[operation.id]
        try:
            if operation.method == "GET" or not contract.base_records:
                answer = handler(call)
                if callable(answer):
                    self.later = answer
                else:
                    self.response = contract.respond(answer, call, operation)
                return
            if contract.issues_tokens:
                self.allow_tokens()
            call.parts = contract
            with self.sandbox.client_transaction(call.draft, self.on_commit) as draft:
                self.response = contract.respond(handler(call), call, operation)
        except SystemExit as error:  # no engine lets it through unharmed
            reason = f"the handler raised SystemExit: {error}"
            raise RuntimeError(reason).with_traceback(error.__traceback__) from None
        self.changes = tuple([Change(*slot, *change) for slot, change in draft.changed.items()])

    def allow_tokens(self) -> None:
        """Let the handler issue tokens for the call's sandbox."""
        sandbox = self.sandbox
        self.call.tokens = SandboxTokens(sandbox.token_key, self.vendor_name, sandbox.name, self.time)

    def respond(self, answer: Any) -> None:
        """Set the response to a handler's answer. Raise ContractBroken if the spec does not declare it."""
        assert self.operation is not None
        self.response = self.contract.respond(answer, self.call, self.operation)

    def refuse(self, problem: Problem) -> None:
        """Set the response to the vendor's refusal. Raise ContractBroken if the spec does not declare it."""
        # Its frames refer to this exchange. So all of a large body would stay in memory until a full garbage
        # collection, and a journal could keep a deleted sandbox.
        problem.__traceback__ = problem.__context__ = problem.__cause__ = None
        self.problem = problem
        if problem.kind == "unauthenticated":
            problem.hint = self.call.credential.why_refused
        self.response = self.contract.refusal(problem, self.call, self.operation, self.path)
        if problem.kind in ("unauthenticated", "forbidden") and self.call.credential.status == "accepted":
            self._name_other_check(problem)

    def _name_other_check(self, problem: Problem) -> None:
        """Name the check that refused a call whose credential is accepted: of its headers, or of a rule."""
        if self.operation is None or problem.check:
            return
        try:
            self.operation.read(self.request, self.path_values)
        except Problem as broken:
            problem.violations = tuple(one for one in broken.violations if one.place == "header")
        problem.check = "parameters" if problem.violations else "rules"

    def inject_refusal(self, problem: Problem) -> None:
        """Set the response to a refusal, even though the call is valid.

        The refusal may need details that a valid call does not have. If so, the spec does not declare the
        vendor's response, and the spec's example is the response.
        """
        contract, call, operation, path = self._documented()
        if problem.kind == "rate_limited":
            call.quota = call.quota.used_up()
        answer = contract.vendor.render(problem, call)
        try:
            self.response = contract.with_declared_headers(answer, call, operation, path)
        except ContractBroken:
            self.response = contract.example(answer.status, call, operation, path)

    def answer_with_example(self, status: int) -> None:
        """Set the response to the spec's example for a status, or to an empty body if there is no example."""
        contract, call, operation, path = self._documented()
        self.response = contract.example(status, call, operation, path)

    def answer_with(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Set the response, even if the spec does not declare it."""
        self.response = Response(status, tuple(headers.items()), body)

    def drop(self) -> None:
        """Set the response to status 0, which means that no response is sent."""
        self.response = Response(0, (), b"")

    def _documented(self) -> tuple[Contract, Call, Operation, Path]:
        assert self.operation is not None and self.path is not None
        return self.contract, self.call, self.operation, self.path
