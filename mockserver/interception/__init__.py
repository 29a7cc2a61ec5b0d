"""In-process interception: calls of HTTP libraries to the vendors' hosts are answered in this process."""

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
from mockserver.interception.registry import REGISTRY
from mockserver.interception.server_thread import ServerThread
from mockserver.sandbox.registry import Sandboxes

__all__ = ["HostRefused", "Interception", "intercept"]

APP_POOL = AppPool()  # of the process: to build one takes longer than most tests
HOST = re.compile(r"[\w.-]*\w\.?")


@dataclass(frozen=True)
class Settings:
    """What an interception was asked to be."""

    seed: int
    products: int
    vendors: tuple[str, ...]
    limits: bool
    hosts: Mapping[str, str]
    others: Others

    def __post_init__(self) -> None:
        if self.others not in get_args(Others):
            raise ValueError(f"others can be {' or '.join(get_args(Others))}, not {self.others!r}")
        for host in self.hosts:
            if not HOST.fullmatch(host):
                raise ValueError(f"{host!r} is no host name: give it without scheme, port and path")


def intercept(
    seed: int = app.DEFAULT_SEED,
    products: int = app.DEFAULT_PRODUCTS,
    vendors: Iterable[str] = (),
    *,
    limits: bool = False,
    hosts: Mapping[str, str] | None = None,
    others: Others = "refuse",
) -> "Interception":
    """Answer calls to the vendors' real host names in this process, while a `with` block runs.

    Calls by urllib3, requests, httpx and aiohttp, on any port, with or without TLS, whenever their
    client was made. `hosts` are further host names, each with the name of its vendor. Every other
    host is refused with HostRefused, or let through with `others="pass"`, but never one on a
    vendor's own domain. The block gets the default sandbox of a new world, which ends with it.

    ValueError, UnknownVendor: it cannot be so.
    """
    names = (vendors,) if isinstance(vendors, str) else tuple(vendors)
    return Interception(Settings(seed, products, names, limits, dict(hosts or {}), others))


class Interception:
    """Stands between this process and the vendors while its block runs, `with` or `async with`.

    Of nested ones the inner answers. `client` is the whole control API of its mock.
    """

    client: Client

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._exit: ExitStack | None = None
        self._server_thread: ServerThread | None = None
        self.over = True

    @property
    def calls(self) -> int:
        """How many calls were answered since the block began."""
        return self._sandboxes.feed.published

    def route(self, host: str) -> ServerThread | None:
        """The bridge that answers for a host, or None: the call is let through. HostRefused."""
        return self._server_thread if self._guard.answers(host) else None

    def __enter__(self) -> Sandbox:
        if self._exit is not None:
            raise RuntimeError("this interception is running already: make another with intercept()")
        asked = self._settings
        hosts = {host.lower().removesuffix("."): vendor for host, vendor in asked.hosts.items()}
        with ExitStack() as stack:
            sandboxes = Sandboxes(asked.seed, asked.products, limits=asked.limits)
            mock = stack.enter_context(APP_POOL.running(asked.vendors, sandboxes, hosts))
            self._guard = HostPolicy(mock.contracts, asked.others)
            self._server_thread = server_thread = ServerThread(mock.application)
            stack.callback(server_thread.close)
            stack.callback(
                mock.stop_threads
            )  # after the lines have gone, while the loop still hears its threads
            self._sandboxes = sandboxes
            self.client = Client(URL, ControlTransport(server_thread))
            sandbox = _at_home(self.client.sandbox(), mock)
            self.over = False
            REGISTRY.enter(self)
            stack.callback(self._leave)
            stack.callback(
                server_thread.hang_up
            )  # while still patched: who tries again at once is refused here
            self._exit = stack.pop_all()
        return sandbox

    def _leave(self) -> None:
        self.over = True
        REGISTRY.leave(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._exit is not None:
            stack, self._exit = self._exit, None
            stack.close()

    async def __aenter__(self) -> Sandbox:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def _at_home(sandbox: Sandbox, mock: app.Mock) -> Sandbox:
    """A sandbox whose vendors are where they are for an intercepted client: at their real hosts."""
    for contract in mock.contracts:
        access = sandbox.vendors[contract.vendor.name]
        sandbox.vendors[contract.vendor.name] = Access(contract.spec.url, access.headers)
    return sandbox
