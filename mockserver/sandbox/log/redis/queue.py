"""The queue of commands for Redis: all that are asked for in one turn of the event loop leave together."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from mockserver.sandbox.log.log import StoreLost, StoreUnavailable

MAX_BATCH = 100  # commands or appends: also the answers to as many loads of full sandboxes must come in time
LOST = "the store has lost what it kept"
Command = tuple[str | bytes | int, ...]
Done = Callable[[Any], None]
Join = Callable[[str, Mapping[str, Sequence[Any]]], Iterable[tuple[Command, Done]]]


class NoAnswer(StoreUnavailable):
    """Raised if Redis has not answered in time."""


class Client(Protocol):
    """Runs commands. `shards` is True if a command may have the keys of one sandbox only."""

    shards: bool

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands, those of one sandbox in order, and return the reply of each.

        The reply to a command that Redis refuses is a StoreUnavailable. Raise StoreUnavailable if it is not
        known which commands have run, and NoAnswer if that took long.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class _Waiting(NamedTuple):
    command: Command
    done: Done
    generation: str | None  # None: any
    size: int = 1


class _Group:
    """Appends that leave together, by the names of what they are for."""

    def __init__(self, generation: str, name: str, append: Any) -> None:
        self.generation, self.size = generation, 1
        self.appends = defaultdict[str, list[Any]](list, {name: [append]})


class CommandQueue:
    """Runs commands in the order in which they are asked for.

    With each batch, the generation is read at `generation_key`. The reply to a command is a StoreLost if the
    store has another one than `generation` was when the command was asked for.

    `join` makes few commands of the appends that follow each other, once they can leave. It gets their
    generation, and returns each command with what to call with its reply.
    """

    def __init__(self, client: Client, generation_key: str, join: Join) -> None:
        self.generation = ""
        self._client, self._read_generation, self._join = client, ("GET", generation_key), join
        self._waiting: deque[_Waiting | _Group] = deque()
        self._group: _Group | None = None  # that the next append joins: the last of those that wait
        self._running: asyncio.Task[None] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._closed = False

    def ask(self, command: Command, done: Done, *, any_generation: bool = False) -> None:
        """Run a command later, and then call `done` with the reply, or with an exception in its place."""
        self._wait(_Waiting(command, done, None if any_generation else self.generation))

    def append(self, name: str, append: Any) -> None:
        """Run an append later, joined with those before and after it. `name` says what it is for."""
        group = self._group
        if group is not None and group.size < MAX_BATCH:
            group.appends[name].append(append)
            group.size += 1
        else:
            self._wait(_Group(self.generation, name, append))

    def take_on(self, generation: str) -> None:
        """Let what is asked for from now on be for a generation."""
        self.generation, self._group = generation, None

    def _wait(self, waiting: _Waiting | _Group) -> None:
        if self._closed and (self._running is None or self._running.done()):
            for one in self._commands([waiting]):
                one.done(StoreUnavailable("the store is closed"))
            return
        self._waiting.append(waiting)
        self._group = waiting if isinstance(waiting, _Group) else None
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
        self._wake_up()

    async def reply(self, command: Command, *, any_generation: bool = False) -> Any:
        """Run a command and return the reply, or raise the exception."""
        return await self._future(command, any_generation)

    async def replies(self, commands: Iterable[Command]) -> list[Any]:
        """Run commands together and return their replies, or raise the first exception."""
        return await asyncio.gather(*[self._future(command) for command in commands])

    def _future(self, command: Command, any_generation: bool = False) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.ask(command, partial(settle, future), any_generation=any_generation)
        return future

    async def close(self) -> None:
        """Run what was asked for, then close the client."""
        self._closed = True
        self._wake_up()
        if self._running is not None:
            await self._running
        await self._client.close()

    def _wake_up(self) -> None:
        if self._wake is not None:
            self._wake.set_result(None)
            self._wake = None

    async def _run(self) -> None:
        while self._waiting or not self._closed:
            if not self._waiting:
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
            await self._gather()
            batch = self._next_batch()
            if batch:
                replies = await self._replies(batch)
                for one, reply in zip(batch, replies, strict=True):
                    one.done(reply)
                if isinstance(replies[0], NoAnswer):
                    self._fail_waiting(replies[0])

    async def _gather(self) -> None:
        """Return as soon as a turn of the event loop brings no more commands and appends.

        The loop does not wait in between. A busy one gets larger batches, so that it needs fewer of them.
        """
        known = 0
        while known < (size := sum([one.size for one in self._waiting])) < MAX_BATCH:
            known = size
            await asyncio.sleep(0)

    def _next_batch(self) -> list[_Waiting]:
        some, count = list[_Waiting | _Group](), 0
        while self._waiting and count < MAX_BATCH:
            one = self._waiting.popleft()
            some.append(one)
            count += one.size
        if not self._waiting:
            self._group = None
        return [*self._commands(some)]

    def _commands(self, some: Iterable[_Waiting | _Group]) -> Iterator[_Waiting]:
        for one in some:
            if isinstance(one, _Waiting):
                yield one
            else:
                for command, done in self._join(one.generation, one.appends):
                    yield _Waiting(command, done, one.generation)

    def _fail_waiting(self, error: NoAnswer) -> None:
        """Fail all commands that wait, so that nobody waits for two timeouts."""
        waiting, self._waiting, self._group = self._waiting, deque(), None
        for one in self._commands(waiting):
            one.done(NoAnswer(*error.args))

    async def _replies(self, batch: Sequence[_Waiting]) -> Sequence[Any]:
        try:
            found, *replies = await self._client.run([self._read_generation, *(one.command for one in batch)])
        except StoreUnavailable as error:
            return [type(error)(*error.args) for _ in batch]  # each raises one of its own
        except Exception as error:
            return [error] * len(batch)
        generation = found.decode() if isinstance(found, bytes) else ""
        if all(one.generation == generation for one in batch):
            return replies
        return [
            reply if one.generation is None or isinstance(reply, Exception) else _checked(one, found, reply)
            for one, reply in zip(batch, replies, strict=True)
        ]


def _checked(one: _Waiting, found: Any, reply: Any) -> Any:
    """Return the reply to a command, or an exception if the generation that was found is another one."""
    if isinstance(found, StoreUnavailable):
        return type(found)(*found.args)
    return reply if found == (one.generation or "").encode() else StoreLost(LOST)


def settle(future: "asyncio.Future[Any]", reply: Any) -> None:
    """Give a future a result, or an exception in its place. One that was cancelled stays so."""
    if future.done():
        return
    if isinstance(reply, Exception):
        future.set_exception(reply)
    else:
        future.set_result(reply)
