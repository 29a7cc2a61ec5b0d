"""Share links: which call they show, and when they end."""

import pytest

from mockserver.sandbox.registry import Sandboxes
from mockserver.server.access import shares as module
from mockserver.server.access.shared import Shared
from mockserver.server.access.shares import Shares


@pytest.fixture
def sandboxes() -> Sandboxes:
    return Sandboxes(42, 10)


@pytest.fixture
def shares(sandboxes: Sandboxes) -> Shares:
    return Shares(sandboxes, Shared())


def test_link_to_a_call_is_the_same_until_it_is_revoked(shares: Shares, sandboxes: Sandboxes) -> None:
    one = sandboxes.create("one")
    share, other = shares.make(one, "one.1"), shares.make(one, "one.2")
    assert shares.make(one, "one.1") == shares.of_call("one.1") == shares.find(share.token) == share
    shares.revoke("one.1")
    assert (shares.find(share.token), shares.of_call("one.1")) == (None, None)
    assert shares.find(other.token) == other
    assert shares.make(one, "one.1").token != share.token
    assert {len(one.token) for one in (share, other)} == {22}, "128 bits are 22 characters of base 64"


@pytest.mark.parametrize("token", ["", "guess", "ü", "\udcff", "a" * 100_000])
def test_any_other_text_shows_nothing(shares: Shares, sandboxes: Sandboxes, token: str) -> None:
    shares.make(sandboxes.create("one"), "one.1")
    assert shares.find(token) is None


def test_link_ends_with_its_sandbox(shares: Shares, sandboxes: Sandboxes) -> None:
    share = shares.make(sandboxes.create("one"), "one.1")
    sandboxes.put(sandboxes.prepare("one", 7, 20))
    assert shares.find(share.token) == share, "an import keeps the journal"
    sandboxes.delete("one")
    later = sandboxes.create("one")
    assert (shares.find(share.token), shares.of_call("one.1")) == (None, None)
    assert shares.make(later, "one.1") != share
    assert len(shares._shares) == 1, "the old one is forgotten"


def test_too_many_links_of_one_sandbox_end_the_oldest(
    shares: Shares, sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SHARES_OF_ONE", 2)
    other, one = sandboxes.create("other"), sandboxes.create("one")
    kept = shares.make(other, "other.1")
    links = [shares.make(one, f"one.{number}") for number in range(3)]
    assert [shares.find(link.token) is not None for link in links] == [False, True, True]
    monkeypatch.setattr(module, "MAX_SHARES", 3)
    newest = shares.make(sandboxes.create("third"), "third.1")
    assert shares.find(kept.token) is None, "the oldest of all"
    assert shares.find(newest.token) == newest


def test_token_is_not_kept_and_ends_with_the_key(sandboxes: Sandboxes) -> None:
    one, shared = sandboxes.create("one"), Shared(bytes(32))
    share = Shares(sandboxes, shared).make(one, "one.1")
    assert share.token not in str(shared.parts())
    for key, same in ((bytes(32), True), (bytes(31) + b"x", False)):
        later = Shares(sandboxes, (tables := Shared(key)))
        tables.take_on(shared.parts())
        assert (later.find(share.token) == later.of_call("one.1") == share) is same
        assert (later.make(one, "one.1") == share) is same
        assert len(later._shares) == 1
