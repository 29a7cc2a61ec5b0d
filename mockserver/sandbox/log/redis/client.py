"""Connections to Redis by the package `redis`, the only module that imports it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from hiredis import pack_command
from redis.asyncio.client import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from mockserver.sandbox.log.log import StoreUnavailable
from mockserver.sandbox.log.redis.address import Address
from mockserver.sandbox.log.redis.queue import Client, Command, NoAnswer
from mockserver.sandbox.log.redis.scripts import PUSH, SOURCES

CONNECT_TIMEOUT, SENTINEL_TIMEOUT, ANSWER_TIMEOUT = 2, 0.5, 5  # seconds
IDLE = 1  # seconds, after which a connection is looked at before it is used
FAILURES = (RedisError, RedisClusterException, OSError)
FAILED_NODE = (ConnectionError, TimeoutError, RedisClusterException, OSError)
REDIRECTIONS = (AskError, MovedError, TryAgainError)


class Denied(StoreUnavailable):
    """Raised if Redis refuses the user, the password or a command."""


# The first that fits an error tells what is raised instead.
REASONS: list[tuple[type[BaseException] | tuple[type[BaseException], ...], type[StoreUnavailable], str]] = [
    (
        (AuthenticationError, AuthorizationError, NoPermissionError),
        Denied,
        "refuses the user, the password or a command",
    ),
    (BusyLoadingError, StoreUnavailable, "is still loading its data"),
    (ReadOnlyError, StoreUnavailable, "is read-only: a replica, or one that has just become one"),
    (OutOfMemoryError, StoreUnavailable, "has no memory left"),
    (ClusterDownError, StoreUnavailable, "is a cluster of which a part is down"),
    (MovedError, StoreUnavailable, "is a node of a cluster: its URL must begin with redis+cluster:"),
    (MasterNotFoundError, StoreUnavailable, "has no server for the service now"),
    ((TimeoutError, asyncio.TimeoutError), NoAnswer, "does not answer in time"),
    ((ConnectionError, RedisClusterException, OSError), StoreUnavailable, "cannot be reached"),
]
WRONG_URLS = {  # by words of Redis
    "DB index is out of range": "has no database of this number",
    "unknown command 'SENTINEL'": "is not a Sentinel: its URL must begin with redis: or rediss:",
    "Cluster mode is not enabled": "is not a cluster: its URL must begin with redis: or rediss:",
}


def open_client(address: Address, on_connect: Callable[[], None]) -> Client:
    """Return a client for an address. It connects when it is first used.

    `on_connect` is called after each new connection, also after those that the package renews by itself.
    """
    options: dict[str, Any] = {
        "username": address.user,
        "password": address.password,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),  # an append that was kept must not be repeated unseen
        "socket_connect_timeout": CONNECT_TIMEOUT,
    }
    tls: dict[str, Any] = {} if address.tls is None else {"ssl": True, **address.tls}
    if address.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        options |= {"socket_timeout": ANSWER_TIMEOUT, "reinitialize_steps": 0}
        cluster = RedisCluster(startup_nodes=nodes, **options, **tls)
        return ClusterClient(cluster, address.shown, on_connect)

    async def connected(connection: AbstractConnection) -> None:
        await connection.on_connect()
        on_connect()

    options["redis_connect_func"] = connected
    options |= {"db": address.db, "socket_timeout": None}  # the client limits the time of a whole batch
    if address.kind == "sentinel":
        return _sentinel_client(address, options, tls)
    return ServerClient(_pool(address, options), address.shown)


def _pool(address: Address, options: dict[str, Any]) -> ConnectionPool:
    if address.socket:
        return ConnectionPool(UnixDomainSocketConnection, path=address.socket, **options)
    ((host, port),) = address.hosts
    kind = Connection if address.tls is None else SSLConnection
    return ConnectionPool(kind, host=host, port=port, **options | dict(address.tls or {}))


def _sentinel_client(address: Address, options: dict[str, Any], tls: dict[str, Any]) -> Client:
    timeouts = {"socket_connect_timeout": SENTINEL_TIMEOUT, "socket_timeout": SENTINEL_TIMEOUT}
    alike = {"retry": options["retry"], "protocol": options["protocol"], **timeouts, **tls}
    sentinel = Sentinel(address.hosts, sentinel_kwargs=alike)
    pool = SentinelConnectionPool(address.service, sentinel, **options, **tls)
    return ServerClient(pool, address.shown, *sentinel.sentinels)


class ServerClient:
    """Runs commands on one server, over one connection that it keeps."""

    shards = False

    def __init__(self, pool: ConnectionPool, shown: str, *sentinels: Redis) -> None:
        self._pool, self._shown, self._sentinels = pool, shown, sentinels
        self._connection: AbstractConnection | None = None
        self._used = 0.0

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        try:
            connection = await self._connected()
            async with asyncio.timeout(ANSWER_TIMEOUT):
                replies = await _exchange(connection, commands)
                if again := _without_script(commands, replies):
                    complete = [with_source(commands[place]) for place in again]
                    for place, reply in zip(again, await _exchange(connection, complete), strict=True):
                        replies[place] = reply
        except FAILURES as error:
            await self._disconnect()
            raise unavailable(self._shown, error) from None
        if any(isinstance(reply, ReadOnlyError) for reply in replies):
            await self._disconnect()  # by now, the host or the Sentinels may name another server
        self._used = asyncio.get_running_loop().time()
        return _told(self._shown, replies)

    async def close(self) -> None:
        await self._pool.disconnect()
        for sentinel in self._sentinels:
            await sentinel.aclose()

    async def _connected(self) -> AbstractConnection:
        """Return a connection. The pool sees whether Redis has closed one that was idle."""
        if self._connection is not None and asyncio.get_running_loop().time() - self._used > IDLE:
            connection, self._connection = self._connection, None
            await self._pool.release(connection)
        if self._connection is None:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                self._connection = await self._pool.get_connection()
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)


class ClusterClient:
    """Runs commands on the nodes of a cluster: those of each node together, over one connection."""

    shards = True

    def __init__(self, cluster: RedisCluster, shown: str, on_connect: Callable[[], None]) -> None:
        self._cluster, self._shown, self._on_connect = cluster, shown, on_connect
        self._failed = False

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT + ANSWER_TIMEOUT):
                await self._cluster.initialize()
                replies = await self._run_by_node(commands)
                if again := _without_script(commands, replies):
                    complete = [with_source(commands[place]) for place in again]
                    for place, reply in zip(again, await self._run_by_node(complete), strict=True):
                        replies[place] = reply
        except FAILURES as error:
            await self._begin_anew()
            raise unavailable(self._shown, error) from None
        if self._failed and not any(isinstance(reply, FAILED_NODE) for reply in replies):
            self._failed = False
            self._on_connect()
        return _told(self._shown, replies)

    async def close(self) -> None:
        await self._cluster.aclose()

    async def _begin_anew(self) -> None:
        """Let the next batch ask for the nodes, and connect to them."""
        self._failed = True
        await self._cluster.aclose()

    async def _run_by_node(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies. Where a node fails, they are errors, and the next batch asks for the nodes."""
        places: dict[str, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(self._node_of(command), []).append(place)
        shares = [[commands[place] for place in some] for some in places.values()]
        results = await asyncio.gather(*map(self._pipeline, shares), return_exceptions=True)
        replies: list[Any] = [None] * len(commands)
        for some, result in zip(places.values(), results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, FAILURES):
                raise result
            for number, place in enumerate(some):
                replies[place] = result[number] if isinstance(result, list) else result
        # One by one: redis sends ASKING apart from its command, which works if a node has one connection.
        for place, reply in enumerate(replies):
            if isinstance(reply, REDIRECTIONS):
                replies[place] = await self._redirected(commands[place])
        if any(isinstance(reply, FAILED_NODE) for reply in replies):
            await self._begin_anew()
        return replies

    async def _redirected(self, command: Command) -> Any:
        """Return the reply of the node that has the slot by now."""
        try:
            return await self._cluster.execute_command(*command)
        except FAILURES as error:
            return error

    def _node_of(self, command: Command) -> str:
        key: Any = command[3 if command[0] in ("EVALSHA", "EVAL") else 1]
        node = self._cluster.get_node_from_key(key)
        return node.name if node else ""

    async def _pipeline(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._cluster.pipeline()
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute(raise_on_error=False, allow_redirections=False)


async def _exchange(connection: AbstractConnection, commands: Sequence[Any]) -> list[Any]:
    await connection.send_packed_command(b"".join(map(pack_command, commands)))
    return [await _reply(connection) for _ in commands]


async def _reply(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


def _without_script(commands: Sequence[Command], replies: Sequence[Any]) -> list[int]:
    """Return the places of the commands that need a script which Redis does not know.

    Among them are pushes onto lists that such a script would have made.
    """
    unknown = [isinstance(reply, NoScriptError) for reply in replies]
    if True not in unknown:
        return []
    return [
        place
        for place, (command, reply) in enumerate(zip(commands, replies, strict=True))
        if unknown[place] or (command[0] == PUSH and reply == 0)
    ]


def with_source(command: Command) -> Command:
    """Return a command that runs a script by its source instead of its digest. Redis then keeps it."""
    return ("EVAL", SOURCES[str(command[1])], *command[2:]) if command[0] == "EVALSHA" else command


def _told(shown: str, replies: Sequence[Any]) -> list[Any]:
    return [unavailable(shown, reply) if isinstance(reply, Exception) else reply for reply in replies]


def unavailable(shown: str, error: BaseException) -> StoreUnavailable:
    """Return the exception for an error, in words of ours: those of Redis may repeat a command's secrets."""
    for words, reason in WRONG_URLS.items():
        if words in str(error):
            return StoreUnavailable(f"{shown} {reason}")
    for kinds, kind, reason in REASONS:
        if isinstance(error, kinds) or isinstance(error.__cause__, kinds):
            return kind(f"{shown} {reason}")
    code = str(error).partition(" ")[0]
    return StoreUnavailable(f"{shown} answers with the error {code if code.isalpha() else 'ERR'}")
