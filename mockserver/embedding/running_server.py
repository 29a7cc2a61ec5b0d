"""mockserver.serve: a server in a thread of this process, for scripts and for the pytest plugin."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from mockserver.client import Client, Request, Sandbox


@dataclass(frozen=True)
class RunningServer:
    """A running server: its base URL, and a client of its control API.

    `count_calls` returns how many calls the server has answered. `count_calls` is None if other
    processes call the server too.
    """

    url: str
    client: Client
    count_calls: Callable[[], int] | None = None

    def calls(self, since: int, sandbox: Sandbox | None) -> list[Request]:
        """Return the calls of a test.

        `since` is the number of calls before the test. If only this process calls the server, skip
        that many calls, and return all later ones. Otherwise, return the calls in the test's own
        sandbox.
        """
        if self.count_calls is not None:
            return list(self.client.requests.after(since)) if self.count_calls() > since else []
        return list(sandbox.requests) if sandbox else []


@contextmanager
def serve(
    seed: int | None = None,
    products: int | None = None,
    vendors: Iterable[str] = (),
    *,
    vendors_from: str | PathLike[str] | None = None,
    limits: bool = False,
) -> Iterator[RunningServer]:
    """Run a server in a thread of this process while the block runs. Yield it, with `url` and `client`.

    It listens on a free port of 127.0.0.1. `vendors` names the vendors to serve; the default is all
    vendors, with your own from the folder `vendors_from`. `limits` turns on their rate limits.

    Raise UnknownVendor if a vendor does not exist, InvalidFile if a vendor's file is not valid, and TypeError
    or ValueError if an argument is not valid.
    """
    from mockserver import app
    from mockserver.server import server

    if not isinstance(limits, bool):
        raise TypeError(f"`limits` must be True or False, not {limits!r}")
    mock = app.build(
        app.DEFAULT_SEED if seed is None else seed,
        app.DEFAULT_PRODUCTS if products is None else products,
        (vendors,) if isinstance(vendors, str) else tuple(vendors),
        vendors_from=Path(vendors_from) if vendors_from else None,
        limits=limits,
    )
    with server.serving(mock.application) as url, Client(url) as client:
        yield RunningServer(url, client, lambda: mock.sandboxes.feed.published)
