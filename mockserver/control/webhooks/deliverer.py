"""Calls webhooks: in a thread of its own, after the change that a call is about.

The thread starts with the first delivery. So a server without webhooks has none, and no call waits for one.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from typing import Any, Protocol
from uuid import UUID

from mockserver.contract.contract import Contract
from mockserver.contract.response import ContractBroken, is_header
from mockserver.control.webhooks.addresses import AllowedHosts, target_of
from mockserver.control.webhooks.delivery_entry import delivery_entry
from mockserver.control.webhooks.http_post import Undelivered, post
from mockserver.control.webhooks.signing import sign
from mockserver.data.store.state import Draft
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.webhooks.webhook import Attempt, Changes, Delivery, Webhook
from mockserver.vendor_api.failure import UNEXPECTED, description
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.vendor import Commit, Message

MAX_CONNECTIONS = 16  # at once, of all sandboxes together
MAX_ERROR = 300  # characters
# The control API answers a loopback caller without a token. A proxy's header makes it ask for one, so no
# webhook can make the mock control itself. Real vendors' calls come through proxies too.
OWN_HEADERS = {"Via": "1.1 mockserver"}
log = logging.getLogger("mockserver")


class Keeper(Protocol):
    """Keeps the deliveries that wait in a log, so that only one server makes an attempt."""

    async def claim(self, outbox: Outbox, delivery: Delivery) -> bool:
        """Return True if this server is to make the next attempt of a delivery. Otherwise it is put off."""

    def finish(self, outbox: Outbox, delivery: Delivery, entry: KeptEntry) -> None:
        """Keep what has come of an attempt."""


class Deliverer:
    """Calls the webhooks of all sandboxes of a server. `allowed` says which hosts they may have.

    `keeper` is None if the sandboxes are in memory only.
    """

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        sandboxes: Sandboxes,
        allowed: AllowedHosts,
        keeper: Keeper | None = None,
    ) -> None:
        self._contracts, self._sandboxes, self._allowed = contracts, sandboxes, allowed
        self._keeper = keeper
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._busy: dict[Outbox, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    def check(self, url: str, *, controls_everything: bool) -> None:
        """Raise Problem if a webhook must not have this URL."""
        self._allowed.check(url, controls_everything=controls_everything)

    def wake(self, outbox: Outbox) -> None:
        """Deliver what is due, in the background. Call this from any thread."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._places, self._busy = asyncio.Semaphore(MAX_CONNECTIONS), {}
                Thread(target=_run, args=(self._loop,), name="mockserver-webhooks", daemon=True).start()
            self._loop.call_soon_threadsafe(self._attend_to, outbox)

    def close(self) -> None:
        """End the thread. What is not delivered yet waits for the next change."""
        with self._lock:
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.call_soon_threadsafe(loop.stop)

    def _attend_to(self, outbox: Outbox) -> None:
        if (busy := self._busy.get(outbox)) is not None:
            busy.set()
        else:
            self._busy[outbox] = asyncio.Event()
            task = asyncio.get_running_loop().create_task(self._serve(outbox))
            self._tasks.add(task)  # a loop does not keep its tasks
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, outbox: Outbox) -> None:
        """Make the deliveries of a sandbox as they become due, until there is none left to wait for."""
        busy, under_way = self._busy, dict[str, asyncio.Task[None]]()
        news = busy[outbox]
        try:
            while True:
                news.clear()
                for changes in outbox.take_changes():
                    for delivery in self.make(outbox, changes):
                        outbox.add_delivery(delivery, changes.generation)
                for delivery in outbox.take_due(under_way):
                    task = asyncio.create_task(self._deliver(outbox, delivery))
                    under_way[delivery.webhook.id] = task
                    task.add_done_callback(partial(_done, outbox, delivery, under_way, news))
                seconds = outbox.seconds_until_due(under_way)
                if not under_way and seconds is None:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await news.wait()
        finally:
            del busy[outbox]

    def make(self, outbox: Outbox, changes: Changes) -> list[Delivery]:
        """Return the deliveries of changes. Those that cannot be made are logged and left out."""
        made: list[Delivery] = []
        for vendor in dict.fromkeys(vendor for vendor, _, _ in changes.changed):
            webhooks = [webhook for webhook in changes.webhooks if webhook.vendor == vendor]
            if not webhooks:
                continue
            try:
                made.extend(_deliveries(outbox, webhooks, self._contracts[vendor], changes))
            except UNEXPECTED as error:
                log.error("the webhooks of %s cannot be called", vendor, exc_info=error)
        return made

    async def _deliver(self, outbox: Outbox, delivery: Delivery) -> None:
        """Make one attempt, and note what came of it."""
        if self._keeper is not None and not await self._keeper.claim(outbox, delivery):
            return
        async with self._places:
            sandbox, started = outbox.sandbox, time.perf_counter()
            now, answer = sandbox.clock.now(), dict[str, Any](status=0, error="")
            try:
                reply = await post(
                    target_of(delivery.webhook.url), delivery.headers, delivery.body, self._allowed
                )
                answer |= {
                    "status": reply.status, "response_headers": reply.headers, "response_body": reply.body
                }  # fmt: skip
            except Undelivered as error:
                answer["error"] = str(error)[:MAX_ERROR]
            except UNEXPECTED as error:  # such as a socket that a test suite has forbidden
                answer["error"] = description(error)[:MAX_ERROR]
            answer["seconds"] = time.perf_counter() - started
        contract = self._contracts[delivery.webhook.vendor]
        rules, number, status = contract.vendor.webhooks, delivery.tries + 1, answer["status"]
        assert rules is not None
        evidence = contract.spec.webhooks[delivery.topic].evidence
        entry = delivery_entry(sandbox.name, delivery, now, attempt=number, evidence=evidence, **answer)
        retry = None if 200 <= status < 300 else rules.retry_after(status, number)
        outbox.answered(delivery, Attempt(now, status, answer["error"], answer["seconds"], entry), retry)
        if delivery.state == "failed" and rules.ends_with_failure:
            outbox.remove(delivery.webhook.id)
        if self._keeper is not None:
            self._keeper.finish(outbox, delivery, entry)
        else:
            self._sandboxes.feed.record(entry, sandbox.journal)


