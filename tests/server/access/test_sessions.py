"""Sessions and one-time codes: what they stand for, when they end, and how many there may be."""

import gc
from datetime import UTC, datetime, timedelta
from weakref import ref

import pytest

from mockserver.sandbox.registry import Sandboxes
from mockserver.server.access import sessions as module
from mockserver.server.access.rights import EVERYTHING
from mockserver.server.access.sessions import CODE_LIFE, MAX_IDLE, Sessions
from mockserver.server.access.shared import Shared

MOMENT = timedelta(microseconds=1)


class Time:
    """A wall clock that only `pass_` moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 26, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, duration: timedelta) -> None:
        self.now += duration


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def sandboxes() -> Sandboxes:
    return Sandboxes(42, 10)


@pytest.fixture
def sessions(sandboxes: Sandboxes, time: Time) -> Sessions:
    return Sessions(sandboxes, Shared(), now=time)


def opened(sessions: Sessions, session_id: str) -> str | None:
    """Return the name of the sandbox that a session opens, `everything`, or None."""
    found = sessions.find(session_id)
    return found and (found.sandbox or "everything")


def test_session_stands_for_everything_or_one_sandbox(sessions: Sessions, sandboxes: Sandboxes) -> None:
    of_all, of_one = sessions.begin(None), sessions.begin(sandboxes.create("one"))
    assert (opened(sessions, of_all), opened(sessions, of_one)) == ("everything", "one")
    assert sessions.find(of_all) == EVERYTHING


@pytest.mark.parametrize("text", ["", "guess", "ü", "\udcff", "a" * 100_000])
def test_any_other_text_opens_nothing(sessions: Sessions, text: str) -> None:
    sessions.begin(None)
    assert sessions.find(text) is None
    assert sessions.redeem(text) is None
    sessions.end(text)


def test_ids_and_codes_have_256_random_bits_and_are_not_kept(sessions: Sessions) -> None:
    texts = [make() for make in (lambda: sessions.begin(None), sessions.new_code) for _ in range(3)]
    assert len({*texts}) == 6
    assert {len(text) for text in texts} == {43}, "256 bits are 43 characters of base 64"
    parts = sessions._shared.parts()
    assert len(parts) == 6
    assert not any(text in str(parts) for text in texts)


def test_session_ends_12_hours_after_its_last_use(sessions: Sessions, time: Time) -> None:
    session_id = sessions.begin(None)
    for _ in range(3):
        time.pass_(MAX_IDLE - MOMENT)
        assert opened(sessions, session_id) == "everything"
    time.pass_(MAX_IDLE)
    assert opened(sessions, session_id) is None
    assert timedelta(hours=12) == MAX_IDLE


def test_session_ends_by_logout(sessions: Sessions) -> None:
    first, second = sessions.begin(None), sessions.begin(None)
    sessions.end(first)
    assert (opened(sessions, first), opened(sessions, second)) == (None, "everything")


@pytest.mark.parametrize("name", ["one", "demo"])
def test_session_and_code_end_with_their_sandbox(sandboxes: Sandboxes, name: str) -> None:
    sessions = Sessions(sandboxes, Shared())
    sandbox = sandboxes.get_or_create(name)
    session_id, code = sessions.begin(sandbox), sessions.new_code(sandbox)
    sandboxes.delete(name)
    del sandbox
    gc.collect()
    sandboxes.get_or_create(name)
    assert opened(sessions, session_id) is None, "a later sandbox of the same name is another one"
    assert not sessions.knows_code(code)
    assert sessions.redeem(code) is None


def test_session_does_not_keep_its_sandbox_in_memory(sandboxes: Sandboxes) -> None:
    sessions, sandbox = Sessions(sandboxes, Shared()), ref(sandboxes.create("one"))
    sessions.begin(sandbox())
    sandboxes.delete("one")
    gc.collect()
    assert sandbox() is None
    assert len(sessions._sessions) == 1


def test_session_goes_on_after_reset_and_import(sandboxes: Sandboxes) -> None:
    sessions = Sessions(sandboxes, Shared())
    session_id = sessions.begin(sandboxes.create("one"))
    sandboxes.get("one").reset()
    sandboxes.put(sandboxes.prepare("one", 7, 20))
    assert opened(sessions, session_id) == "one"


def test_code_begins_one_session(sessions: Sessions, sandboxes: Sandboxes) -> None:
    for sandbox, opens in ((None, "everything"), (sandboxes.create("one"), "one")):
        code = sessions.new_code(sandbox)
        assert [sessions.knows_code(code) for _ in range(3)] == [True] * 3, "to look does not use it up"
        session_id = sessions.redeem(code)
        assert session_id
        assert opened(sessions, session_id) == opens
        assert not sessions.knows_code(code)
        assert sessions.redeem(code) is None
        assert sessions.find(code) is None, "a code is no session"


def test_code_is_good_for_10_minutes(sessions: Sessions, time: Time) -> None:
    codes = [sessions.new_code() for _ in range(2)]
    time.pass_(CODE_LIFE - MOMENT)
    assert sessions.redeem(codes[0])
    time.pass_(MOMENT)
    assert not sessions.knows_code(codes[1])
    assert sessions.redeem(codes[1]) is None
    assert timedelta(minutes=10) == CODE_LIFE


def test_too_many_sessions_of_one_sandbox_end_those_that_are_longest_unused(
    sessions: Sessions, sandboxes: Sandboxes
) -> None:
    admin, other = sessions.begin(None), sessions.begin(sandboxes.create("other"))
    one = sandboxes.create("one")
    ids = [sessions.begin(one) for _ in range(module.MAX_SESSIONS_OF_ONE)]
    assert opened(sessions, ids[0]) == "one"  # a use: now the second is longest unused
    ids += [sessions.begin(one)]
    ended = [index for index, session_id in enumerate(ids) if opened(sessions, session_id) is None]
    assert ended == [1]
    assert (opened(sessions, admin), opened(sessions, other)) == ("everything", "other")


def test_too_many_codes_of_one_sandbox_end_the_oldest(sessions: Sessions, sandboxes: Sandboxes) -> None:
    admin, one = sessions.new_code(), sandboxes.create("one")
    codes = [sessions.new_code(one) for _ in range(module.MAX_CODES_OF_ONE + 2)]
    good = [sessions.knows_code(code) for code in codes]
    assert good == [False] * 2 + [True] * module.MAX_CODES_OF_ONE
    assert sessions.knows_code(admin)


def test_too_many_sessions_in_all(
    sessions: Sessions, sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 3)
    ids = [sessions.begin(sandboxes.create(name)) for name in "abcd"]
    assert [opened(sessions, one) for one in ids] == [None, "b", "c", "d"], "the longest unused has to go"
    sandboxes.delete("c")
    ids += [sessions.begin(sandboxes.create("e"))]
    assert [opened(sessions, one) for one in ids] == [None, "b", None, "d", "e"], "what is over goes first"


def test_another_admin_token_ends_the_sessions_and_codes_for_everything(sandboxes: Sandboxes) -> None:
    shared = Shared()
    before, one = Sessions(sandboxes, shared, "first"), sandboxes.create("one")
    ids, codes = [[make(of) for of in (None, one)] for make in (before.begin, before.new_code)]
    parts = shared.parts()
    after = Sessions(sandboxes, (later := Shared()), "second")
    later.take_on(parts)
    assert [opened(after, session_id) for session_id in ids] == [None, "one"]
    assert [after.knows_code(code) for code in codes] == [False, True]
    assert [opened(before, session_id) for session_id in ids] == ["everything", "one"]


def test_what_is_over_is_tidied_away(sessions: Sessions, sandboxes: Sandboxes, time: Time) -> None:
    sessions.begin(sandboxes.create("one"))
    sessions.new_code()
    time.pass_(CODE_LIFE)
    session_id = sessions.begin(None)
    sandboxes.delete("one")
    sessions.tidy()
    assert [len(sessions._sessions), len(sessions._codes)] == [1, 0]
    assert opened(sessions, session_id) == "everything"
