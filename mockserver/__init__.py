"""Exact stand-ins for the inventory APIs of five vendors.

`intercept` answers calls to the vendors in the same process, `serve` runs a server in a thread, `flask_app`
returns one vendor as a Connexion application, and `Client` calls the control API of a running server.
"""

TYPE_CHECKING = False  # not from typing: importing typing would take longer than this package
if TYPE_CHECKING:
    from mockserver.client import Client, Refused, Sandbox, Unreachable
    from mockserver.embedding.interception import CannotPatch, HostRefused, intercept
    from mockserver.embedding.running_server import serve
    from mockserver.embedding.vendor_app import flask_app

__all__ = [
    "CannotPatch",
    "Client",
    "HostRefused",
    "Refused",
    "Sandbox",
    "Unreachable",
    "flask_app",
    "intercept",
    "serve",
]
__version__ = "0.1.0"
_MODULES = {
    "client": ("Client", "Refused", "Sandbox", "Unreachable"),
    "embedding.running_server": ("serve",),
    "embedding.vendor_app": ("flask_app",),
    "embedding.interception": ("CannotPatch", "HostRefused", "intercept"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    for module, names in _MODULES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(f"mockserver.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names. They are imported when they are used, not when they are listed."""
    return [*__all__, "__all__", "__doc__", "__file__", "__name__", "__path__", "__version__"]
