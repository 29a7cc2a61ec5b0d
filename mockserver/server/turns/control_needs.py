"""Operations of the control API, by what they need of the sandboxes in a log."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from mockserver.sandbox.journal.entry import STRAYS
from mockserver.server.pipeline.pending import PendingTurn
from mockserver.vendor_api.credential import is_sandbox_name
from mockserver.vendor_api.json_text import decode

# Operations that change sandboxes, but have none in their path.
MAKERS = {"create-sandbox", "create-demo-sandbox", "change-demo", "clear-requests", "wipe-demo-sandboxes"}
CREATORS, IMPORT = {"create-sandbox", "fork-sandbox"}, "import-sandbox"
CHANGE_ALL = {"clear-requests", "wipe-demo-sandboxes"}  # unless they name one
MENDERS = {"reset-sandbox", "import-sandbox", "delete-sandbox"}  # those that make a lost sandbox anew
FOR_ALL = {
    "list-requests", "total-requests", "count-requests", "find-requests", "verify-requests",
    "verify-sequence", "wait-for-requests", "export-har", "stream-events", *CHANGE_ALL,
}  # fmt: skip
NAMES = ("sandbox", "fork", "source")  # of fields and parameters that name a sandbox
CALL = "request"  # of the parameters that name a call


def named_sandboxes(turn: PendingTurn) -> Iterator[str]:
    """Yield the names of the sandboxes that an operation of the control API names in any place."""
    fields = _fields(turn)
    match, query = fields.get("match"), parse_qsl(turn.raw.query)
    calls = [turn.route.values.get(CALL, ""), *(value for name, value in query if name == CALL)]
    named = [turn.route.values.get("sandbox"), *(call.rpartition(".")[0] for call in calls)]
    for source in (fields, match if isinstance(match, dict) else {}):
        named += [source.get(name) for name in NAMES]
    named += [value for name, value in query if name in NAMES]
    names = dict.fromkeys(name for name in named if isinstance(name, str))
    yield from (name for name in names if name == STRAYS or is_sandbox_name(name))


def new_sandbox(turn: PendingTurn) -> Iterator[str]:
    """Yield the name that an operation gives to the sandbox that it makes, if the request has one."""
    operation = turn.route.operation
    name = _fields(turn).get("name") if operation is not None and operation.id in CREATORS else None
    if isinstance(name, str) and is_sandbox_name(name):
        yield name


def _fields(turn: PendingTurn) -> Mapping[str, Any]:
    """Return the fields of the body, or none if it is not an object in JSON.

    That of an import names no sandbox, and can be so large that to decode it would hold up all calls.
    """
    if turn.route.operation is not None and turn.route.operation.id == IMPORT:
        return {}
    try:
        body = decode(turn.raw.body) if turn.raw.body else None
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}
