"""The public demo of a server that runs with `--demo`, for its operator."""

from dataclasses import dataclass
from typing import Any

from mockserver.client.transport import ControlApi

__tracebackhide__ = True  # pytest shows the caller's line, not these


@dataclass(frozen=True, slots=True)
class DemoStatus:
    """The state of a public demo. `refused` has the number of refused requests by quota."""

    paused: bool
    sandboxes: int
    created: int
    evicted: int
    refused: dict[str, int]


class Demo:
    """The public demo of one server. All methods raise Refused if it has none."""

    def __init__(self, request: ControlApi) -> None:
        self._request = request

    @property
    def status(self) -> DemoStatus:
        """The numbers of sandboxes and refusals, and if the creation of sandboxes is paused."""
        found: dict[str, Any] = self._request("GET", "/_mock/demo")
        return DemoStatus(**{name: value for name, value in found.items() if name != "quotas"})

    def pause(self) -> None:
        """Give visitors no new sandboxes. Those that exist go on."""
        self._request("PATCH", "/_mock/demo", {"paused": True})

    def resume(self) -> None:
        """Give visitors new sandboxes again."""
        self._request("PATCH", "/_mock/demo", {"paused": False})

    def wipe(self) -> int:
        """Delete the sandboxes of all visitors, and return their number."""
        deleted: int = self._request("DELETE", "/_mock/demo/sandboxes")["deleted"]
        return deleted
