"""Checks a vendor's files at start. Each message is one line: the place, the mistake, and the fix."""

from collections.abc import Iterable, Iterator
from itertools import chain, product
from pathlib import Path
from typing import Any, get_args

from mockserver.contract.contract import Contract
from mockserver.contract.item_check import wrong_items
from mockserver.contract.openapi.spec import Spec
from mockserver.contract.response import is_header
from mockserver.data.catalog.catalog import SeededCatalog
from mockserver.data.catalog.products import Variant
from mockserver.data.catalog.word_lists import shipped_word_lists
from mockserver.data.resources import InvalidFile
from mockserver.data.store.base_records import BaseRecords
from mockserver.data.store.state import Draft, State
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.failure import UNEXPECTED, description
from mockserver.vendor_api.problem import Problem, VendorProblemKind, Violation
from mockserver.vendor_api.request import Headers, Request

ALIASES = ("sku", "ean", "uuid", "object_id")
ANY_VIOLATION = Violation("query", "q", "required")
VARIANTS = 45  # in the catalog whose first and last records are checked; the stock of the last is below zero
# Values of the header with the credential that tempt a vendor's code to fail.
ODD_CREDENTIALS = (
    "", " ", "demo", "Bearer", "Bearer ", "Basic", "Basic %", "Basic Og==", "Basic /w==", "Basic ZGVtbw==",
    "Digest a=b", "\xe9", "\xff" * 1000,
)  # fmt: skip

HEADER_CURE = "header names and values must be str, in latin-1 and without line breaks: correct it"


def check_vendor(contract: Contract, module: Path, fixtures: Path) -> None:
    """Raise InvalidFile for the first mistake in a vendor's module, fixture file or spec."""
    for mistake in chain(
        _mistakes_in_observed(contract, module),
        _mistakes_in_operations(contract, module),
        _mistakes_in_credential(contract, module),
        _mistakes_in_collections(contract, module, fixtures),
        _mistakes_in_generated_records(contract, module),
        _mistakes_in_render(contract, module),
        _mistakes_in_webhooks(contract, module),
        _mistakes_in_paths(contract.spec),
        _mistakes_in_links(contract.spec),
    ):
        raise InvalidFile(mistake)


def check_dialects(contract: Contract, module: Path, fixtures: Path) -> None:
    """Raise InvalidFile for the first mistake of a vendor in another dialect than `documented`."""
    observed = contract.in_dialect("observed")
    if observed is not contract:
        try:
            check_vendor(observed, module, fixtures)
        except InvalidFile as error:
            raise InvalidFile(f"{error} (in the dialect observed)") from None


def check_hosts(specs: Iterable[Spec]) -> None:
    """Raise InvalidFile if two vendors have the same host name."""
    owners: dict[str, Spec] = {}
    for spec in specs:
        for name in spec.host_names:
            other = owners.setdefault(name.lower(), spec)
            if other is not spec:
                hint = "change one of them, or serve only one of these vendors"
                raise InvalidFile(f"{spec.file}: the host {name} is also in {other.file}: {hint}")


def _mistakes_in_observed(contract: Contract, module: Path) -> Iterator[str]:
    """Yield a message if `Vendor.observed` cannot be used, or if the spec does not say what it is about."""
    vendor, spec = contract.vendor, contract.spec
    try:
        vendor.in_observed()
    except UNEXPECTED as error:
        text = str(error) if isinstance(error, ValueError) else description(error)
        yield f"{module}: {text}: correct observed"
    if vendor.observed and not spec.differences:
        yield f"{spec.file}: {module} has observed, but x-dialects lists no difference: add what differs"


def _mistakes_in_operations(contract: Contract, module: Path) -> Iterator[str]:
    """Yield a message for operations without a handler, and for handlers without an operation."""
    spec, handlers = contract.spec, contract.vendor.operations
    missing = ", ".join(sorted(spec.operations.keys() - handlers.keys()))
    unknown = ", ".join(sorted(handlers.keys() - spec.operations.keys()))
    if missing and unknown:
        yield (
            f"{spec.file}: {missing} has no handler, and {module} has a handler for {unknown}, which is not"
            " in the spec: use the operationId of the spec"
        )
    elif missing:
        yield f"{spec.file}: operation {missing} has no handler: add one to the operations of {module}"
    elif unknown:
        yield (
            f"{module}: the vendor has a handler for {unknown}, but {spec.file} has no such operation: add"
            " the operation, or remove the handler"
        )


def _mistakes_in_webhooks(contract: Contract, module: Path) -> Iterator[str]:
    """Yield a message for each topic that only the module or only the spec has."""
    rules, declared = contract.vendor.webhooks, set(contract.spec.webhooks)
    topics = set(rules.topics) if rules else set()
    for topic in sorted(declared - topics):
        yield f"{module}: the webhooks have no topic {topic}, which {contract.spec.file} lists: add it"
    for topic in sorted(topics - declared):
        yield f"{contract.spec.file}: x-webhook-topics has no {topic}: add the schema of its body"


