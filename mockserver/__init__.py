"""Exact stand-ins for the inventory APIs of five vendors."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockserver.interception import intercept

__all__ = ["intercept"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The public names, imported when they are first used."""
    if name == "intercept":
        from mockserver.interception import intercept

        return intercept
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
