"""The metrics of a server's store."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from mockserver import app
from mockserver.sandbox.log.log import StoreUnavailable
from mockserver.sandbox.log.sqlite import store_file
from mockserver.sandbox.log.stores import open_log
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.console.test_broken_store import BrokenLog
from tests.metrics import get, metrics

STOCK = "/merchantpro/api/v2/inventory/id/10001"


def calls(url: str, count: int) -> list[int]:
    """Call a sandbox, and return the statuses of the answers."""
    with httpx.Client(base_url=url, auth=("sbx_shop", "x"), verify=NO_CERTIFICATES) as client:
        return [client.get(STOCK).status_code for _ in range(count)]


def replace(file: Path) -> None:
    file.rename(file.with_suffix(".old"))


@pytest.mark.parametrize(("accident", "lost"), [(None, 0), (replace, 1)])
def test_turns_and_losses_are_counted(
    tmp_path: Path, accident: Callable[[Path], None] | None, lost: int
) -> None:
    file = tmp_path / "mock.db"
    mock = app.build(products=20, names=("merchantpro",), log=open_log(f"sqlite:///{file}"))
    with serving(mock.application) as url:
        assert calls(url, 3) == [200] * 3
        if accident is not None:
            accident(file)
        counted = metrics(url)
        assert counted["mockserver_store_up"] == 1
        assert counted["mockserver_store_appends_total"] == 3
        assert counted["mockserver_store_conflicts_total"] == 0
        assert 1 <= counted["mockserver_store_append_seconds_count"] <= 3
        assert counted['mockserver_store_append_seconds_bucket{le="+Inf"}'] >= 1
        assert counted["mockserver_store_generations_lost_total"] == lost
        assert counted["mockserver_store_sandboxes_damaged_total"] == lost
        assert counted['mockserver_store_turns_lost_total{answered="here"}'] == 3 * lost
        assert counted['mockserver_store_turns_lost_total{answered="elsewhere"}'] == 0
        assert calls(url, 1) == [503 if lost else 200]


def test_server_is_ready_again_once_a_probe_could_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "BUSY_TIMEOUT", 0.01)
    file = tmp_path / "mock.db"
    mock = app.build(products=20, names=("merchantpro",), log=open_log(f"sqlite:///{file}"))
    with serving(mock.application) as url:
        assert (calls(url, 1), seen(url)) == ([200], (200, 1))
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert seen(url) == (200, 1), "nobody has tried to write, and a probe writes only after a failure"
            assert calls(url, 1) == [503]
            assert [seen(url), seen(url)] == [(503, 0)] * 2
            other.execute("COMMIT")
            assert seen(url) == (200, 1)
            (entries,) = other.execute("SELECT sum(count) FROM chains").fetchone()
            assert [seen(url), seen(url)] == [(200, 1)] * 2
            assert other.execute("SELECT sum(count) FROM chains").fetchone() == (entries,)
            assert calls(url, 1) == [200]


def seen(url: str) -> tuple[int, float]:
    """Return the status of /_mock/ready, and whether the store can be used by the metrics."""
    return get(url, "/_mock/ready").status_code, metrics(url)["mockserver_store_up"]


def put_text_there(file: Path) -> None:
    move_all(file)
    file.write_text("the file of another program")


def put_another_database_there(file: Path) -> None:
    move_all(file)
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE notes (text)")


def move_all(file: Path) -> None:
    """Move a file with its write-ahead log, of which SQLite would add the changes to another file there."""
    for one in file.parent.glob(f"{file.name}*"):
        one.rename(one.with_name(f"old-{one.name}"))


def move_the_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_suffix(".old"))


@pytest.mark.parametrize(
    ("accident", "reason"),
    [
        (put_text_there, "{} is not a SQLite database: choose another file"),
        (put_another_database_there, "{} is the database of another application: choose another file"),
        (move_the_folder, "there is no directory {.parent}: make it first"),
    ],
)
def test_server_goes_on_once_its_file_can_be_used_again(
    tmp_path: Path, accident: Callable[[Path], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "folder" / "mock.db"
    file.parent.mkdir()
    mock = app.build(products=20, names=("merchantpro",), log=open_log(f"sqlite:///{file}"))
    with serving(mock.application) as url:
        assert calls(url, 1) == [200]
        accident(file)
        for _ in range(2):
            refused = get(url, "/_mock/sandboxes/shop")
            assert (refused.status_code, refused.json()["error"]) == (503, "store_unavailable")
            assert (calls(url, 1), seen(url)) == ([503], (503, 0))
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        assert seen(url) == (200, 1)
        assert calls(url, 1) == [503], "it was lost"
        httpx.post(f"{url}/_mock/sandboxes/shop/reset", verify=NO_CERTIFICATES).raise_for_status()
        assert calls(url, 1) == [200]
    assert f"the store cannot be used: {reason.format(file)}" in caplog.messages
    assert not any(record.exc_info for record in caplog.records)


def test_journal_of_a_sandbox_begins_anew_after_it_was_lost(tmp_path: Path) -> None:
    file = tmp_path / "mock.db"
    mock = app.build(products=20, names=("merchantpro",), log=open_log(f"sqlite:///{file}"))
    with serving(mock.application) as url:
        assert calls(url, 3) == [200] * 3
        replace(file)
        assert calls(url, 1) == [503]
        httpx.post(f"{url}/_mock/sandboxes/shop/reset", verify=NO_CERTIFICATES).raise_for_status()
        assert calls(url, 2) == [200] * 2
        journal = get(url, "/_mock/requests?sandbox=shop&order=oldest").json()
        assert [call["id"] for call in journal["requests"]] == ["shop.1", "shop.2"]
        assert (journal["dropped"], journal["kept"]) == (0, 2)


def test_journal_of_strays_begins_anew_after_it_was_lost(tmp_path: Path) -> None:
    file = tmp_path / "mock.db"
    mock = app.build(products=20, names=("merchantpro",), log=open_log(f"sqlite:///{file}"))
    with serving(mock.application) as url:
        for arrived in (1, 2, 3):
            assert httpx.get(f"{url}/nobody", verify=NO_CERTIFICATES, timeout=TIMEOUT).status_code == 404
            if arrived == 1:
                replace(file)
        journal = get(url, "/_mock/requests?sandbox=-&order=oldest").json()
        assert [call["id"] for call in journal["requests"]] == ["-.1", "-.2"]
        assert (journal["dropped"], journal["kept"]) == (0, 2)


def test_entry_does_not_make_a_lost_sandbox_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "mock.db"
    mock = app.build(products=20, names=("merchantpro",), log=open_log(f"sqlite:///{file}"))
    with serving(mock.application) as url:
        assert calls(url, 1) == [200]
        [entry] = mock.sandboxes.get("shop").journal.entries()
        replace(file)
        assert calls(url, 1) == [503]
        mock.sandboxes.feed.keep(entry, mock.sandboxes.get("shop").journal)
        tries = 0
        while "could not be kept" not in caplog.text:
            assert calls(url, 1) == [503]
            assert (tries := tries + 1) < 1000
        assert calls(url, 1) == [503]


def test_log_tells_once_why_the_store_cannot_be_used(caplog: pytest.LogCaptureFixture) -> None:
    log = BrokenLog()
    mock = app.build(products=20, names=("merchantpro",), log=log)
    with serving(mock.application) as url:
        assert calls(url, 1) == [200]
        log.is_full = True
        assert calls(url, 3) == [503] * 3
        log.is_full = False
        assert calls(url, 2) == [200] * 2
        log.fails = StoreUnavailable
        for _ in range(2):
            reset = httpx.post(f"{url}/_mock/sandboxes/shop/reset", verify=NO_CERTIFICATES)
            assert reset.status_code == 503
        log.fails = None
    assert [record.getMessage() for record in caplog.records if "store" in record.getMessage()] == [
        "the store cannot be used: the disk is full",
        "the store can be used again",
        "the store cannot be used: the store is broken",
    ]


def test_without_a_store_there_is_nothing_to_count(base_url: str) -> None:
    assert "mockserver_store" not in get(base_url, "/_mock/metrics").text
