"""The registry of active interceptions: patches the HTTP libraries, and decides which interception answers.

A patch changes a class for the whole process. So there is one registry for the process.

Interceptions can be nested, and several threads can enter them. The registry chooses one for a call:

- If the call's thread or task has entered active interceptions, the innermost of them answers. So tests
  in several threads do not see each other's calls.
- Otherwise the newest active interception of the process answers. So the call does not reach a real
  vendor, even if a client library started the thread.
"""

import sys
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from threading import Lock
from typing import Any, Protocol

from mockserver.embedding.interception import name_lookups
from mockserver.embedding.interception.import_hook import ImportHook
from mockserver.embedding.interception.patch import CannotPatch, Patch
from mockserver.embedding.interception.server_thread import ServerThread

__tracebackhide__ = True  # pytest shows the caller's line, not these

# A library's module: our module with its patches. The library is patched after it is imported.
LIBRARIES: Mapping[str, str] = {
    "urllib3.connectionpool": "mockserver.embedding.interception.urllib3_patch",
    "httpx": "mockserver.embedding.interception.httpx_patch",
    "httpx2": "mockserver.embedding.interception.httpx_patch",
    "aiohttp.connector": "mockserver.embedding.interception.aiohttp_patch",
    "uvloop": "mockserver.embedding.interception.uvloop_patch",
}
INHERITED: Any = object()  # the class does not define the method that is patched: one of its bases does


class InterceptionLike(Protocol):
    """The part of an `Interception` that the registry uses."""

    @property
    def active(self) -> bool: ...

    def server_for(self, host: str, port: int) -> ServerThread | None: ...

    def check_lookup(self, host: str) -> None: ...


@dataclass(frozen=True)
class _Frame:
    """An interception that a thread or task has entered, linked to the one entered before it."""

    interception: InterceptionLike
    outer: "_Frame | None"


class Registry:
    """The active interceptions of this process, and the patches of the libraries."""

    def __init__(self) -> None:
        # One lock would deadlock. enter() holds _enter_lock, and may wait until another thread has
        # imported a library. That thread calls _patch(), which therefore needs a different lock.
        self._enter_lock, self._state_lock = Lock(), Lock()
        self._active: list[InterceptionLike] = []
        self._innermost: ContextVar[_Frame | None] = ContextVar("mockserver.interception", default=None)
        self._patched: dict[str, list[tuple[Patch, Any]]] = {}
        self._import_hook = ImportHook({module: self._patch for module in LIBRARIES})

    def enter(self, interception: InterceptionLike) -> None:
        """Make an interception the innermost one of this thread or task.

        If no other interception is active, patch the libraries. If a library cannot be patched, raise
        CannotPatch; then nothing is intercepted.
        """
        with self._enter_lock:
            with self._state_lock:
                self._active.append(interception)
            if len(self._active) == 1:
                name_lookups.watch(self.check_lookup)
                try:
                    self._import_hook.install()
                except BaseException:
                    self._remove(interception)
                    raise
        self._innermost.set(_Frame(interception, self._active_frame()))

    def leave(self, interception: InterceptionLike) -> None:
        """Remove an interception that is no longer active. After the last one, remove the patches."""
        with self._enter_lock:
            self._remove(interception)
        self._innermost.set(self._active_frame())

    def _remove(self, interception: InterceptionLike) -> None:
        with self._state_lock:
            self._active.remove(interception)
            if not self._active:
                name_lookups.ignore()
                self._import_hook.uninstall()
                self._restore()

    def server_for(self, host: str, port: int) -> ServerThread | None:
        """Return the server thread that answers a call to a host, or None to send it to the real host.

        Raise HostRefused if the call may not be sent.
        """
        frame = self._active_frame()
        with self._state_lock:
            last = self._active[-1] if self._active else None
            interception = frame.interception if frame else last
        return interception.server_for(host, port) if interception else None

    def check_lookup(self, host: str) -> None:
        """Raise HostRefused if one of the active interceptions forbids looking up a host name.

        Ask all of them: a library may look up a name in a thread of its own, which has entered none.
        """
        for interception in tuple(self._active):
            interception.check_lookup(host)

    def _active_frame(self) -> _Frame | None:
        """Return the innermost frame of this thread or task. Skip interceptions that have ended."""
        frame = self._innermost.get()
        while frame and not frame.interception.active:
            frame = frame.outer
        return frame

    def _patch(self, module: str) -> None:
        try:
            ours, library = import_module(LIBRARIES[module]), sys.modules[module]
            with self._state_lock:
                # Two names may stand for one module: httpx2 can make itself known as httpx.
                if self._active and library.__name__ not in self._patched:
                    self._patched[library.__name__] = _apply(ours.patches(library, self.server_for))
        except (ImportError, AttributeError, KeyError) as error:
            name, reason = module.partition(".")[0], f"{type(error).__name__}: {error}"
            raise CannotPatch(
                f"this version of {name} cannot be intercepted ({reason}): install another version"
            ) from error

    def _restore(self) -> None:
        for patch, original in chain.from_iterable(self._patched.values()):
            # If somebody else patched the method after us, leave their patch. Their patch may still call
            # ours. That is harmless: without an interception, our patch calls the original method.
            if patch.owner.__dict__[patch.name] is not patch.replacement:
                continue
            if original is INHERITED:
                delattr(patch.owner, patch.name)
            else:
                setattr(patch.owner, patch.name, original)
        self._patched.clear()


def _apply(patches: Iterable[Patch]) -> list[tuple[Patch, Any]]:
    """Apply all patches, and return each with the original attribute, or INHERITED.

    If an attribute is missing, raise AttributeError before any patch is applied.
    """
    originals = []
    for patch in patches:
        getattr(patch.owner, patch.name)
        originals.append((patch, patch.owner.__dict__.get(patch.name, INHERITED)))
    for patch, _ in originals:
        setattr(patch.owner, patch.name, patch.replacement)
    return originals


REGISTRY = Registry()  # one for the process, because patches affect the whole process
