"""All sandboxes of a store: how many there are, their names in order, and copies of them."""

from collections.abc import AsyncIterator

from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.joining import RESERVED
from mockserver.server.copies.table import MAX_COPIES
from mockserver.server.http.errors import MockError
from mockserver.vendor_api.credential import DEFAULT_SANDBOX

MAX_READ = MAX_COPIES  # sandboxes, for one operation on all of them
LAST_RESERVED = max(RESERVED)  # reserved names come before those of all sandboxes
PAGE = 1000  # names that are read at once
TOO_MANY = "the store has {:,} sandboxes, and an operation on all of them reads at most {:,}: name one"


class AllSandboxes:
    """The sandboxes in the store of one server. The default sandbox is always one of them."""

    def __init__(self, copies: Copies) -> None:
        self._copies, self._log = copies, copies.log
        self._after = ""

    async def count(self) -> int:
        """Return the number of sandboxes, which may lag behind."""
        await self._copies.be_present(DEFAULT_SANDBOX)
        return await self.count_others() + 1

    async def count_others(self) -> int:
        """Return the number of sandboxes beside the default one, as far as that is known here."""
        first, count = await self._log.names(limit=len(RESERVED))
        is_kept = self._copies.at(DEFAULT_SANDBOX).kept.head is not None
        return count - len(RESERVED.intersection(first)) - is_kept

    async def names(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` names that come after `after`, in order."""
        found, _ = await self._log.names(max(after, LAST_RESERVED), limit)
        if after < DEFAULT_SANDBOX and DEFAULT_SANDBOX not in found:
            found = sorted([*found, DEFAULT_SANDBOX])[:limit]
        return found

    async def refresh(self) -> list[str]:
        """Bring the copies of all sandboxes up to date, and return their names.

        Raise MockError if there are too many: all copies are in memory at once.
        """
        if (count := await self.count()) > MAX_READ:
            raise MockError(409, "too_many_sandboxes", TOO_MANY.format(count, MAX_READ))
        names: list[str] = []
        async for page in self._pages():
            await self._refresh(names[-1] if names else "", page, is_last=len(page) < PAGE)
            names += page
        return names

    async def refresh_next(self, most: int) -> None:
        """Bring some copies up to date: each time the next ones, and in the end the first ones again."""
        after = self._after
        names = await self.names(after, most)
        is_last = len(names) < most
        self._after = "" if is_last else names[-1]
        await self._refresh(after, names, is_last=is_last)

    async def _refresh(self, after: str, names: list[str], *, is_last: bool) -> None:
        """Bring copies up to date, and drop those between them whose sandboxes have ended."""
        known = self._copies.known
        ended = {name for name in known if after < name and (is_last or name <= names[-1])}
        await self._copies.refresh(ended.union(names))

    async def page(self, after: str, limit: int, text: str) -> tuple[list[Sandbox], int]:
        """Return sandboxes as `Sandboxes.page` does."""
        if text:
            wanted = text.lower()
            matching = [name async for page in self._pages() for name in page if wanted in name.lower()]
            names, total = [name for name in matching if name > after], len(matching)
        else:
            names, total = await self.names(after, limit), await self.count()
        found: list[Sandbox] = []
        while names and len(found) < limit:
            some = names[: limit - len(found)]
            await self._copies.refresh(some)
            # One that has ended since has no copy, so the page goes on with a later one.
            found += [sandbox for sandbox in map(self._copies.sandboxes.find, some) if sandbox is not None]
            names = names[len(some) :] if text else await self.names(some[-1], limit - len(found))
        return found, total

    async def _pages(self) -> AsyncIterator[list[str]]:
        after = ""
        while page := await self.names(after, PAGE):
            yield page
            after = page[-1]
