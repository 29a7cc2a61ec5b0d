"""The sandboxes of a server as one JSON document, which keeps their data from one run to the next."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import Operation
from mockserver.control.sandboxes import document as sandbox_document
from mockserver.control.sandboxes.document import export_document, import_sandbox, imported_world
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import World
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, is_sandbox_name
from mockserver.vendor_api.problem import Problem

FORMAT, VERSION = "mockserver sandboxes", 1
FIELDS = {"format", "version", "sandboxes", "issued", "initial"}
ANY_EXPORT = "an export is a JSON object with `format`, `version` and the data of sandboxes"


def export_sandboxes(
    sandboxes: Sandboxes, contracts: Mapping[str, Contract], *, with_initial: bool = False
) -> dict[str, Any]:
    """Return the default sandbox, and all that differ from a new sandbox, as one document.

    `issued` lists the sandboxes that their names do not open. Their credentials are secrets, and not in it.
    With `with_initial`, the document also has the worlds to which these sandboxes return at a reset.
    """
    kept = [one for one in sandboxes if one.name == DEFAULT_SANDBOX or _differs(one, one.world, sandboxes)]
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "sandboxes": {one.name: export_document(one, contracts) for one in kept},
    }
    if issued := [one.name for one in kept if one.issued]:
        document["issued"] = issued
    if with_initial:
        document["initial"] = {
            one.name: export_document(one, contracts, one.initial)
            for one in kept
            if _differs(one, one.initial, sandboxes)
        }
    return document


def import_sandboxes(
    document: Any, sandboxes: Sandboxes, contracts: Mapping[str, Contract], operation: Operation
) -> list[Sandbox]:
    """Import a document of `export_sandboxes`, or of one sandbox, which becomes the default sandbox.

    A sandbox that its name did not open gets a new credential. `operation` is the control API's
    `import-sandbox`, which knows the schema of one sandbox. Raise Problem if the document is not valid; some
    of its sandboxes may have been imported by then.
    """
    imported = []
    for name, exported in _sandboxes_in(document):
        operation.check_body(exported)
        sandbox = import_sandbox(name, exported, sandboxes, contracts)
        if "initial" in document:
            sandbox.initial = sandboxes.initial
            if name in document["initial"]:
                operation.check_body(document["initial"][name])
                sandbox.initial = imported_world(document["initial"][name], sandbox, contracts)
        if name in document.get("issued", ()):
            sandboxes.secrets.issue_credential(sandbox)
        imported.append(sandbox)
    return imported


def _differs(sandbox: Sandbox, world: World, sandboxes: Sandboxes) -> bool:
    """Return True if a world is not the one with which a new sandbox begins. Calls alone do not count."""
    return sandbox.catalog is not sandboxes.catalog or _settings(world) != _settings(sandboxes.initial)


def _settings(world: World) -> tuple[Any, ...]:
    state, limits = world.state, world.limits
    rules = [counted.rule for counted in world.faults.rules]
    settings = world.clock, world.dialects, limits.enabled, limits.overrides
    return state.changes, state.products_made, *settings, rules


def _sandboxes_in(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield (name, exported sandbox) for each sandbox. Raise Problem if the document has another shape."""
    known = {sandbox_document.FORMAT: sandbox_document.VERSION, FORMAT: VERSION}
    found = document.get("format") if isinstance(document, Mapping) else None
    if not isinstance(found, str) or found not in known:
        raise Problem("invalid", f"this is not an export of a mockserver: {ANY_EXPORT}")
    if type(version := document.get("version")) is int and version > known[found]:
        raise Problem("invalid", f"a newer mockserver wrote this (version {version}): update mockserver")
    if found == sandbox_document.FORMAT:
        yield DEFAULT_SANDBOX, document
        return
    shapes = {"sandboxes": Mapping, "initial": Mapping, "issued": list}
    fits = all(isinstance(document[name], shape) for name, shape in shapes.items() if name in document)
    if version != VERSION or "sandboxes" not in document or document.keys() - FIELDS or not fits:
        raise Problem("invalid", "an export of several sandboxes has `format`, `version` 1 and `sandboxes`")
    if DEFAULT_SANDBOX in document.get("issued", ()):
        raise Problem(
            "invalid", f"the sandbox {DEFAULT_SANDBOX} has no credential of its own: take it out of `issued`"
        )
    for name, exported in document["sandboxes"].items():
        if not is_sandbox_name(name):
            raise Problem("invalid", f"{name[:80]!r} cannot be the name of a sandbox")
        yield name, exported
