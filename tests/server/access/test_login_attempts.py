"""The limit on wrong tokens: who counts as one client, and for how long."""

import pytest

from mockserver.server.access import login_attempts as module
from mockserver.server.access.client_address import client_of
from mockserver.server.access.login_attempts import MAX_WRONG, PERIOD, LoginAttempts
from mockserver.server.access.shared import Shared


class Seconds:
    """A clock that tests move."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def attempts(seconds: Seconds) -> LoginAttempts:
    return LoginAttempts(Shared(), seconds)


def fail(attempts: LoginAttempts, peer: str, times: int = 1) -> None:
    for _ in range(times):
        attempts.count_wrong(peer)


def test_sixth_attempt_in_a_minute_has_to_wait(attempts: LoginAttempts, seconds: Seconds) -> None:
    assert (MAX_WRONG, PERIOD) == (5, 60)
    for _ in range(MAX_WRONG):
        assert attempts.seconds_to_wait("192.0.2.1") == 0
        fail(attempts, "192.0.2.1")
        seconds.now += 2
    assert attempts.seconds_to_wait("192.0.2.1") == PERIOD - 2 * MAX_WRONG
    seconds.now += 49.5
    assert attempts.seconds_to_wait("192.0.2.1") == 1
    seconds.now += 0.5
    assert attempts.seconds_to_wait("192.0.2.1") == 0
    fail(attempts, "192.0.2.1")
    assert attempts.seconds_to_wait("192.0.2.1") == 2, "the second of the first five is the oldest now"


@pytest.mark.parametrize(
    ("peer", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.2", "::ffff:192.0.2.1", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::1", "127.0.0.1", False),
        ("", "", True),
        ("/run/socket", "/run/other", False),
    ],
)
def test_client_is_an_ipv4_address_or_an_ipv6_network(
    attempts: LoginAttempts, peer: str, other: str, same: bool
) -> None:
    fail(attempts, peer, MAX_WRONG)
    assert bool(attempts.seconds_to_wait(other)) == same
    assert (client_of(peer) == client_of(other)) == same


def test_number_of_clients_is_bounded(attempts: LoginAttempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PEERS", 3)
    for peer in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        fail(attempts, peer, MAX_WRONG)
    fail(attempts, "192.0.2.1")
    fail(attempts, "192.0.2.4")
    waits = [attempts.seconds_to_wait(f"192.0.2.{number}") > 0 for number in (1, 2, 3)]
    assert waits == [True, False, True]
