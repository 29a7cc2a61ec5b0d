"""Exact stand-ins for the inventory APIs of five vendors.

`intercept` answers calls to the vendors in the same process, `flask_app` returns one vendor as a
Connexion application, and `Client` calls the control API of a running server.
"""

TYPE_CHECKING = False  # not from typing: importing typing would take longer than this package
if TYPE_CHECKING:
    from mockserver.client import Client
    from mockserver.interception import intercept
    from mockserver.vendor_app import flask_app

__all__ = ["Client", "flask_app", "intercept"]
__version__ = "0.1.0"
_MODULES = {"Client": "client", "flask_app": "vendor_app", "intercept": "interception"}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"mockserver.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
