"""The vendors' rate limits in a sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.client.transport import ControlApi

Overrides = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in so many seconds (`seconds`), or a bucket of that size that leaks (`per_second`)."""

    most: int
    remaining: int
    per: tuple[str, ...]
    seconds: int | None = None
    per_second: int | None = None


class Limits:
    """The rate limits of one sandbox. Turning them on or off begins the count anew."""

    def __init__(self, ask: ControlApi, path: str) -> None:
        self._ask, self._path = ask, path

    @property
    def enabled(self) -> bool:
        return bool(self._ask("GET", self._path)["enabled"])

    def on(self, overrides: Overrides | None = None) -> None:
        """Keep them; `overrides` has other numbers, by vendor and limit."""
        self._ask("PUT", self._path, {"enabled": True, "overrides": overrides or {}})

    def off(self) -> None:
        self._ask("PUT", self._path, {"enabled": False})

    def of(self, vendor: str) -> dict[str, Limit]:
        """A vendor's limits by name, and what is left of them. KeyError: there is no such vendor."""
        shown: Mapping[str, Any] = self._ask("GET", self._path)["vendors"][vendor]
        return {name: Limit(**{**limit, "per": tuple(limit["per"])}) for name, limit in shown.items()}
