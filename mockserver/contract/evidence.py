"""The evidence table: lists each vendor's responses with their evidence."""

from collections.abc import Collection, Iterator, Sequence

from mockserver.contract.openapi.documented_response import DocumentedResponse
from mockserver.contract.openapi.operation import SCOPES, Operation
from mockserver.contract.openapi.spec import Spec

EVIDENCE = ("documented", "observed", "inferred")
NOT_STATED = "not stated"
TITLES = {
    "page": "Operations of the pages:",
    "neighbour": "Neighbours, which clients also call:",
}


def as_text(specs: Sequence[Spec]) -> str:
    """List all vendors' operations and responses with their evidence, as text for a terminal."""
    return "\n".join(line for spec in specs for line in _lines(spec))


def _lines(spec: Spec) -> Iterator[str]:
    yield f"{spec.name}: {spec.title}, {spec.document['info']['version']}"
    for scope in SCOPES:
        for operation in spec.of_scope(scope):
            read = spec.read_on.get(scope, NOT_STATED)
            yield f"  {operation.method} {operation.template}  ({operation.id})  {scope}, read {read}"
            yield from (f"    {_line(response)}" for response in operation.responses.values())
    yield "  any other path or method"
    yield from (f"    {_line(response)}" for response in spec.shared_responses.values())
    if spec.differences:
        yield "  in the dialect observed"
        yield from (f"    {one.evidence:<10} {one.summary}" for one in spec.differences)
    if spec.webhooks:
        yield "  webhooks"
        yield from (f"    {webhook.evidence:<10} {topic}" for topic, webhook in spec.webhooks.items())
    if spec.not_emulated:
        yield "  real endpoints of the vendor that are not part of this mock"
        yield from (f"    {endpoint}" for endpoint in spec.not_emulated)


def _line(response: DocumentedResponse) -> str:
    return f"{response.status} {response.evidence:<10} {response.description}"


def as_markdown(specs: Sequence[Spec]) -> str:
    """Return Markdown tables: of the pages' operations, of their neighbours, and of all other calls.

    These tables have a row per operation, and a column of statuses per kind of evidence. More tables list the
    differences of the dialect `observed`, the topics of webhooks, and the endpoints that are not emulated.
    """
    parts = []
    for scope in SCOPES:
        if rows := [row for spec in specs for row in _rows(spec, scope)]:
            parts.append(f"{TITLES[scope]}\n\n{_table(('vendor', 'operation', 'read', *EVIDENCE), rows)}")
    shared: dict[str, list[str]] = {}
    for spec in specs:
        shared.setdefault(_cells(spec.shared_responses.values()), []).append(spec.name)
    rows = [f"{', '.join(names)} | {cells}" for cells, names in shared.items()]
    parts.append(f"Any other path or method:\n\n{_table(('vendor', *EVIDENCE), rows)}")
    if rows := [row for spec in specs for row in _difference_rows(spec)]:
        heading = "What the dialect `observed` does otherwise:"
        parts.append(f"{heading}\n\n{_table(('vendor', 'in `observed`', 'evidence', 'source'), rows)}")
    if rows := [row for spec in specs for row in _webhook_rows(spec)]:
        parts.append(f"Webhooks:\n\n{_table(('vendor', 'topic', 'evidence', 'source'), rows)}")
    if rows := [f"{one.name} | {_endpoints(one)}" for one in specs if one.not_emulated]:
        heading = "Real endpoints of the vendors that are not part of this mock:"
        parts.append(f"{heading}\n\n{_table(('vendor', 'endpoints'), rows)}")
    return "\n\n".join(parts)


def _rows(spec: Spec, scope: str) -> Iterator[str]:
    read = spec.read_on.get(scope, NOT_STATED)
    for operation in spec.of_scope(scope):
        yield f"{spec.name} | {_name(operation)} | {read} | {_cells(operation.responses.values())}"


def _difference_rows(spec: Spec) -> Iterator[str]:
    for one in spec.differences:
        yield f"{spec.name} | {_cell(one.summary)} | {one.evidence} | {_cell(one.source)}"


def _webhook_rows(spec: Spec) -> Iterator[str]:
    for topic, webhook in spec.webhooks.items():
        yield f"{spec.name} | `{topic}` | {webhook.evidence} | {_cell(webhook.source)}"


def _cell(text: str) -> str:
    """Return a text as it stands in one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(columns: Sequence[str], rows: Sequence[str]) -> str:
    head, rule = f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"
    return "\n".join((head, rule, *(f"| {row} |" for row in rows)))


def _name(operation: Operation) -> str:
    return f"`{operation.method} {operation.template}`"


def _endpoints(spec: Spec) -> str:
    return ", ".join(f"`{endpoint}`" for endpoint in spec.not_emulated)


def _cells(responses: Collection[DocumentedResponse]) -> str:
    return " | ".join(
        ", ".join(str(response.status) for response in responses if response.evidence == evidence)
        for evidence in EVIDENCE
    )
