"""Sessions of browsers, and one-time codes that begin one.

A browser that has logged in sends a random id in a cookie (see `session_cookie`). What the id stands for is
kept here alone, and only under a digest of the id, so that nobody can read ids from the memory of the server.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.rights import Rights, rights_to
from mockserver.vendor_api.credential import Credential

MAX_IDLE = timedelta(hours=12)
CODE_LIFE = timedelta(minutes=10)
MAX_SESSIONS = 20_000
MAX_SESSIONS_OF_ONE = 20  # for everything, or for one sandbox: so a visitor can end only her own sessions
MAX_CODES = 2_000
MAX_CODES_OF_ONE = 5
SECRET_BYTES = 32


@dataclass(slots=True)
class Kept:
    """A session or a code: what it stands for, and when it ends."""

    rights: Rights
    ends: datetime


class Sessions:
    """The sessions of one server.

    A session ends 12 hours after its last use, with the sandbox that it stands for, by `end`, or when there
    are too many: then the one that has not been used for longest ends, first of those with the same rights.
    Codes are good for one use within 10 minutes. Several threads may use an object at once.
    """

    def __init__(self, sandboxes: Sandboxes, now: Callable[[], datetime] = wall_clock) -> None:
        self._sandboxes, self._now, self._lock = sandboxes, now, Lock()
        # By digest, the latest used last.
        self._sessions: dict[bytes, Kept] = {}
        self._codes: dict[bytes, Kept] = {}

    def begin(self, sandbox: Sandbox | None) -> str:
        """Return the id of a new session for one sandbox, or for everything."""
        return self._begin(rights_to(sandbox))

    def find(self, session_id: str) -> Credential | None:
        """Return what a session stands for, and count this as a use. Return None if there is no such session.

        The credential names the only sandbox that the session opens, or none if it opens everything.
        """
        digest = _digest_of(session_id)
        with self._lock:
            kept = self._sessions.pop(digest, None)
            if kept is None or not self._lasts(kept):
                return None
            kept.ends = self._now() + MAX_IDLE
            self._sessions[digest] = kept
        return replace(kept.rights.opens, lasts=lambda: self._has(digest))

    def _has(self, digest: bytes) -> bool:
        """Return True if a session has not ended. This does not count as a use."""
        with self._lock:  # `find` takes a session out for a moment
            kept = self._sessions.get(digest)
        return kept is not None and self._lasts(kept)

    @contextmanager
    def lent(self, rights: Rights) -> Iterator[str]:
        """Yield the id of a session that ends with the block, and that no other session ends for."""
        session_id = secrets.token_urlsafe(SECRET_BYTES)
        with self._lock:
            self._sessions[_digest_of(session_id)] = Kept(rights, self._now() + MAX_IDLE)
        try:
            yield session_id
        finally:
            self.end(session_id)

    def end(self, session_id: str) -> None:
        """End a session, if there is one with this id."""
        with self._lock:
            self._sessions.pop(_digest_of(session_id), None)

    def new_code(self, sandbox: Sandbox | None = None) -> str:
        """Return a new one-time code. Whoever sends it gets a session for one sandbox, or for everything."""
        rights = rights_to(sandbox)
        code = secrets.token_urlsafe(SECRET_BYTES)
        with self._lock:
            self._make_room(self._codes, rights, MAX_CODES, MAX_CODES_OF_ONE)
            self._codes[_digest_of(code)] = Kept(rights, self._now() + CODE_LIFE)
        return code

    def knows_code(self, code: str) -> bool:
        """Return True if a code would begin a session. This does not use it up."""
        kept = self._codes.get(_digest_of(code))
        return kept is not None and self._lasts(kept)

    def redeem(self, code: str) -> str | None:
        """Use up a code. Return the id of a new session, or None if the code is not good, or no more."""
        with self._lock:
            kept = self._codes.pop(_digest_of(code), None)
        return self._begin(kept.rights) if kept and self._lasts(kept) else None

    def _begin(self, rights: Rights) -> str:
        session_id = secrets.token_urlsafe(SECRET_BYTES)
        with self._lock:
            self._make_room(self._sessions, rights, MAX_SESSIONS, MAX_SESSIONS_OF_ONE)
            self._sessions[_digest_of(session_id)] = Kept(rights, self._now() + MAX_IDLE)
        return session_id

    def _lasts(self, kept: Kept) -> bool:
        """Return True if neither the time of a session or code is over, nor its sandbox has ended."""
        return self._now() < kept.ends and kept.rights.last(self._sandboxes)

    def _make_room(self, kept: dict[bytes, Kept], rights: Rights, most: int, most_of_one: int) -> None:
        """Remove the first ones, so that one more with these rights may be added."""
        same = [digest for digest, one in kept.items() if one.rights == rights]
        for digest in same[: max(0, len(same) + 1 - most_of_one)]:
            del kept[digest]
        if len(kept) >= most:
            over = [digest for digest, one in kept.items() if not self._lasts(one)]
            for digest in over or [next(iter(kept))]:
                del kept[digest]


def _digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
