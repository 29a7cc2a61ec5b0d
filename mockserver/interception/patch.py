"""Patches: what stands in for a method of a library."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mockserver.interception.server_thread import ServerThread

Route = Callable[[str], ServerThread | None]


@dataclass(frozen=True)
class Patch:
    """A method of a library's class, and what stands in for it."""

    owner: type
    name: str
    stand_in: Callable[..., Any]
