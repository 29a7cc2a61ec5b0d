"""What each answer rests on, as a table made from the specs."""

from collections.abc import Collection, Sequence

from mockserver.contract.openapi.documented_response import DocumentedResponse
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.spec import Spec


def text(specs: Sequence[Spec]) -> str:
    """For a terminal: each vendor's operations, and under each its answers."""
    lines = []
    for spec in specs:
        lines.append(f"{spec.name}: {spec.title}, {spec.document['info']['version']}")
        for operation in spec.operations.values():
            lines.append(f"  {operation.method} {operation.template}  ({operation.id})")
            lines += [f"    {_line(reply)}" for reply in operation.responses.values()]
        lines.append("  any other path or method")
        lines += [f"    {_line(reply)}" for reply in spec.ground.values()]
    return "\n".join(lines)


def _line(reply: DocumentedResponse) -> str:
    return f"{reply.status} {reply.evidence:<10} {reply.description}"


def markdown(specs: Sequence[Spec]) -> str:
    """For the README: one row for an operation, its statuses under what they rest on."""
    rows = ["| vendor | operation | documented | observed | inferred |", "|---|---|---|---|---|"]
    rest: dict[str, list[str]] = {}
    for spec in specs:
        for operation in spec.operations.values():
            rows.append(f"| {spec.name} | {_name(operation)} | {_cells(operation.responses.values())} |")
        rest.setdefault(_cells(spec.ground.values()), []).append(spec.name)
    rows += [f"| {', '.join(names)} | any other path or method | {cells} |" for cells, names in rest.items()]
    return "\n".join(rows)


def _name(operation: Operation) -> str:
    return f"`{operation.method} {operation.template}`"


def _cells(responses: Collection[DocumentedResponse]) -> str:
    return " | ".join(
        ", ".join(str(reply.status) for reply in responses if reply.evidence == evidence)
        for evidence in ("documented", "observed", "inferred")
    )
