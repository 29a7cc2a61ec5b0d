"""Interception: calls to the vendors' real hosts are answered in this process, without a socket."""

import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import get_args

from mockserver import app
from mockserver.client import Client, Sandbox
from mockserver.client.sandbox import Access
from mockserver.interception.app_pool import AppPool
from mockserver.interception.control_connection import URL, ControlTransport
from mockserver.interception.host_policy import HostPolicy, HostRefused, Others
from mockserver.interception.patch import CannotPatch
from mockserver.interception.registry import REGISTRY
from mockserver.interception.server_thread import ServerThread
from mockserver.sandbox.registry import Sandboxes, check_data_options

__all__ = ["CannotPatch", "HostRefused", "Interception", "intercept"]

APP_POOL = AppPool()  # one for the process: building a mock takes longer than most tests
HOST = re.compile(r"[\w.-]*\w\.?")


@dataclass(frozen=True)
class Settings:
    """The arguments of `intercept`."""

    seed: int
    products: int
    vendors: tuple[str, ...]
    limits: bool
    hosts: Mapping[str, str]
    others: Others

    def __post_init__(self) -> None:
        check_data_options(self.seed, self.products)
        if self.others not in get_args(Others):
            choices = " or ".join(map(repr, get_args(Others)))
            raise ValueError(f"`others` must be {choices}, not {self.others!r}")
        for host in self.hosts:
            if not HOST.fullmatch(host):
                raise ValueError(f"{host!r} is not a host name: leave out scheme, port and path")


def intercept(
    seed: int = app.DEFAULT_SEED,
    products: int = app.DEFAULT_PRODUCTS,
    vendors: Iterable[str] = (),
    *,
    limits: bool = False,
    hosts: Mapping[str, str] | None = None,
    others: Others = "refuse",
) -> "Interception":
    """Answer calls to the vendors' real hosts in this process while a `with` block runs.

    The `with` statement returns the default sandbox of a new mock. The mock ends with the block.

    - Intercepted: calls by urllib3, requests, httpx, httpx2 and aiohttp, on any port, with or without
      TLS. The client may be older than the block.
    - Answered: calls to the vendors' real hosts, and to the keys of `hosts`. `hosts` maps a host name
      to a vendor's name. `vendors` names the vendors to emulate; the default is all vendors, with
      your own from the folder MOCKSERVER_VENDORS_FROM. `limits` turns on their rate limits.
    - Refused: calls to all other hosts. They raise HostRefused, and nothing is sent. With
      `others="pass"`, they reach the network. Calls to a real vendor's domain never reach it. In other
      libraries, looking up such a name raises HostRefused.
    - At the end of the block, calls in progress fail as if the server had stopped. After the block,
      nothing is intercepted. So a client that retries then reaches the real vendor.

    Raise ValueError if `hosts` or `others` is not valid, or if `seed` or `products` is out of range. Raise
    TypeError if `seed` or `products` is not an int. Entering the block raises UnknownVendor if a vendor does
    not exist, and CannotPatch if an installed library cannot be intercepted.
    """
    names = (vendors,) if isinstance(vendors, str) else tuple(vendors)
    return Interception(Settings(seed, products, names, limits, dict(hosts or {}), others))


class Interception:
    """A context manager, for `with` or `async with`, that intercepts calls while its block runs.

    If interceptions are nested, the innermost one answers. `client` calls the mock's control API.
    """

    client: Client

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cleanup: ExitStack | None = None
        self._server_thread: ServerThread | None = None
        self.active = False

    @property
    def calls(self) -> int:
        """The number of calls answered since the block began."""
        return self._sandboxes.feed.published

    def server_for(self, host: str) -> ServerThread | None:
        """Return the server thread if a vendor answers for the host, or None to let the call through.

        Raise HostRefused if the call may not be sent.
        """
        return self._server_thread if self._policy.intercepts(host) else None

    def check_lookup(self, host: str) -> None:
        """Raise HostRefused if the host name may not be looked up: a vendor answers for it."""
        self._policy.check_lookup(host)

    def __enter__(self) -> Sandbox:
        if self._cleanup is not None:
            raise RuntimeError("this interception is already active: create another one with intercept()")
        settings = self._settings
        hosts = {host.lower().removesuffix("."): vendor for host, vendor in settings.hosts.items()}
        with ExitStack() as stack:
            sandboxes = Sandboxes(settings.seed, settings.products, limits=settings.limits)
            files = app.VendorFiles()
            mock = stack.enter_context(APP_POOL.mock(files, settings.vendors, sandboxes, hosts))
            self._policy = HostPolicy(mock.contracts, files, settings.others)
            self._server_thread = server_thread = ServerThread(mock.application)
            # At exit, the stack runs in reverse order: hang_up, _leave, stop_threads, close.
            stack.callback(server_thread.close)
            # Stop the threads after hang_up: then no handler is running. Stop them before close: each
            # thread reports its end to the event loop, which close stops.
            stack.callback(mock.stop_threads)
            self._sandboxes = sandboxes
            self.client = Client(URL, ControlTransport(server_thread))
            sandbox = _with_real_urls(self.client.sandbox(), mock)
            self.active = True
            REGISTRY.enter(self)
            stack.callback(self._leave)
            # Hang up before _leave removes the patches. A client may retry at once: its call is refused
            # here, and does not reach the real vendor.
            stack.callback(server_thread.hang_up)
            self._cleanup = stack.pop_all()
        return sandbox

    def _leave(self) -> None:
        self.active = False
        REGISTRY.leave(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cleanup is not None:
            stack, self._cleanup = self._cleanup, None
            stack.close()

    async def __aenter__(self) -> Sandbox:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def _with_real_urls(sandbox: Sandbox, mock: app.Mock) -> Sandbox:
    """Replace each vendor's base URL in the sandbox with its real URL, and return the sandbox."""
    for contract in mock.contracts:
        access = sandbox.vendors[contract.vendor.name]
        sandbox.vendors[contract.vendor.name] = Access(contract.spec.url, access.headers)
    return sandbox
