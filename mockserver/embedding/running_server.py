"""mockserver.serve: a server in a thread of this process, for scripts and for the pytest plugin."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from mockserver.client import Client, Request, Sandbox


@dataclass(frozen=True)
class RunningServer:
    """A running server: its base URL, and a client of its control API.

    `position` returns the present end of the server's journal. It is None if other processes call the server
    too.
    """

    url: str
    client: Client = field(repr=False)
    position: Callable[[], str] | None = field(default=None, repr=False)

    def calls(self, since: str, sandbox: Sandbox | None) -> list[Request]:
        """Return the calls of a test.

        `since` is the end of the journal before the test. If only this process calls the server, return all
        later calls. Otherwise, return the calls in the test's own sandbox.
        """
        if self.position is not None:
            return list(self.client.requests.after(since)) if self.position() != since else []
        return list(sandbox.requests) if sandbox else []


@contextmanager
def serve(
    seed: int | None = None,
    products: int | None = None,
    vendors: Iterable[str] = (),
    *,
    vendors_from: str | PathLike[str] | None = None,
    limits: bool = False,
    dialect: str = "documented",
) -> Iterator[RunningServer]:
    """Run a server in a thread of this process while the block runs. Yield it, with `url` and `client`.

    It listens on a free port of 127.0.0.1. `vendors` names the vendors to serve; the default is all
    vendors, with your own from the folder `vendors_from`. `limits` turns on their rate limits. `dialect` is
    `documented` or `observed`, or a list such as `one=observed,another=documented`.

    Raise UnknownVendor if a vendor does not exist, InvalidFile if a vendor's file is not valid, and TypeError
    or ValueError if an argument is not valid.
    """
    from mockserver import app
    from mockserver.control.journal.scope import Scope
    from mockserver.server import server

    if not isinstance(limits, bool):
        raise TypeError(f"`limits` must be True or False, not {limits!r}")
    mock = app.build(
        app.DEFAULT_SEED if seed is None else seed,
        app.DEFAULT_PRODUCTS if products is None else products,
        (vendors,) if isinstance(vendors, str) else tuple(vendors),
        vendors_from=Path(vendors_from) if vendors_from else None,
        limits=limits,
        dialect=dialect,
    )
    with server.serving(mock.application) as url, Client(url) as client:
        yield RunningServer(url, client, lambda: str(Scope(mock.sandboxes, None).end))
