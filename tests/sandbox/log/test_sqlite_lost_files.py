"""Stores in SQLite whose file was removed or replaced while a server uses it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mockserver.sandbox.log.log import StoreLost, StoreRefused, StoreUnavailable, appended
from mockserver.sandbox.log.sqlite import store_file
from mockserver.sandbox.log.stores import open_log
from tests.sandbox.log.conftest import FINGERPRINT
from tests.sandbox.log.entries import FOREVER, entry


@pytest.mark.parametrize("reason", [StoreRefused, StoreUnavailable])
async def test_store_that_could_not_be_joined_again_is_lost_until_it_can(
    tmp_path: Path, reason: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    log = open_log(f"sqlite:///{path}")
    await log.join(FINGERPRINT)
    monkeypatch.setattr(store_file, "BUSY_TIMEOUT", 0.01)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as program:
        if reason is StoreRefused:
            path.write_text("the file of another program")
        else:
            program.execute("BEGIN EXCLUSIVE")
        for _ in range(2):
            with pytest.raises(reason):
                await log.join(FINGERPRINT)
            with pytest.raises(StoreLost, match=f"^{path} has not been joined$"):
                await log.names()
            with pytest.raises(StoreLost):
                await appended(log, "a", None, entry(), FOREVER)
    path.unlink()
    await log.join(FINGERPRINT)
    assert await log.names() == ([], 0)
    await log.close()
