"""The console of a server whose store cannot be reached, or has lost what it kept."""

import asyncio
from collections.abc import Mapping, Sequence

import httpx
from bs4 import BeautifulSoup

from mockserver import app
from mockserver.sandbox.log.log import Entry, Joined, Kept, Life, Settled, StoreLost, StoreUnavailable
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES
from tests.console.html import UI, element, page, submit

TOKEN = "the-admins-own-s3cret"


class BrokenLog(MemoryLog):
    """A log that fails as `fails` says, until it is None, or the server has joined the lost store again."""

    fails: type[Exception] | None = None
    is_full = False

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        if not self.is_full:
            return super().append(name, head, entry, life, settled)
        asyncio.get_running_loop().call_soon(settled, StoreUnavailable("the disk is full"))

    def _check(self) -> None:
        if self.fails is not None:
            raise self.fails("the store is broken")

    async def join(self, fingerprint: Mapping[str, str], *, fresh: bool = False) -> Joined:
        if self.fails is StoreLost:
            self.fails, fresh = None, True
        self._check()
        return await super().join(fingerprint, fresh=fresh)

    async def load(self, name: str) -> Kept | None:
        self._check()
        return await super().load(name)

    async def news(self, name: str, head: bytes) -> Sequence[Entry] | None:
        self._check()
        return await super().news(name, head)


def test_pages_say_that_the_store_is_away_and_logins_end_with_what_it_has_lost() -> None:
    log = BrokenLog()
    mock = app.build(names=["merchantpro"], products=10, admin_token=TOKEN, log=log)
    headers = {"Accept": "text/html"}
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, headers=headers, verify=NO_CERTIFICATES, timeout=60) as browser,
    ):
        assert submit(browser, element(page(browser, "/login")), token=TOKEN).status_code == 303
        log.is_full = True
        with httpx.Client(base_url=url, headers=headers, verify=NO_CERTIFICATES, timeout=60) as late:
            refused = submit(late, element(page(late, "/login")), token=TOKEN)
        assert (refused.status_code, refused.headers["x-mock-error"]) == (503, "store_unavailable")
        assert "cannot be used now" in refused.text and "set-cookie" not in refused.headers
        log.is_full = False
        log.fails = StoreUnavailable
        for path in ("/", "/login"):
            away = browser.get(UI + path)
            assert (away.status_code, away.headers["x-mock-error"]) == (503, "store_unavailable")
            assert "cannot be used now" in BeautifulSoup(away.text, "html.parser").p.text
        assert browser.get(f"{UI}/about").status_code == 503
        log.fails = None
        assert page(browser, "/").h1
        log.fails = StoreLost
        assert browser.get(f"{UI}/").status_code == 303
        assert submit(browser, element(page(browser, "/login")), token=TOKEN).status_code == 303
        assert page(browser, "/").h1
