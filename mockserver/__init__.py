"""Exact stand-ins for the inventory APIs of five vendors."""

TYPE_CHECKING = False  # not from typing: the import of typing would take longer than this package
if TYPE_CHECKING:
    from mockserver.interception import intercept

__all__ = ["intercept"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Return a public name, imported when it is first used."""
    if name == "intercept":
        from mockserver.interception import intercept

        return intercept
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
