"""Share links: each shows one call to whoever has the link, and opens nothing else."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.rights import Rights, rights_to

SECRET_BYTES = 16
MAX_SHARES = 5_000
MAX_SHARES_OF_ONE = 50  # sandbox


@dataclass(frozen=True, slots=True)
class Share:
    """A link to the call with this id. `token` is the secret in the link, `rights` those to read the call."""

    token: str
    call: str
    rights: Rights


class Shares:
    """The share links of one server, at most one for each call.

    A link lasts until it is revoked, or its sandbox ends. If there are too many, the oldest ends, first of
    those of the same sandbox. Several threads may use an object at once.
    """

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes, self._lock = sandboxes, Lock()
        self._shares: dict[bytes, Share] = {}  # by the digest of the token, the oldest first

    def make(self, sandbox: Sandbox, call: str) -> Share:
        """Return the link to a call in a sandbox: the one that there is, or a new one."""
        rights = rights_to(sandbox)
        with self._lock:
            if found := self._lasting(call):
                return found
            self._make_room(rights)
            share = Share(secrets.token_urlsafe(SECRET_BYTES), call, rights)
            self._shares[_digest_of(share.token)] = share
        return share

    def of_call(self, call: str) -> Share | None:
        """Return the link to a call, or None."""
        with self._lock:
            return self._lasting(call)

    def find(self, token: str) -> Share | None:
        """Return the link with this token, or None if there is none, or no more."""
        share = self._shares.get(_digest_of(token))
        return share if share and share.rights.last(self._sandboxes) else None

    def revoke(self, call: str) -> None:
        """End the link to a call, if there is one."""
        with self._lock:
            self._remove(digest for digest, share in self._shares.items() if share.call == call)

    def _lasting(self, call: str) -> Share | None:
        same = (share for share in self._shares.values() if share.call == call)
        return next((share for share in same if share.rights.last(self._sandboxes)), None)

    def _make_room(self, rights: Rights) -> None:
        """Remove the links of ended sandboxes and, if there are too many, the oldest of the others."""
        self._remove(one for one, share in self._shares.items() if not share.rights.last(self._sandboxes))
        same = [digest for digest, share in self._shares.items() if share.rights == rights]
        self._remove(same[: max(0, len(same) + 1 - MAX_SHARES_OF_ONE)])
        self._remove([*self._shares][: max(0, len(self._shares) + 1 - MAX_SHARES)])

    def _remove(self, digests: Iterable[bytes]) -> None:
        for digest in [*digests]:
            del self._shares[digest]


def _digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
