"""The net below all libraries: sees every host name that this process is about to look up.

A library that nobody patched looks up the vendor's real host before it connects. Python reports each
lookup to its audit hooks, and a hook can refuse it. This covers the `socket` module, all that is built on
it (`http.client`, `urllib.request`, asyncio, trio), and functions that were imported or replaced earlier.

An audit hook cannot be removed. So there is one for the process, which does nothing while nobody watches.
"""

import sys
from collections.abc import Callable
from threading import Lock
from typing import Any

__tracebackhide__ = True  # pytest shows the caller's line, not these
Check = Callable[[str], None]

# An audit event: the position of the host name, or of an address that begins with it, in its arguments.
EVENTS = {
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,  # also of gethostbyname_ex
    "socket.gethostbyaddr": 0,  # also of getfqdn
    "socket.connect": 1,
    "socket.sendto": 1,
}

_check: Check | None = None
_installed = False
_lock = Lock()


def watch(check: Check) -> None:
    """Call `check` with every host name before it is looked up. If `check` raises, it is not looked up."""
    global _check, _installed
    with _lock:
        _check = check
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True


def ignore() -> None:
    """Stop watching."""
    global _check
    _check = None


def check_lookup(host: Any) -> None:
    """Check a host name that is about to be looked up, or an address that begins with one."""
    check = _check
    name = host[0] if isinstance(host, tuple) and host else host
    if isinstance(name, bytes | bytearray):
        name = name.decode("latin-1")
    if check is not None and isinstance(name, str):
        check(name)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _check is not None and event in EVENTS:
        check_lookup(arguments[EVENTS[event]])
