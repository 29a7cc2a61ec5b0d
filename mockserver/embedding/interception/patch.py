"""The description of one patch: a method of a library's class, and the function that replaces it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mockserver.embedding.interception.server_thread import ServerThread

# Returns the server thread that answers for a host name and a port, or None if the request should go to
# the real host. Raises HostRefused.
ServerFor = Callable[[str, int], ServerThread | None]


class CannotPatch(Exception):
    """An installed HTTP library cannot be intercepted: its version is too old or too new, or it is a fork.

    Raised on entering a block, or when the library is imported inside the block.
    """


@dataclass(frozen=True)
class Patch:
    """A method of a class, and its replacement while an interception is active."""

    owner: type
    name: str
    replacement: Callable[..., Any]
