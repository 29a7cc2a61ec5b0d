"""Checks a vendor's files at start. Each message is one line: the place, the mistake, and the fix."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

from mockserver.catalog.catalog import SeededCatalog
from mockserver.catalog.products import Variant
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec
from mockserver.resources import InvalidFile
from mockserver.store.state import Draft, State
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem, VendorProblemKind, Violation
from mockserver.vendor_api.request import Headers, Request

ALIASES = ("sku", "ean", "uuid", "object_id")
ANY_VIOLATION = Violation("query", "q", "required")


def check_vendor(contract: Contract, module: Path, fixtures: Path) -> None:
    """Raise InvalidFile for the first mistake in a vendor's module, fixture file or spec."""
    for mistake in chain(
        _mistakes_in_collections(contract, module, fixtures),
        _mistakes_in_render(contract, module),
        _mistakes_in_paths(contract.spec),
        _mistakes_in_links(contract.spec),
    ):
        raise InvalidFile(mistake)


def _mistakes_in_collections(contract: Contract, module: Path, fixtures: Path) -> Iterator[str]:
    """Yield a message for each missing schema, invalid record and unknown alias of the collections."""
    spec = contract.spec
    for name, base in contract.base_records.items():
        if (schema := spec.records.get(name)) is None:
            yield f"{spec.file}: no schema has the x-collection {name}: add it to the schema of these records"
            continue
        for record in base.fixtures:
            if not schema.accepts(record):
                key = record[base.collection.key]
                yield f"{fixtures}: {name} {key}: {schema.difference(record)}: correct the record"
        for alias in base.collection.aliases:
            if not hasattr(Variant, alias):
                known = ", ".join(ALIASES)
                yield f"{module}: {alias} cannot be an alias of {name}: use an id of a Variant ({known})"


def _mistakes_in_render(contract: Contract, module: Path) -> Iterator[str]:
    """Call `render` with each kind of Problem. Yield a message if the spec does not declare the answer."""
    vendor, spec = contract.vendor, contract.spec
    for kind in get_args(VendorProblemKind):
        problem = Problem(kind, violations=(ANY_VIOLATION,) if kind == "invalid" else ())
        call = _any_call(contract)
        try:
            answer = vendor.render(problem, call)
            common = vendor.common_headers(call) if vendor.common_headers else {}
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            yield f"{module}: render fails for a problem of kind {kind} ({reason}): make it render every kind"
            continue
        if not isinstance(answer, Answer):
            yield f"{module}: render must return an Answer for a problem of kind {kind}"
            continue
        groups = (spec.shared_responses, *(one.responses for one in spec.operations.values()))
        declared = [responses[answer.status] for responses in groups if answer.status in responses]
        headers = (("Content-Type", ""), ("Allow", ""), *answer.headers, *common.items())
        missing = [one.missing_header(headers) for one in declared]
        if not declared:
            yield (
                f"{spec.file}: render answers {kind} with {answer.status}, which is not declared: add it to"
                f" components.responses with x-status: {answer.status}"
            )
        elif all(missing):
            reason = f"render answers {kind} with {answer.status}, but {missing[0]}"
            yield f"{module}: {reason}: add it, or correct {spec.file}"


def _any_call(contract: Contract) -> Call:
    request = Request("GET", "/", "", Headers(), contract.spec.default_host)
    return Call(request, Credential(None), lambda purpose: bytes(32), Draft(SeededCatalog(0, 0), State()), {})


def _mistakes_in_paths(spec: Spec) -> Iterator[str]:
    """Yield a message for each pair of paths that match the same requests, and each repeated id."""
    templates: dict[tuple[str, ...], str] = {}
    ids: set[str] = set()
    for path in spec.paths:
        shape = tuple("{}" if part.startswith("{") else part for part in path.pattern)
        if (other := templates.setdefault(shape, path.template)) != path.template:
            yield f"{spec.file}: {other} and {path.template} match the same requests: make them one path"
        for operation in path.operations.values():
            if operation.id in ids:
                yield f"{spec.file}: the operationId {operation.id} is used twice: rename one of them"
            ids.add(operation.id)


def _mistakes_in_links(spec: Spec) -> Iterator[str]:
    """Yield a message for each link with an unknown operationId or parameter."""
    for operation, name, link in _links(spec):
        target = spec.operations.get(link.get("operationId", ""))
        if target is None:
            yield f"{spec.file}: link {name} of {operation} has an unknown operationId: correct it"
            continue
        known = {parameter.name for parameter in target.parameters}
        for parameter in link.get("parameters", {}):
            if parameter.rpartition(".")[2] not in known:
                hint = f"use a parameter of {target.id} ({', '.join(sorted(known))})"
                yield f"{spec.file}: link {name} of {operation} sets {parameter}, which is unknown: {hint}"


def _links(spec: Spec) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (operationId, link name, link object) for each link in the responses of a spec."""
    for path in spec.document["paths"].values():
        for item in path.values():
            if not isinstance(item, dict) or "responses" not in item:
                continue
            for response in item["responses"].values():
                for name, link in response.get("links", {}).items():
                    yield item["operationId"], name, link
