"""The registry of active interceptions: patches the HTTP libraries, and decides which interception answers.

A patch changes a class for the whole process. So there is one registry for the process.

Interceptions can be nested, and several threads can enter them. The registry chooses one for a call:

- If the call's thread or task has entered active interceptions, the innermost of them answers. So tests
  in several threads do not see each other's calls.
- Otherwise the newest active interception of the process answers. So the call does not reach a real
  vendor, even if a client library started the thread.
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

# A library's module: our module with its patches. The library is patched after it is imported.
LIBRARIES: Mapping[str, str] = {
    "urllib3.connectionpool": "mockserver.interception.urllib3_patch",
    "httpx": "mockserver.interception.httpx_patch",
    "aiohttp.connector": "mockserver.interception.aiohttp_patch",
}


class CannotPatch(Exception):
    """An installed HTTP library is too old or too new to be intercepted.

    Raised on entering a block, or when the library is imported inside the block.
    """


class InterceptionLike(Protocol):
    """The part of an `Interception` that the registry uses."""

    @property
    def active(self) -> bool: ...

    def server_for(self, host: str) -> ServerThread | None: ...


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
                self._import_hook.uninstall()
                self._restore()

    def server_for(self, host: str) -> ServerThread | None:
        """Return the server thread that answers a call to a host, or None to send it to the real host.

        Raise HostRefused if the call may not be sent.
        """
        frame = self._active_frame()
        with self._state_lock:
            last = self._active[-1] if self._active else None
            interception = frame.interception if frame else last
        return interception.server_for(host) if interception else None

    def _active_frame(self) -> _Frame | None:
        """Return the innermost frame of this thread or task. Skip interceptions that have ended."""
        frame = self._innermost.get()
        while frame and not frame.interception.active:
            frame = frame.outer
        return frame

    def _patch(self, module: str) -> None:
        try:
            ours = import_module(LIBRARIES[module])
            with self._state_lock:
                if self._active and module not in self._patched:
                    self._patched[module] = _apply(ours.patches(self.server_for))
        except (ImportError, AttributeError, KeyError) as error:
            library, reason = module.partition(".")[0], f"{type(error).__name__}: {error}"
            raise CannotPatch(
                f"this version of {library} cannot be intercepted ({reason}): install another version"
            ) from error

    def _restore(self) -> None:
        for patch, original in chain.from_iterable(self._patched.values()):
            # If somebody else patched the method after us, leave their patch. Their patch may still call
            # ours. That is harmless: without an interception, our patch calls the original method.
            if patch.owner.__dict__[patch.name] is patch.replacement:
                setattr(patch.owner, patch.name, original)
        self._patched.clear()


def _apply(patches: Iterable[Patch]) -> list[tuple[Patch, Any]]:
    """Apply all patches, and return each with the original attribute.

    If an attribute is missing, raise KeyError before any patch is applied.
    """
    originals = [(patch, patch.owner.__dict__[patch.name]) for patch in patches]
    for patch, _ in originals:
        setattr(patch.owner, patch.name, patch.replacement)
    return originals


REGISTRY = Registry()  # one for the process, because patches affect the whole process
