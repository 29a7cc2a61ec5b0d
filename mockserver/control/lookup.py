"""What operations of the control API share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import SandboxRefused
from mockserver.store.state import TooManyChanges
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Kind, Problem

KINDS: Mapping[str, Kind] = {"missing": "not_found", "exists": "exists", "full": "full"}


Operations = dict[str, Callable[[Call], Any]]


@contextmanager
def refusals() -> Iterator[None]:
    """What sandboxes refuse, in the control API's words."""
    try:
        yield
    except SandboxRefused as error:
        raise Problem(KINDS[error.reason], str(error)) from None
    except TooManyChanges as error:
        raise Problem("overflow", str(error)) from None


def operations_of(control: object) -> Operations:
    """An object's public methods as handlers by operationId, which is the method's name with dashes."""
    names = [name for name in vars(type(control)) if not name.startswith("_")]
    return {name.replace("_", "-"): getattr(control, name) for name in names}


def base_url(call: Call) -> str:
    """The URL under which the client reached this server."""
    return f"{call.request.scheme}://{call.request.headers.get('host', 'localhost')}"


def sandbox_of(sandboxes: Sandboxes, call: Call) -> Sandbox:
    """The sandbox in the path of a call. Problem: there is none."""
    with refusals():
        return sandboxes.get(call.path["sandbox"])
