"""A process that appends to a store: `python -m tests.sandbox.log.store_process STORE HOW NAME COUNT`.

It prints the token of each entry once that is confirmed. If HOW is `ahead`, it makes the sandbox NAME, and
has three appends on the way at a time. If it is `turns`, it appends to the sandbox together with other
processes: each entry adds 1 to the part `count`. At the end it waits for its stdin to be closed. If HOW is
`join`, it joins COUNT new stores instead, one after the other, and prints the generation of each.
"""

import asyncio
import sys

from mockserver.sandbox.log.log import Log, appended
from mockserver.sandbox.log.stores import open_log
from tests.sandbox.log.entries import FOREVER, ahead, entry

MAX_TURNS = 1000
FINGERPRINT = {"seed": "7", "products": "100"}


async def append_ahead(log: Log, name: str, count: int) -> None:
    head = None
    for _ in range(count // 3):
        entries = [entry({"count": b"1"}, call=bytes(700)) for _ in range(3)]
        for each, confirmed in zip(entries, ahead(log, name, head, entries), strict=True):
            assert await confirmed
            print(each.token.hex(), flush=True)
        head = entries[-1].token


async def append_in_turns(log: Log, name: str, count: int) -> None:
    done = 0
    for _ in range(MAX_TURNS):
        kept = await log.load(name)
        number = int(kept.parts["count"]) if kept else 0
        turn = entry({"count": b"%d" % (number + 1)}, call=b"%d" % number)
        if await appended(log, name, kept.head if kept else None, turn, FOREVER):
            print(turn.token.hex(), flush=True)
            done += 1
        if done == count:
            return
    raise SystemExit("others were faster each time")


async def join(store: str, count: int) -> None:
    for number in range(count):
        log = open_log(f"{store}{number}")
        print((await log.join(FINGERPRINT)).generation)
        await log.close()


async def main(store: str, how: str, name: str, count: str) -> None:
    if how == "join":
        await join(store, int(count))
        return
    log = open_log(store)
    await log.join(FINGERPRINT)
    await {"ahead": append_ahead, "turns": append_in_turns}[how](log, name, int(count))
    sys.stdin.read()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