def _deliveries(
    outbox: Outbox, webhooks: list[Webhook], contract: Contract, changes: Changes
) -> Iterator[Delivery]:
    """Yield the deliveries of changes to the webhooks of one vendor."""
    rules = contract.vendor.webhooks
    assert rules is not None
    own = {slot[1:]: change for slot, change in changes.changed.items() if slot[0] == contract.vendor.name}
    commit = Commit(own, changes.time, Draft(changes.catalog, changes.state), contract.base_records)
    for topic, values_of in rules.topics.items():
        subscribed = [webhook for webhook in webhooks if topic in webhook.topics]
        for value in values_of(commit) if subscribed else ():
            for webhook in subscribed:
                yield _delivery(outbox, webhook, contract, (topic, value), changes)


def _delivery(
    outbox: Outbox, webhook: Webhook, contract: Contract, event: tuple[str, Any], changes: Changes
) -> Delivery:
    """Return the delivery of an event, which is a topic and a value, to a webhook."""
    rules, (topic, value) = contract.vendor.webhooks, event
    assert rules is not None
    id, seed = outbox.next_id("d"), outbox.sandbox.catalog.seed
    unique = hashlib.sha256(f"{seed} {outbox.sandbox.name} {id}".encode()).digest()
    message = Message(
        topic, str(UUID(bytes=unique[:16], version=4)), changes.time, webhook.client_id,
        webhook.client_secret, partial(sign, seed),
    )  # fmt: skip
    content = rules.body(value, message)
    schema = contract.spec.webhooks[topic].schema
    if not schema.accepts(content):
        raise ContractBroken(f"webhook {topic}: {schema.difference(content)}")
    body = encode(content)
    headers = {**rules.headers(body, message), **OWN_HEADERS}
    if not all(is_header(*pair) for pair in headers.items()):
        raise ContractBroken(f"webhook {topic}: its headers cannot be sent")
    return Delivery(id, webhook, topic, changes.time, headers, body)


def _done(
    outbox: Outbox,
    delivery: Delivery,
    under_way: dict[str, "asyncio.Task[None]"],
    news: asyncio.Event,
    task: "asyncio.Task[None]",
) -> None:
    """Note that an attempt has ended, whichever way."""
    del under_way[delivery.webhook.id]
    news.set()
    if task.cancelled():
        outbox.put_back(delivery)
    elif error := task.exception():
        outbox.give_up(delivery)
        log.error("a webhook could not be called", exc_info=error)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()
