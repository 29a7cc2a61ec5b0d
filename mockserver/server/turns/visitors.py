"""The knowledge of other servers that is needed to answer a visitor of the console or the control API."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

from mockserver.sandbox.log.log import StoreLost, StoreUnavailable
from mockserver.sandbox.secrets import digest_of
from mockserver.server.access.control_access import OPEN_IN_DEMO, ControlAccess
from mockserver.server.access.own_origin import CONSOLE
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.server.access.session_cookie import session_ids
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.joining import despite_loss
from mockserver.server.turns.shared_log import SharedLog
from mockserver.server.turns.store_errors import as_mock_error
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest

CANDIDATES = 5  # sandboxes known here that may have to make room: the log knows the latest use of each
CHANGE_TABLES = {OPEN_IN_DEMO, "change-demo"}  # operations
LOGIN = f"{CONSOLE}/login"
CONTROL_TOKEN = re.compile(rb"ctl_[a-z2-7]{26}")


class Visitors:
    """The visitors of one server. `tables` has the logins and links of all servers."""

    def __init__(self, copies: Copies, access: ControlAccess, guard: DemoGuard | None) -> None:
        self._copies, self._access, self._guard = copies, access, guard
        self.tables = SharedLog(copies.log, access.shared)

    async def know(self, raw: RawRequest) -> None:
        """Learn what the cookies of a request open, a share link in it, and a control token that logs in."""
        await self.tables.refresh()
        sessions, shares, ids = self._access.sessions, self._access.shares, session_ids(raw)
        names = sessions.sandboxes_of(ids)
        for link in parse_qs(raw.query).get("token", ()):
            names.add(shares.sandbox_of(link) or "")
        if raw.path == LOGIN and (token := CONTROL_TOKEN.search(raw.body or b"")):
            names.add(await self._copies.log.name_with(digest_of(token[0].decode())) or "")
        await self._copies.refresh(names - {""})
        if due := sessions.due(ids):
            await self.tables.step(lambda: sessions.renew(due))

    async def know_of_page(self, raw: RawRequest) -> None:
        """Learn what the sender of a request for a page may use. Raise MockError."""
        try:
            await despite_loss(self._copies, lambda: self.know(raw))
        except (StoreUnavailable, StoreLost) as error:
            raise as_mock_error(error) from None

    async def tidy(self) -> None:
        """Remove logins, links and counts that have expired."""
        if self._guard is not None:
            await self._count_sandboxes(self._guard)
        await self.tables.step(self._tidy)

    def _tidy(self) -> None:
        self.tables.tidy()
        self._access.tidy()
        if self._guard is not None:
            self._guard.tidy()

    async def know_demo(self) -> None:
        """Learn which sandboxes visitors of a public demo have, and whether the operator has paused it."""
        if self._guard is not None:
            await self.tables.refresh()
            await self._count_sandboxes(self._guard)

    @asynccontextmanager
    async def changing(
        self, raw: RawRequest, operation: str, held: list[str], touched: set[str]
    ) -> AsyncIterator[None]:
        """Let the block run an operation, which may change the tables of a public demo.

        The locks of the sandboxes in `held` are held. `touched` gets the names of those that the block
        changes. Raise Moved if it does not count: its changes have been undone, and it can run again.
        """
        guard = self._guard
        if guard is None or operation not in CHANGE_TABLES:
            yield
            return
        try:
            async with self.tables.changing():
                if operation == OPEN_IN_DEMO:
                    await self._prepare_creation(guard, raw, held)
                yield
        except BaseException:
            for sandbox in filter(None, map(self._copies.sandboxes.find, touched)):
                self._copies.undo(self._copies.at(sandbox.name), sandbox)
            raise

    async def _prepare_creation(self, guard: DemoGuard, raw: RawRequest, held: list[str]) -> None:
        """Bring the sandboxes up to date that a new one of this sender depends on."""
        await self._count_sandboxes(guard)
        try:
            own = self._access.visitor_of(raw).sandbox or ""
        except Problem:
            own = ""
        names = guard.of_client(raw.peer, own)
        if guard.is_full:  # the first to expire may be in use, and near its end in any case
            first = await self._copies.log.oldest_implicit()
            guard.creations.candidates = {first or "", *guard.longest_unused(CANDIDATES)}
            names |= guard.creations.candidates
        await self._copies.refresh(names.difference(held, [""]))

    async def _count_sandboxes(self, guard: DemoGuard) -> None:
        log, names, after = self._copies.log, set[str](), ""
        await log.remove_expired()
        while page := (await log.names(after))[0]:
            names.update(page)
            after = page[-1]
        guard.creations.set_kept(names)
