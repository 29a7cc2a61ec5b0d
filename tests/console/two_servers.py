"""Two servers over one store behind one name, as a load balancer shows them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import httpx

from mockserver import app
from mockserver.sandbox.log.stores import open_log
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES

NAME = "localhost:9000"  # that clients use for both
TOKEN = "the-admins-own-s3cret"


@dataclass
class Pair:
    """Two servers, and a stack for what clients open."""

    urls: list[str]
    mocks: list[app.Mock]
    stack: ExitStack

    def browser(self, **options: Any) -> tuple[httpx.Client, httpx.Client]:
        """Return a client of either server, which have one name for it: they share their cookies."""
        jar = CookieJar()
        options = {"verify": NO_CERTIFICATES, "timeout": 60, **options}
        options["headers"] = {"Host": NAME, **options.get("headers", {})}
        one, other = (httpx.Client(base_url=url, cookies=jar, **options) for url in self.urls)
        return self.stack.enter_context(one), self.stack.enter_context(other)

    def operator(self) -> tuple[httpx.Client, httpx.Client]:
        """Return a client of either server that sends the admin token."""
        return self.browser(headers={"Authorization": f"Bearer {TOKEN}"})


@contextmanager
def two_servers(url: str, **options: Any) -> Iterator[Pair]:
    """Serve two mocks over the store at a URL while the block runs."""
    with ExitStack() as stack:
        mocks = [build(url, **options) for _ in range(2)]
        urls = [stack.enter_context(serving(mock.application)) for mock in mocks]
        yield Pair(urls, mocks, stack)


def build(url: str, **options: Any) -> app.Mock:
    """Return a mock over the store at a URL."""
    options = {"names": ["merchantpro"], "products": 10, "admin_token": TOKEN, **options}
    return app.build(log=open_log(url), **options)


def sqlite(folder: Path) -> str:
    """Return the URL of a new store in a folder."""
    return f"sqlite:///{folder / 'store.db'}"
