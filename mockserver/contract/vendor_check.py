"""The check of a vendor's files at start. Each message is one line: the place, the mistake, and the fix."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from mockserver.catalog.catalog import SeededCatalog
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec
from mockserver.resources import InvalidFile
from mockserver.store.state import Draft, State
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem, VendorProblemKind, Violation
from mockserver.vendor_api.request import Headers, Request

ANY_VIOLATION = Violation("query", "q", "required")


def check_vendor(contract: Contract, module: Path) -> None:
    """Raise InvalidFile for the first mistake in a vendor's files."""
    for lack in (*_lacks_of_render(contract, module), *_lacks_of_spec(contract)):
        raise InvalidFile(lack)


def _lacks_of_render(contract: Contract, module: Path) -> Iterator[str]:
    """Yield messages about problems that `render` cannot render, or whose status is not in the spec."""
    vendor, spec = contract.vendor, contract.spec
    for kind in get_args(VendorProblemKind):
        problem = Problem(kind, violations=(ANY_VIOLATION,) if kind == "invalid" else ())
        try:
            answer = vendor.render(problem, _any_call(contract))
        except Exception as error:
            yield f"{module}: render fails for a problem of kind {kind}: {type(error).__name__}: {error}"
            continue
        if not isinstance(answer, Answer):
            yield f"{module}: render must return an Answer for a problem of kind {kind}"
            continue
        declared = [spec.shared_responses, *(one.responses for one in spec.operations.values())]
        if not any(answer.status in responses for responses in declared):
            yield (
                f"{spec.file}: {answer.status} is not declared, which render gives for {kind}: add it to"
                f" components.responses with x-status: {answer.status}"
            )


def _any_call(contract: Contract) -> Call:
    request = Request("GET", "/", "", Headers(), contract.spec.default_host)
    return Call(request, Credential(None), lambda purpose: bytes(32), Draft(SeededCatalog(0, 0), State()), {})


def _lacks_of_spec(contract: Contract) -> Iterator[str]:
    spec = contract.spec
    for name in contract.base_records:
        if name not in spec.records:
            yield f"{spec.file}: no schema has x-collection: {name}; the schema of its records needs it"
    for operation, name, link in _links(spec):
        target = spec.operations.get(link.get("operationId", ""))
        if target is None:
            yield f"{spec.file}: link {name} of {operation} leads to no operation: give it an operationId"
            continue
        known = {parameter.name for parameter in target.parameters}
        for parameter in link.get("parameters", {}):
            if parameter.rpartition(".")[2] not in known:
                yield f"{spec.file}: link {name} of {operation} gives {parameter}, unknown to {target.id}"


def _links(spec: Spec) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each link in the responses of a spec: its operation's id, its name, and the link object."""
    for path in spec.document["paths"].values():
        for item in path.values():
            if not isinstance(item, dict) or "responses" not in item:
                continue
            for response in item["responses"].values():
                for name, link in response.get("links", {}).items():
                    yield item["operationId"], name, link
