"""The switchboard: which interception answers for a host, and the libraries patched meanwhile.

Patches are of the whole process, so there is one switchboard. A call is answered by the
interception that its own thread or task entered last, and has not left; a thread that entered
none gets the one that anybody entered last. So tests in several threads do not meet, and no
thread that a client starts by itself reaches a real vendor.
"""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from threading import Lock
from typing import Any, Protocol

from mockserver.interception.import_hook import ImportHook
from mockserver.interception.patch import Patch
from mockserver.interception.server_thread import ServerThread

# The module after whose import a library can be patched, and ours that knows how.
LIBRARIES: Mapping[str, str] = {
    "urllib3.connectionpool": "mockserver.interception.urllib3_patch",
    "httpx": "mockserver.interception.httpx_patch",
    "aiohttp.connector": "mockserver.interception.aiohttp_patch",
}


class CannotPatch(Exception):
    """An HTTP library that is installed is too old or too new to be intercepted."""


class Answering(Protocol):
    """An interception, as the switchboard knows it."""

    def route(self, host: str) -> ServerThread | None:
        """The bridge that answers for a host, or None: the call is let through. HostRefused."""

    @property
    def over(self) -> bool: ...


@dataclass(frozen=True)
class _Link:
    """An interception, and what was entered before it in the same thread or task."""

    one: Answering
    before: "_Link | None"


class Registry:
    """The interceptions of this process that have been entered and not left."""

    def __init__(self) -> None:
        self._turn, self._lock = Lock(), Lock()
        self._entered: list[Answering] = []
        self._own: ContextVar[_Link | None] = ContextVar("mockserver.interception", default=None)
        self._patched: dict[str, list[tuple[Patch, Any]]] = {}
        self._imports = ImportHook({module: self._patch for module in LIBRARIES})

    def enter(self, one: Answering) -> None:
        """CannotPatch: a library is not what it was when this was written."""
        with self._turn:  # not the other lock: this may wait for an import, and that for a patch
            with self._lock:
                self._entered.append(one)
            if len(self._entered) == 1:
                try:
                    self._imports.watch()
                except BaseException:
                    self._forget(one)
                    raise
        self._own.set(_Link(one, self._link()))

    def leave(self, one: Answering) -> None:
        """Whoever leaves last takes the patches with it. `one` must be over by now."""
        with self._turn:
            self._forget(one)
        self._own.set(self._link())

    def _forget(self, one: Answering) -> None:
        with self._lock:
            self._entered.remove(one)
            if not self._entered:
                self._imports.unwatch()
                self._restore()

    def route(self, host: str) -> ServerThread | None:
        """The bridge that answers for a host, or None: the call is let through. HostRefused."""
        link = self._link()
        with self._lock:
            one = link.one if link else self._entered[-1] if self._entered else None
        return one.route(host) if one else None

    def _link(self) -> _Link | None:
        link = self._own.get()
        while link and link.one.over:
            link = link.before
        return link

    def _patch(self, module: str) -> None:
        try:
            ours = import_module(LIBRARIES[module])
            with self._lock:
                if self._entered and module not in self._patched:
                    self._patched[module] = _set(ours.patches(self.route))
        except (ImportError, AttributeError, KeyError) as error:
            library, reason = module.partition(".")[0], f"{type(error).__name__}: {error}"
            raise CannotPatch(f"this version of {library} cannot be intercepted: {reason}") from error

    def _restore(self) -> None:
        for patch, original in chain.from_iterable(self._patched.values()):
            if patch.owner.__dict__[patch.name] is patch.stand_in:  # else somebody patched it after us,
                setattr(patch.owner, patch.name, original)  # and ours, which stays below, lets through
        self._patched.clear()


def _set(patches: Iterable[Patch]) -> list[tuple[Patch, Any]]:
    """Set all of them or none. Each with what was there before."""
    found = [(patch, patch.owner.__dict__[patch.name]) for patch in patches]
    for patch, _ in found:
        setattr(patch.owner, patch.name, patch.stand_in)
    return found


REGISTRY = Registry()  # state of the process, as the patches are
