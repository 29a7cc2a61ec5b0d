"""The changes of a sandbox since the latest turn of its copy: what the next turn puts into the log."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from mockserver.sandbox.log.contents import Contents, contents_of
from mockserver.sandbox.log.log import Life
from mockserver.sandbox.log.parts import difference, state_difference, whole
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.secrets import digest_of
from mockserver.sandbox.world import World
from mockserver.server.copies.comparing import is_plain
from mockserver.server.copies.copy import Copy

RENEWAL = timedelta(minutes=1)  # at most, after which it is kept anew that a sandbox has been used
CLEARED = "cleared"  # the part with the number of the latest call when the journal was cleared


def differences(
    copy: Copy, sandbox: Sandbox, initial: World, by_control: bool
) -> tuple[str, dict[str, bytes | None], Contents]:
    """Return the prefix to be cleared, the parts that have changed, and the contents now. Raise NotKept."""
    before, calls = copy.tip.contents, sandbox.calls
    if before is None:
        sandbox.touched = set()
        contents = contents_of(sandbox)
        return "", {**whole(contents, initial)}, contents
    is_call = not by_control and is_plain(before, sandbox)
    if is_call and sandbox.state is before.state:
        return "", {} if calls == copy.tip.calls else {"calls": b"%d" % calls}, before
    touched, sandbox.touched = sandbox.touched, set()
    if is_call:
        contents = replace(before, state=sandbox.state, calls=calls)
        cleared, parts = state_difference(before, contents, touched, initial)
        if calls != copy.tip.calls:
            parts["calls"] = b"%d" % calls
        return cleared, parts, contents
    contents = contents_of(sandbox)
    return *difference(replace(before, calls=copy.tip.calls), contents, touched, initial), contents


def life_of(copy: Copy, sandbox: Sandbox) -> Life:
    """Return how long the sandbox lives now: the life that the log has, unless it must be told a new one.

    A call need not ask until the time `renewal`.
    """
    keys = [digest_of(sandbox.issued.text)] if sandbox.issued and sandbox.issued.text else []
    keys += [sandbox.control_digest] if sandbox.control_digest else []
    end = sandbox.expires
    expires = None if end is None else int(end.timestamp() * 1e6)
    life = Life(expires, sandbox.implicit, tuple(keys))
    if sandbox.used <= copy.renewal and replace(life, expires=copy.tip.life.expires) == copy.tip.life:
        return copy.tip.life
    note_use(copy, sandbox, sandbox.used)
    return life


def note_use(copy: Copy, sandbox: Sandbox, used: datetime) -> None:
    """Note when the sandbox was last used, as the log knows it."""
    copy.renewal = used + min(RENEWAL, sandbox.ttl / 10)
