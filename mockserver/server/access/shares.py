"""Share links: each shows one call to whoever has the link, and opens nothing else."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime

import msgspec

from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.rights import Rights, rights_to
from mockserver.server.access.shared import Shared

SECRET_BYTES = 16
MAX_SHARES = 5_000
MAX_SHARES_OF_ONE = 50  # sandbox


class Share(msgspec.Struct, frozen=True):
    """A link to the call with this id. `token` is the secret in the link, `rights` those to read the call."""

    token: str
    call: str
    rights: Rights


class Kept(msgspec.Struct, frozen=True):
    """The part of a link that is kept, by a digest of its token. That follows from `nonce` and from a key."""

    nonce: bytes
    call: str
    rights: Rights
    made: datetime


class Shares:
    """The share links of all servers that share tables, at most one for each call.

    A link lasts until it is revoked, or its sandbox ends. If there are too many, the oldest ends, first of
    those of the same sandbox. Several threads may use an object at once.
    """

    def __init__(self, sandboxes: Sandboxes, shared: Shared) -> None:
        self._sandboxes, self._shared = sandboxes, shared
        self._shares = shared.table("share", Kept)

    def make(self, sandbox: Sandbox, call: str) -> Share:
        """Return the link to a call in a sandbox: the one that there is, or a new one."""
        rights = rights_to(sandbox)

        def make() -> Share:
            if found := self.of_call(call):
                return found
            self._remove_those_to(call)
            self._make_room(rights)
            kept = Kept(secrets.token_bytes(SECRET_BYTES), call, rights, wall_clock())
            token = self._token(kept)
            self._shares.put(_digest_of(token), kept)
            return Share(token, call, rights)

        return self._shared.change(make)

    def of_call(self, call: str) -> Share | None:
        """Return the link to a call, or None."""
        same = (row for row in self._shares.items() if row[1].call == call)
        found = (self._shown(*row) for row in same if not row[1].rights.over(self._sandboxes))
        return next((share for share in found if share), None)

    def find(self, token: str) -> Share | None:
        """Return the link with this token, or None if there is none, or no more."""
        digest = _digest_of(token)
        kept = self._shares.get(digest)
        return self._shown(digest, kept) if kept and kept.rights.last(self._sandboxes) else None

    def sandbox_of(self, token: str) -> str | None:
        """Return the name of the sandbox to whose call a link leads, or None. It may have ended."""
        kept = self._shares.get(_digest_of(token))
        return None if kept is None else kept.rights.sandbox

    def revoke(self, call: str) -> None:
        """End the link to a call, if there is one."""
        self._shared.change(lambda: self._remove_those_to(call))

    def tidy(self) -> None:
        """Remove the links of sandboxes that have ended, in a change of the tables."""
        self._remove(one for one, kept in self._shares.items() if kept.rights.over(self._sandboxes))

    def _shown(self, digest: str, kept: Kept) -> Share | None:
        """Return a link as it is shown, or None if it has ended with the key that it follows from."""
        token = self._token(kept)
        return Share(token, kept.call, kept.rights) if _digest_of(token) == digest else None

    def _token(self, kept: Kept) -> str:
        token = hmac.digest(self._shared.key, kept.nonce, "sha256")[:SECRET_BYTES]
        return urlsafe_b64encode(token).decode().rstrip("=")

    def _make_room(self, rights: Rights) -> None:
        """Remove the links of ended sandboxes and, if there are too many, the oldest of the others."""
        self.tidy()
        rows = sorted(self._shares.items(), key=lambda row: row[1].made)
        same = [digest for digest, kept in rows if kept.rights == rights]
        self._remove(same[: max(0, len(same) + 1 - MAX_SHARES_OF_ONE)])
        left = [digest for digest, _ in rows if self._shares.get(digest)]
        self._remove(left[: max(0, len(left) + 1 - MAX_SHARES)])

    def _remove_those_to(self, call: str) -> None:
        self._remove(digest for digest, kept in self._shares.items() if kept.call == call)

    def _remove(self, digests: Iterable[str]) -> None:
        for digest in [*digests]:
            self._shares.remove(digest)


def _digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
