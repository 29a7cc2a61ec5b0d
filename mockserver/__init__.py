"""Exact stand-ins for the inventory APIs of five vendors."""

TYPE_CHECKING = False  # typing itself would be most of what the import of this package costs
if TYPE_CHECKING:
    from mockserver.interception import intercept

__all__ = ["intercept"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The public names, imported when they are first used."""
    if name == "intercept":
        from mockserver.interception import intercept

        return intercept
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
