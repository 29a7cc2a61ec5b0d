"""The URLs of stores."""

import re

import pytest

from mockserver.sandbox.log.log import StoreRefused
from mockserver.sandbox.log.stores import open_log

SQLITE = "write sqlite:///file.db for a file in this directory, or sqlite:////directory/file.db"


@pytest.mark.parametrize(
    ("url", "described"),
    [
        ("sqlite:////var/lib/mock.db", "sqlite:////var/lib/mock.db"),
        ("sqlite:////var/lib/../mock.db", "sqlite:////var/lib/../mock.db"),
    ],
)
def test_url_opens_a_store(url: str, described: str) -> None:
    assert open_log(url).describe() == described


@pytest.mark.parametrize(
    "url", ["mysql://me:secret@host/db", "sqlite:x.db", "sqlite", "/var/lib/mock.db", "", "SQLITE:///x"]
)
def test_unknown_store_is_refused_with_the_known_ones(url: str) -> None:
    with pytest.raises(StoreRefused, match=re.escape("the URL of a store begins with sqlite://")) as refused:
        open_log(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:////", "sqlite://host/x.db", "sqlite://x.db"]
)
def test_url_of_a_file_has_a_path(url: str) -> None:
    with pytest.raises(StoreRefused, match=f"^{SQLITE}$"):
        open_log(url)


def test_store_in_memory_is_none_at_all() -> None:
    with pytest.raises(StoreRefused, match=r"^sandboxes are in memory if there is no store: leave it out"):
        open_log("sqlite:///:memory:")
