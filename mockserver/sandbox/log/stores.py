"""Stores by their URLs."""

from collections.abc import Callable
from pathlib import Path

from mockserver.sandbox.log.log import Log, StoreRefused
from mockserver.sandbox.log.redis.address import SCHEMES as REDIS_SCHEMES
from mockserver.sandbox.log.sqlite.sqlite_log import SqliteLog


def open_log(url: str) -> Log:
    """Return the log of a store that is not joined yet. Raise StoreRefused if the URL names none."""
    scheme, colon, _ = url.partition("://")
    if not colon or scheme not in _OPENERS:
        *schemes, last = (f"{each}://" for each in _OPENERS)
        raise StoreRefused(f"the URL of a store begins with {', '.join(schemes)} or {last}")
    return _OPENERS[scheme](url)


def _sqlite(url: str) -> Log:
    """Open `sqlite:///relative` or `sqlite:////absolute`, as in the URLs of SQLAlchemy."""
    rest = url.removeprefix("sqlite://")
    if not rest.startswith("/") or not rest.strip("/"):
        raise StoreRefused(
            "write sqlite:///file.db for a file in this directory, or sqlite:////directory/file.db"
        )
    if rest == "/:memory:":
        raise StoreRefused("sandboxes are in memory if there is no store: leave it out, or name a file")
    return SqliteLog(Path(rest[1:]))


def _redis(url: str) -> Log:
    try:
        from mockserver.sandbox.log.redis.redis_log import RedisLog
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("redis", "hiredis"):
            raise
        raise StoreRefused(
            f"the package {package} is not installed: install the mock with its extra redis, in its folder by"
            " pip install '.[redis]'"
        ) from None
    return RedisLog(url)


_OPENERS: dict[str, Callable[[str], Log]] = {"sqlite": _sqlite, **dict.fromkeys(REDIS_SCHEMES, _redis)}
