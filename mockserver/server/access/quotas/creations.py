"""The sandboxes that visitors of the public demo have made, at all servers: when, and by whom."""

import secrets
from collections.abc import Callable, Iterable

import msgspec

from mockserver.sandbox.registry import Sandboxes
from mockserver.server.access.quotas.clients import KEPT_SECONDS
from mockserver.server.access.shared import Shared

RENEWAL = 600.0  # seconds after which other servers are told that an address is still seen
UNDER_WAY = 10.0  # seconds in which a new sandbox counts, although the log does not have it yet
MAKER_BYTES = 8


class Creation(msgspec.Struct, frozen=True):
    """A sandbox that was made at a time, in seconds, by a client and a browser.

    `address` is the text that stands for the client. It is empty once it has been forgotten: an hour after
    `seen`, which is when the client has sent its latest request.
    """

    made: float
    address: str
    maker: str
    seen: float


class Flag(msgspec.Struct, frozen=True):
    """The operator has chosen something."""


class Creations:
    """The creations of all servers that share tables: of the latest hour, and those whose sandboxes exist.

    If a log keeps the sandboxes, tell `set_kept` what is in it before asking what exists. `candidates` are
    the names of sandboxes of which one may have to make room. If no log does, all of them may.
    """

    candidates: set[str] | None = None

    def __init__(self, sandboxes: Sandboxes, shared: Shared) -> None:
        self._sandboxes, self._shared = sandboxes, shared
        self._kept: set[str] | None = None
        self._seen: set[str] = set()  # those that have been in the log, and have been made since
        self._rows, self._flags = shared.table("visitor", Creation), shared.table("demo", Flag)

    @property
    def paused(self) -> bool:
        """True if the operator lets nobody make a sandbox."""
        return self._flags.get("paused") is not None

    @paused.setter
    def paused(self, value: bool) -> None:
        if value:
            self._flags.put("paused", Flag())
        else:
            self._flags.remove("paused")

    def set_kept(self, names: set[str]) -> None:
        """Note the names of all sandboxes that a log has."""
        self._kept = names
        self._seen = {name for name, _ in self._rows.items() if name in names or name in self._seen}

    def maker_of(self, sandbox: str) -> str:
        """Return who has made a sandbox, or somebody new."""
        found = self._rows.get(sandbox)
        return secrets.token_hex(MAKER_BYTES) if found is None else found.maker

    def add(self, sandbox: str, address: str, maker: str, now: float) -> None:
        self._rows.put(sandbox, Creation(now, address, maker, now))
        if self._kept is not None:
            self._kept.add(sandbox)
            self._seen.add(sandbox)

    def living(self, now: float) -> set[str]:
        """Return the names of the sandboxes of visitors that exist."""
        return {name for name, row in self._rows.items() if self._exists(name, row, now)}

    def _exists(self, name: str, row: Creation, now: float) -> bool:
        if self._kept is None:
            return self._sandboxes.find(name) is not None
        return name in self._kept or (name not in self._seen and abs(now - row.made) < UNDER_WAY)

    def of(self, client: str) -> dict[str, float]:
        """Return the names of the sandboxes that were made at an address or by a browser, and when."""
        return {name: row.made for name, row in self._rows.items() if client in (row.address, row.maker)}

    def all(self) -> list[float]:
        """Return when sandboxes were made."""
        return [row.made for _, row in self._rows.items()]

    def forget(self, sandbox: str) -> None:
        """Note that a sandbox no longer exists."""
        if self._kept is not None:
            self._kept.discard(sandbox)

    def tidy(self, unseen: Callable[[str], float], now: float) -> None:
        """Forget creations that no quota counts any more, and addresses, in a change of the tables.

        `unseen` returns for how long this server has not seen an address.
        """
        for name, row in self._rows.items():
            if now - row.made >= KEPT_SECONDS and not self._exists(name, row, now):
                self._rows.remove(name)
            elif row.address:
                seen = max(row.seen, now - unseen(row.address))
                if now - seen >= KEPT_SECONDS:
                    self._rows.put(name, msgspec.structs.replace(row, address=""))
                elif seen - row.seen > RENEWAL:
                    self._rows.put(name, msgspec.structs.replace(row, seen=seen))


def seconds_to_wait(moments: Iterable[float], now: float, length: float, most: int) -> float:
    """Return the seconds until less than `most` of these moments are in the latest `length` seconds."""
    recent = sorted(moment for moment in moments if now - moment < length)
    return 0.0 if len(recent) < most else max(0.0, recent[-most] + length - now)
