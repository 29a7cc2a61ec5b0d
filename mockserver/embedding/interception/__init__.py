"""Interception: calls to the vendors' real hosts are answered in this process, without a socket."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import wraps
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypedDict, TypeVar, Unpack, cast, get_args

from mockserver import app
from mockserver.client import Client, Sandbox
from mockserver.client.limits import Overrides
from mockserver.control.journal.scope import Scope
from mockserver.control.sandboxes.document import parse_limits
from mockserver.embedding.interception.app_pool import AppPool
from mockserver.embedding.interception.control_connection import URL, ControlTransport
from mockserver.embedding.interception.host_policy import HostPolicy, HostRefused, Others
from mockserver.embedding.interception.patch import CannotPatch
from mockserver.embedding.interception.registry import REGISTRY
from mockserver.embedding.interception.server_thread import ServerThread
from mockserver.sandbox.registry import Sandboxes, check_data_options
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import Limits

__all__ = ["CannotPatch", "HostRefused", "Interception", "intercept"]
__tracebackhide__ = True  # pytest shows the caller's line, not these

P = ParamSpec("P")
T = TypeVar("T")
APP_POOL = AppPool()  # one for the process: building a mock takes longer than most tests
HOST = re.compile(r"[\w.-]*\w\.?")


@dataclass(frozen=True)
class Settings:
    """The arguments of `intercept`."""

    seed: int
    products: int
    vendors: tuple[str, ...]
    vendors_from: Path | None
    limits: Limits
    dialect: str
    hosts: Mapping[str, str]
    others: Others

    def __post_init__(self) -> None:
        if callable(self.seed):
            raise TypeError("write @intercept() with parentheses")
        check_data_options(self.seed, self.products)
        if self.others not in get_args(Others):
            choices = " or ".join(map(repr, get_args(Others)))
            raise ValueError(f"`others` must be {choices}, not {self.others!r}")
        for host in self.hosts:
            if not isinstance(host, str) or not HOST.fullmatch(host):
                raise ValueError(f"{host!r} is not a host name: leave out scheme, port and path")


class Options(TypedDict, total=False):
    """The optional keyword arguments of `intercept`."""

    vendors_from: str | PathLike[str] | None
    limits: bool | Overrides
    dialect: str
    hosts: Mapping[str, str] | None
    others: Others


def intercept(
    seed: int = app.DEFAULT_SEED,
    products: int = app.DEFAULT_PRODUCTS,
    vendors: Iterable[str] = (),
    **options: Unpack[Options],
) -> "Interception":
    """Answer calls to the vendors' real hosts in this process while a `with` block runs.

    The `with` statement returns the default sandbox of a new mock. The mock ends with the block. As a
    decorator of a function or coroutine function, it does so during each call.

    - Intercepted: calls by urllib3, requests, httpx, httpx2 and aiohttp, on any port, with or without
      TLS. The client may be older than the block.
    - Answered: calls to the vendors' real hosts, and to the keys of `hosts`. `hosts` maps a host name
      to a vendor's name. `vendors` names the vendors to emulate; the default is all vendors, with
      your own from the folder `vendors_from`, by default MOCKSERVER_VENDORS_FROM. `limits` turns on their
      rate limits: True, or numbers of calls as {vendor: {name of limit: calls}}. `dialect` is `documented`,
      `observed`, or a list such as `one=observed,another=documented`.
    - Refused: calls to all other hosts. They raise HostRefused, and nothing is sent. With
      `others="pass"`, they reach the network. Calls to a real vendor's domain never reach it. In other
      libraries, looking up such a name raises HostRefused. Mock servers that a `Client` of this process
      calls can be called by all.
    - At the end of the block, calls in progress fail as if the server had stopped. After the block,
      nothing is intercepted. So a client that retries then reaches the real vendor.

    Raise TypeError or ValueError if an argument is not valid. Entering the block raises UnknownVendor or
    ValueError if a vendor, a limit or a dialect does not exist, InvalidFile if a vendor's file is not valid,
    and CannotPatch if an installed library cannot be intercepted.
    """
    names = (vendors,) if isinstance(vendors, str) else tuple(vendors)
    folder, hosts = options.pop("vendors_from", None), options.pop("hosts", None)
    limits, others = _limits(options.pop("limits", False)), options.pop("others", "refuse")
    dialect, from_ = options.pop("dialect", "documented"), Path(folder) if folder else None
    if options:
        raise TypeError(f"intercept() has no argument {next(iter(options))}")
    return Interception(Settings(seed, products, names, from_, limits, dialect, dict(hosts or {}), others))


class Interception:
    """A context manager, for `with` or `async with`, and a decorator: it intercepts calls meanwhile.

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
        return self._sandboxes.journals.count

    @property
    def position(self) -> str:
        """The present end of the mock's journal."""
        return str(Scope(self._sandboxes, None).end)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return a function that runs `function` in an interception of its own.

        Raise TypeError if it is not a function, or a generator, which would run after the interception.
        """
        generator = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
        if generator or inspect.isclass(function) or not callable(function):
            raise TypeError(f"intercept() decorates a function or coroutine function, not {function!r}")

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            with Interception(self._settings):
                return function(*args, **kwargs)

        @wraps(function)
        async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            with Interception(self._settings):
                return await cast(Any, function(*args, **kwargs))

        return cast(Callable[P, T], call_async) if inspect.iscoroutinefunction(function) else call

    def server_for(self, host: str, port: int) -> ServerThread | None:
        """Return the server thread if a vendor answers for the host, or None to let the call through.

        Raise HostRefused if the call may not be sent.
        """
        return self._server_thread if self._policy.intercepts(host, port) else None

    def check_lookup(self, host: str) -> None:
        """Raise HostRefused if the host name may not be looked up: a vendor answers for it."""
        self._policy.check_lookup(host)

    def __enter__(self) -> Sandbox:
        if self._cleanup is not None:
            raise RuntimeError("this interception is already active: create another one with intercept()")
        settings = self._settings
        hosts = {host.lower().removesuffix("."): vendor for host, vendor in settings.hosts.items()}
        with ExitStack() as stack:
            sandboxes = Sandboxes(settings.seed, settings.products)
            sandboxes.begin_with(replace(sandboxes.initial, limits=settings.limits))
            files = app.VendorFiles(settings.vendors_from)
            mock = stack.enter_context(APP_POOL.mock(files, settings.vendors, sandboxes, hosts))
            _check_names_of_limits(settings.limits, mock)
            app.begin_in_dialect(settings.dialect, sandboxes, mock.contracts)
            self._policy = HostPolicy(mock.contracts, files, settings.others)
            self._server_thread = server_thread = ServerThread(mock.application)
            # At exit, the stack runs in reverse order: hang_up, _leave, stop_threads, close.
            stack.callback(server_thread.close)
            # Stop the threads after hang_up: then no handler is running. Stop them before close: each
            # thread reports its end to the event loop, which close stops.
            stack.callback(mock.stop_threads)
            self._sandboxes = sandboxes
            base_urls = {contract.vendor.name: contract.spec.url for contract in mock.contracts}
            self.client = Client(URL, ControlTransport(server_thread, base_urls))
            sandbox = self.client.sandbox()
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


def _limits(given: object) -> Limits:
    """Return the argument `limits`: a bool, numbers of calls, or both, as in the control API.

    Raise TypeError or ValueError if it is none of them.
    """
    enabled, overrides = given is not False, {} if isinstance(given, bool) else given
    if isinstance(given, Mapping) and "enabled" in given:
        enabled, overrides = given["enabled"], given.get("overrides", {})
    mappings = isinstance(overrides, Mapping) and all(isinstance(one, Mapping) for one in overrides.values())
    if not isinstance(enabled, bool) or not isinstance(overrides, Mapping) or not mappings:
        raise TypeError(
            f"`limits` must be True, False or {{vendor: {{name of limit: calls}}}}, not {given!r}"
        )
    for number in (number for one in overrides.values() for number in one.values()):
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise ValueError(f"a limit must be a whole number of calls from 0, not {number!r}")
    return Limits(enabled, overrides)


def _check_names_of_limits(limits: Limits, mock: app.Mock) -> None:
    """Raise ValueError if a vendor or one of its limits does not exist."""
    contracts = {contract.vendor.name: contract for contract in mock.contracts}
    try:
        parse_limits({"enabled": limits.enabled, "overrides": limits.overrides}, contracts)
    except Problem as problem:
        raise ValueError(f"`limits`: {problem.message}") from None
