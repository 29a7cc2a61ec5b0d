"""The evidence table: lists each vendor's responses with their evidence."""

from collections.abc import Collection, Sequence

from mockserver.contract.openapi.documented_response import DocumentedResponse
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.spec import Spec

EVIDENCE = ("documented", "observed", "inferred")


def as_text(specs: Sequence[Spec]) -> str:
    """List all vendors' operations and responses with their evidence, as text for a terminal."""
    lines = []
    for spec in specs:
        lines.append(f"{spec.name}: {spec.title}, {spec.document['info']['version']}")
        for operation in spec.operations.values():
            lines.append(f"  {operation.method} {operation.template}  ({operation.id})")
            lines += [f"    {_line(response)}" for response in operation.responses.values()]
        lines.append("  any other path or method")
        lines += [f"    {_line(response)}" for response in spec.shared_responses.values()]
    return "\n".join(lines)


def _line(response: DocumentedResponse) -> str:
    return f"{response.status} {response.evidence:<10} {response.description}"


def as_markdown(specs: Sequence[Spec]) -> str:
    """Return a Markdown table: a row per operation, and a column of statuses per kind of evidence."""
    rows = ["| vendor | operation | documented | observed | inferred |", "|---|---|---|---|---|"]
    shared: dict[str, list[str]] = {}
    for spec in specs:
        for operation in spec.operations.values():
            rows.append(f"| {spec.name} | {_name(operation)} | {_cells(operation.responses.values())} |")
        shared.setdefault(_cells(spec.shared_responses.values()), []).append(spec.name)
    rows += [
        f"| {', '.join(names)} | any other path or method | {cells} |" for cells, names in shared.items()
    ]
    return "\n".join(rows)


def _name(operation: Operation) -> str:
    return f"`{operation.method} {operation.template}`"


def _cells(responses: Collection[DocumentedResponse]) -> str:
    return " | ".join(
        ", ".join(str(response.status) for response in responses if response.evidence == evidence)
        for evidence in EVIDENCE
    )
