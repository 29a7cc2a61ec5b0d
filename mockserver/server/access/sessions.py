"""Sessions of browsers, and one-time codes that begin one.

A browser that has logged in sends a random id in a cookie (see `session_cookie`). What the id stands for is
kept here alone, and only under a digest of the id, so that nobody can read ids from the memory of the server,
or from a store.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import msgspec
from msgspec.structs import replace as replace_in

from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.rights import Rights, rights_to
from mockserver.server.access.shared import Shared, Table
from mockserver.vendor_api.credential import Credential

MAX_IDLE = timedelta(hours=12)
RENEWAL = timedelta(minutes=10)  # after which other servers are told that a session is used
CODE_LIFE = timedelta(minutes=10)
MAX_SESSIONS = 20_000
MAX_SESSIONS_OF_ONE = 20  # for everything, or for one sandbox: so a visitor can end only her own sessions
MAX_CODES = 2_000
MAX_CODES_OF_ONE = 5
SECRET_BYTES = 32


class Kept(msgspec.Struct, frozen=True):
    """A session or a code: what it stands for, and when it ends."""

    rights: Rights
    ends: datetime


class Sessions:
    """The sessions of all servers that share tables.

    A session ends 12 hours after its last use, with the sandbox that it stands for, by `end`, or when there
    are too many: then the one that has not been used for longest ends, first of those with the same rights.
    Codes are good for one use within 10 minutes. Several threads may use an object at once.

    `owner` is the admin token. With another one, the sessions and codes for everything open nothing.
    """

    def __init__(
        self, sandboxes: Sandboxes, shared: Shared, owner: str = "", now: Callable[[], datetime] = wall_clock
    ) -> None:
        self._sandboxes, self._shared, self._owner, self._now = sandboxes, shared, owner, now
        self._sessions, self._codes = shared.table("session", Kept), shared.table("code", Kept)
        self._lent: dict[str, Rights] = {}  # by digest; at this server alone

    def begin(self, sandbox: Sandbox | None) -> str:
        """Return the id of a new session for one sandbox, or for everything."""
        rights = rights_to(sandbox)
        return self._shared.change(lambda: self._begin(rights))

    def find(self, session_id: str) -> Credential | None:
        """Return what a session stands for, and count this as a use. Return None if there is no such session.

        The credential names the only sandbox that the session opens, or none if it opens everything.
        """
        for digest in self._digests(session_id):
            rights = self._rights_of(digest)
            if rights is not None and rights.last(self._sandboxes):
                if self._shared.keeper is None:
                    self._renew(digest)
                return replace(rights.opens, lasts=partial(self._has, digest))
        return None

    def _rights_of(self, digest: str) -> Rights | None:
        """Return what a session stands for whose time is not over. Its sandbox may have ended."""
        kept = self._sessions.get(digest)
        if kept is not None:
            return kept.rights if self._now() < kept.ends else None
        return self._lent.get(digest)

    def _has(self, digest: str) -> bool:
        """Return True if a session has not ended. This does not count as a use."""
        rights = self._rights_of(digest)
        return rights is not None and rights.last(self._sandboxes)

    def sandboxes_of(self, session_ids: Iterable[str]) -> set[str]:
        """Return the names of the sandboxes for which there are sessions with these ids."""
        found = (self._rights_of(digest) for one in session_ids for digest in self._digests(one))
        return {rights.sandbox for rights in found if rights is not None and rights.sandbox is not None}

    def due(self, session_ids: Iterable[str]) -> list[str]:
        """Return the digests of the sessions whose latest use other servers should learn of."""
        latest = self._now() + MAX_IDLE - RENEWAL
        found = (digest for one in session_ids for digest in self._digests(one))
        return [digest for digest in found if (kept := self._sessions.get(digest)) and kept.ends < latest]

    def renew(self, digests: Iterable[str]) -> None:
        """Count a use of sessions, in a change of the tables."""
        for digest in digests:
            self._renew(digest)

    def _renew(self, digest: str) -> None:
        with self._shared.lock:  # it may just end
            if kept := self._sessions.get(digest):
                self._sessions.put(digest, replace_in(kept, ends=self._now() + MAX_IDLE))

    @contextmanager
    def lent(self, rights: Rights) -> Iterator[str]:
        """Yield the id of a session that ends with the block, and that no other session ends for."""
        session_id = secrets.token_urlsafe(SECRET_BYTES)
        digest = self._digest_for(rights, session_id)
        self._lent[digest] = rights
        try:
            yield session_id
        finally:
            del self._lent[digest]

    def end(self, session_id: str) -> None:
        """End a session, if there is one with this id."""
        if ended := [digest for digest in self._digests(session_id) if self._sessions.get(digest)]:
            self._shared.change(lambda: self._remove(self._sessions, ended))

    def new_code(self, sandbox: Sandbox | None = None) -> str:
        """Return a new one-time code. Whoever sends it gets a session for one sandbox, or for everything."""
        rights = rights_to(sandbox)
        return self._shared.change(lambda: self._add(self._codes, rights, MAX_CODES, MAX_CODES_OF_ONE))

    def knows_code(self, code: str) -> bool:
        """Return True if a code would begin a session. This does not use it up."""
        return any(self._is_good(digest) for digest in self._digests(code))

    def redeem(self, code: str) -> str | None:
        """Use up a code. Return the id of a new session, or None if the code is not good, or no more."""

        def redeem() -> str | None:
            for digest in self._digests(code):
                if self._is_good(digest) and (kept := self._codes.get(digest)):
                    self._codes.remove(digest)
                    return self._begin(kept.rights)
            return None

        return self._shared.change(redeem)

    def tidy(self) -> None:
        """Remove what is over, in a change of the tables."""
        for table in (self._sessions, self._codes):
            self._remove(table, self._over(table))

    def _is_good(self, digest: str) -> bool:
        kept = self._codes.get(digest)
        return kept is not None and not self._is_over(kept)

    def _begin(self, rights: Rights) -> str:
        return self._add(self._sessions, rights, MAX_SESSIONS, MAX_SESSIONS_OF_ONE)

    def _add(self, table: Table[Kept], rights: Rights, most: int, most_of_one: int) -> str:
        """Add a session or code, for which others make room if there are too many. Return its secret."""
        same = _oldest_first((digest, one) for digest, one in table.items() if one.rights == rights)
        self._remove(table, same[: max(0, len(same) + 1 - most_of_one)])
        if len(table) >= most:
            self._remove(table, self._over(table) or _oldest_first(table.items())[:1])
        secret = secrets.token_urlsafe(SECRET_BYTES)
        life = CODE_LIFE if table is self._codes else MAX_IDLE
        table.put(self._digest_for(rights, secret), Kept(rights, self._now() + life))
        return secret

    def _is_over(self, kept: Kept) -> bool:
        """Return True if the time of a session or code is over, or its sandbox is known to have ended."""
        return self._now() >= kept.ends or kept.rights.over(self._sandboxes)

    def _over(self, table: Table[Kept]) -> list[str]:
        return [digest for digest, one in table.items() if self._is_over(one)]

    @staticmethod
    def _remove(table: Table[Kept], digests: Iterable[str]) -> None:
        for digest in digests:
            table.remove(digest)

    def _digest_for(self, rights: Rights, secret: str) -> str:
        of_one, of_all = self._digests(secret)
        return of_all if rights.sandbox is None else of_one

    def _digests(self, secret: str) -> tuple[str, str]:
        """Return the digest of a secret if it stands for one sandbox, and the one if it stands for all."""
        return _digest_of(secret), _digest_of(f"{secret} {self._owner}")


def _oldest_first(rows: Iterable[tuple[str, Kept]]) -> list[str]:
    """Return the keys of rows, first of those that have not been used for longest."""
    return [key for key, kept in sorted(rows, key=lambda row: row[1].ends)]


def _digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
