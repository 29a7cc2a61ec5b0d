"""Helpers shared by the operations of the control API."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.data.store.state import TooManyChanges
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import SandboxRefused
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Kind, Problem
from mockserver.vendor_api.words import alternatives

KINDS: Mapping[str, Kind] = {"missing": "not_found", "exists": "exists", "full": "full", "invalid": "invalid"}
Operations = dict[str, Callable[[Call], Any]]


@contextmanager
def refusals_as_problems() -> Iterator[None]:
    """Raise a Problem instead of a SandboxRefused or TooManyChanges from the block."""
    try:
        yield
    except SandboxRefused as error:
        raise Problem(KINDS[error.reason], str(error)) from None
    except TooManyChanges as error:
        raise Problem("overflow", str(error)) from None


def operations_of(control: object) -> Operations:
    """Return an object's public methods by operationId: `get_clock` is the handler of `get-clock`."""
    names = [name for name in vars(type(control)) if not name.startswith("_")]
    return {name.replace("_", "-"): getattr(control, name) for name in names}


def base_url(call: Call) -> str:
    """Return the server's public URL, or else the one that the client used, without a trailing slash."""
    request = call.request
    return request.public_url or f"{request.scheme}://{request.headers.get('host', 'localhost')}"


def only_sandbox(call: Call) -> str | None:
    """Return the name of the only sandbox that the call's token opens, or None if it opens all."""
    return call.credential.sandbox


def contract_of(contracts: Mapping[str, Contract], name: str) -> Contract:
    """Return the contract of the vendor called `name`. Raise Problem if there is no such vendor."""
    if name not in contracts:
        raise Problem("not_found", f"there is no vendor {name[:100]}{alternatives(name, contracts)}")
    return contracts[name]


def sandbox_of(sandboxes: Sandboxes, call: Call) -> Sandbox:
    """Return the sandbox named in a call's path. Raise Problem if there is no such sandbox."""
    with refusals_as_problems():
        return sandboxes.get(call.path["sandbox"])
