"""The vendors' rate limits in a sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.client.transport import ControlApi

__tracebackhide__ = True  # pytest shows the caller's line, not these

Overrides = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit: a window or a leaky bucket.

    A window allows at most `most` calls in `seconds` seconds. A leaky bucket has room for `most` calls, and
    loses `per_second` of them each second; it refuses a call when it is full. Each client is counted by
    itself; `per` lists what identifies a client, such as `credential`. `remaining` is the number of calls
    left to the client that has the fewest left.
    """

    most: int
    remaining: int
    per: tuple[str, ...]
    seconds: int | None = None
    per_second: int | None = None


class Limits:
    """The rate limits of one sandbox. Turning them on or off resets every count to 0."""

    def __init__(self, request: ControlApi, path: str) -> None:
        self._request, self._path = request, path

    @property
    def enabled(self) -> bool:
        return bool(self._request("GET", self._path)["enabled"])

    def set(self, limits: bool | Mapping[str, Any]) -> None:
        """Turn the limits on or off (True or False), or on with `overrides`, as `create` does."""
        self._request("PUT", self._path, limits)

    def on(self, overrides: Overrides | None = None) -> None:
        """Enforce the limits. `overrides` replaces numbers of calls: {vendor: {name of limit: calls}}."""
        self._request("PUT", self._path, {"enabled": True, "overrides": overrides or {}})

    def off(self) -> None:
        """Stop enforcing the limits, and forget the overrides."""
        self._request("PUT", self._path, {"enabled": False})

    def of(self, vendor: str) -> dict[str, Limit]:
        """Return a vendor's limits by name. Raise KeyError if there is no such vendor."""
        limits: Mapping[str, Any] = self._request("GET", self._path)["vendors"][vendor]
        return {name: Limit(**{**limit, "per": tuple(limit["per"])}) for name, limit in limits.items()}