def _mistakes_in_credential(contract: Contract, module: Path) -> Iterator[str]:
    """Yield a message if `auth_headers` or `credential` fails or returns something else than it must."""
    vendor = contract.vendor
    try:
        headers = vendor.auth_headers("demo")
        wrong = _wrong_header(headers.items())
    except UNEXPECTED as error:
        yield f"{module}: auth_headers fails: {description(error)}: make it return a dict of headers"
        return
    if wrong:
        yield f"{module}: auth_headers returns {wrong}: {HEADER_CURE}"
    for name, value in [("", ""), *product({"Authorization": 0, **headers}, ODD_CREDENTIALS)]:
        lines = [(name.encode(), value.encode("latin-1"))] if name else []
        request = Request("GET", "/", "", Headers(lines), contract.spec.default_host)
        sent = f"with {name} {value[:20]!r}" if name else "without headers"
        try:
            credential = vendor.credential(request)
        except UNEXPECTED as error:
            reason = f"the function credential raises an error for a request {sent}: {description(error)}"
            yield f"{module}: {reason}: return Credential(None) or Credential('')"
            return
        if not isinstance(credential, Credential):
            yield f"{module}: credential must return a Credential for a request {sent}, not {credential!r}"
            return


def _mistakes_in_collections(contract: Contract, module: Path, fixtures: Path) -> Iterator[str]:
    """Yield a message for each missing schema, invalid record and unknown alias of the collections."""
    spec = contract.spec
    for name, base in contract.base_records.items():
        if (schema := spec.records.get(name)) is None:
            yield f"{spec.file}: x-collections has no {name}: add the schema of its records"
            continue
        for record in base.fixtures:
            if not schema.accepts(record):
                key = record[base.collection.key]
                yield f"{fixtures}: {name} {key}: {schema.difference(record)}: correct the record"
        for alias in base.collection.aliases:
            if not hasattr(Variant, alias):
                known = ", ".join(ALIASES)
                yield f"{module}: {alias} cannot be an alias of {name}: use an id of a Variant ({known})"


def _mistakes_in_generated_records(contract: Contract, module: Path) -> Iterator[str]:
    """Yield a message for each collection whose first or last generated record cannot be used."""
    catalog = SeededCatalog(shipped_word_lists().seed, VARIANTS)
    for name, base in contract.base_records.items():
        place = f"count of {name}"
        try:
            count = base.collection.count(catalog)
            for number in sorted({0, count - 1}) if count else ():
                place = f"generated record {number} of {name}"
                if wrong := _wrong_record(contract, base, catalog, number):
                    yield f"{module}: {place}: {wrong}"
        except UNEXPECTED as error:
            yield f"{module}: {place}: {description(error)}: correct the collection"


def _wrong_record(contract: Contract, base: BaseRecords, catalog: SeededCatalog, number: int) -> str:
    """Return a message if a generated record cannot be used, otherwise an empty string."""
    record, key = base.generate(catalog, number), base.collection.key
    schema = contract.spec.records[base.collection.name]
    if not isinstance(record, dict) or record.get(key) is None:
        return f"it has no {key}: make must return a dict with it"
    if not schema.accepts(record):
        return f"{schema.difference(record)}: correct make, or the schema"
    found = base.collection.locate(catalog, str(record[key]))
    if found != number:
        return f"locate returns {found!r} for its {key} {record[key]}: make it return {number}"
    return wrong_items(base, contract.base_records, record, catalog, number)


def _mistakes_in_render(contract: Contract, module: Path) -> Iterator[str]:
    """Call `render` with each kind of Problem. Yield a message if the spec does not declare the answer."""
    vendor, call = contract.vendor, _any_call(contract)
    for kind in get_args(VendorProblemKind):
        problem = Problem(kind, violations=(ANY_VIOLATION,) if kind == "invalid" else ())
        try:
            answer = vendor.render(problem, call)
            common = vendor.common_headers(call) if vendor.common_headers else {}
            headers = [*answer.headers, *common.items()] if isinstance(answer, Answer) else []
            wrong = _wrong_header(headers)
        except UNEXPECTED as error:
            reason = f"render fails for a problem of kind {kind}: {description(error)}"
            yield f"{module}: {reason}: make it render every kind"
            continue
        if not isinstance(answer, Answer):
            yield f"{module}: render must return an Answer for a problem of kind {kind}"
        elif wrong:
            yield f"{module}: the answer to a problem of kind {kind} has {wrong}: {HEADER_CURE}"
        else:
            yield from _mistakes_in_answer(answer, headers, kind, contract.spec, module)


def _mistakes_in_answer(
    answer: Answer, headers: Iterable[tuple[str, str]], kind: str, spec: Spec, module: Path
) -> Iterator[str]:
    """Yield a message if the spec does not declare the answer to a problem."""
    groups = (spec.shared_responses, *(one.responses for one in spec.operations.values()))
    declared = [responses[answer.status] for responses in groups if answer.status in responses]
    missing = [one.missing_header((("Content-Type", ""), ("Allow", ""), *headers)) for one in declared]
    if not declared:
        yield (
            f"{spec.file}: render answers {kind} with {answer.status}, which is not declared: add it to"
            " x-shared-responses"
        )
    elif all(missing):
        reason = f"render answers {kind} with {answer.status}, but {missing[0]}"
        yield f"{module}: {reason}: add it, or correct {spec.file}"


def _wrong_header(pairs: Iterable[Any]) -> str:
    """Return a text about the first pair that cannot be sent as a header, or an empty string."""
    for name, value in pairs:
        if not is_header(name, value):
            return f"the header {name!r} with the value {value!r}"
    return ""


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
    for link in spec.links:
        target = spec.operations.get(link.target)
        if target is None:
            yield f"{spec.file}: link {link.name} of {link.source} has an unknown operationId: correct it"
            continue
        known = {parameter.name for parameter in target.parameters}
        for parameter in link.parameters:
            if parameter.rpartition(".")[2] not in known:
                hint = f"use a parameter of {target.id} ({', '.join(sorted(known))})"
                where = f"link {link.name} of {link.source}"
                yield f"{spec.file}: {where} sets {parameter}, which is unknown: {hint}"
