"""Two servers over one log know alike which sandboxes there are, and how long each lives."""

import json
from datetime import timedelta

import pytest

from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.secrets import digest_of
from mockserver.server.copies.copy import AT_ONCE
from tests.sandbox.log.conftest import Store
from tests.server.turns.two_servers import Check, Server, two_servers


async def looking_is_no_use(one: Server, other: Server) -> None:
    await one.read()
    await other.control("GET", "/sandboxes/shared")
    sandbox = other.mock.sandboxes.get("shared")
    used = sandbox.used
    assert used <= wall_clock()
    await other.control("GET", "/sandboxes/shared")
    assert sandbox.used == used
    await one.read()
    await other.control("GET", "/sandboxes/shared")
    assert used < sandbox.used <= wall_clock()


async def name_of_a_new_sandbox_is_taken_at_both(one: Server, other: Server) -> None:
    refused = {"error": "exists", "message": "there is already a sandbox shared"}
    for path in "/sandboxes", "/sandboxes/demo/fork":
        await one.control("POST", "/sandboxes", {"name": "shared"})
        answer = await other.send("POST", f"/_mock{path}", {"name": "shared"})
        assert (answer.status, json.loads(answer.body)) == (409, refused)
        await one.control("DELETE", "/sandboxes/shared")
        await other.control("POST", path, {"name": "shared"})
        await one.control("DELETE", "/sandboxes/shared")


async def short_life_is_renewed_in_time(one: Server, other: Server) -> None:
    await one.control("POST", "/sandboxes", {"name": "shared", "ttl": 10})
    before = await one.log.load("shared")
    assert one.mock.copies and before and before.life.expires
    copy = one.mock.copies.at("shared")
    assert copy.renewal > AT_ONCE
    copy.renewal -= timedelta(seconds=2)  # as if the latest call was that long ago
    await one.read()
    after = await one.log.load("shared")
    assert after and after.life.expires and after.life.expires > before.life.expires


async def end_in_any_case_says_nothing_of_the_latest_use(one: Server, other: Server) -> None:
    await one.control("POST", "/sandboxes", {"name": "shared"})
    sandbox, now = one.mock.sandboxes.get("shared"), wall_clock()
    sandbox.ends = now + timedelta(hours=1)
    await one.control("POST", "/sandboxes/shared/reset")
    await other.control("GET", "/sandboxes/shared")
    found = other.mock.sandboxes.get("shared")
    assert (found.ends, found.expires) == (sandbox.ends, sandbox.ends)
    assert now <= found.used <= wall_clock()


async def key_that_is_new_elsewhere_stays_in_the_log(one: Server, other: Server) -> None:
    await one.control("POST", "/sandboxes", {"name": "shared"})
    await other.read()
    token = (await one.control("POST", "/sandboxes/shared/control-token"))["control_token"]
    await other.read()
    kept = await one.log.load("shared")
    assert kept and kept.life.keys == (digest_of(token),)


async def new_key_outlives_a_refused_turn(one: Server, other: Server) -> None:
    await one.control("POST", "/sandboxes", {"name": "shared"})
    await other.read()
    token = (await one.control("POST", "/sandboxes/shared/control-token"))["control_token"]
    await other.control("GET", "/sandboxes/shared")
    await one.read()  # the log refuses the next turn of `other`
    await other.read()
    kept = await one.log.load("shared")
    assert kept and kept.life.keys == (digest_of(token),)


async def key_that_did_not_count_takes_no_other_ones_place(one: Server, other: Server) -> None:
    token = (await one.control("POST", "/sandboxes", {"name": "shared"}))["control_token"]
    assert one.mock.copies
    copy, sandbox = one.mock.copies.at("shared"), one.mock.sandboxes.get("shared")
    await other.read()  # the log refuses the next turn of `one`
    sandbox.control_digest = digest_of("another")
    turn = one.mock.copies.append(copy, sandbox, None)
    assert turn and not await turn.wait()
    await one.read()
    kept = await one.log.load("shared")
    assert kept and kept.life.keys == (digest_of(token),)


CHECKS = (
    looking_is_no_use,
    name_of_a_new_sandbox_is_taken_at_both,
    short_life_is_renewed_in_time,
    end_in_any_case_says_nothing_of_the_latest_use,
    key_that_is_new_elsewhere_stays_in_the_log,
    new_key_outlives_a_refused_turn,
    key_that_did_not_count_takes_no_other_ones_place,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_servers_agree_on_a_life(check: Check, store: Store) -> None:
    two_servers(check, store)
