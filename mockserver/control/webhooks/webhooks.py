"""Webhook operations of the control API: register, list and delete webhooks, and list their deliveries."""

import hashlib
from collections.abc import Mapping
from itertools import islice
from typing import Any, Protocol

from mockserver.contract.contract import Contract
from mockserver.control.lookup import contract_of, only_sandbox, sandbox_of
from mockserver.control.webhooks.signing import public_key
from mockserver.data.catalog.products import iso_timestamp
from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.journal.redaction import redact_target
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.webhooks.outbox import MAX_WEBHOOKS, Outbox
from mockserver.sandbox.webhooks.webhook import Attempt, Delivery, Webhook
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.words import alternatives


class Deliverer(Protocol):
    """The part of a server that calls webhooks, as this module needs it."""

    def check(self, url: str, *, controls_everything: bool) -> None: ...
    def wake(self, outbox: Outbox) -> None: ...


class OnDemand(Protocol):
    """Something that makes the deliverer when it is needed."""

    def get(self) -> Deliverer: ...


class WebhookControl:
    """Handlers of the webhook operations. Each method is named after its operationId.

    `deliverer` is None in a public demo, which calls nobody.
    """

    def __init__(
        self, contracts: Mapping[str, Contract], sandboxes: Sandboxes, deliverer: OnDemand | None
    ) -> None:
        self._contracts, self._sandboxes, self._deliverer = contracts, sandboxes, deliverer

    def list_webhooks(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        webhooks = outbox.webhooks if (outbox := sandbox.outbox) else ()
        return {"webhooks": [self._webhook_json(sandbox, webhook) for webhook in webhooks]}

    def create_webhook(self, call: Call) -> Answer:
        if self._deliverer is None:
            raise Problem("forbidden", "a public demo calls nobody, so it has no webhooks")
        sandbox, body = sandbox_of(self._sandboxes, call), call.body
        topics = self._topics(contract_of(self._contracts, body["vendor"]), body.get("topics"))
        deliverer = self._deliverer.get()
        deliverer.check(body["url"], controls_everything=only_sandbox(call) is None)
        if (outbox := sandbox.outbox) is None:
            outbox = sandbox.outbox = Outbox(sandbox, deliverer.wake)
        seed = sandbox.catalog.seed
        webhook = Webhook(
            outbox.next_id("w"), body["vendor"], topics, body["url"],
            body.get("client_id", _client_id(seed)), body.get("client_secret", sandbox.credential),
            wall_clock(),
        )  # fmt: skip
        if not outbox.add(webhook):
            raise Problem("full", f"a sandbox has at most {MAX_WEBHOOKS} webhooks; delete one first")
        return Answer(201, self._webhook_json(sandbox, webhook))

    def delete_webhook(self, call: Call) -> Answer:
        sandbox, id = sandbox_of(self._sandboxes, call), call.path["webhook"]
        if (outbox := sandbox.outbox) is None or not outbox.remove(id):
            raise Problem("not_found", f"sandbox {sandbox.name} has no webhook {id[:50]}")
        return Answer(204, None)

    def list_deliveries(self, call: Call) -> Any:
        """List the latest deliveries, those that have not ended yet first."""
        outbox, query = sandbox_of(self._sandboxes, call).outbox, call.query
        found = (
            delivery
            for delivery in reversed(outbox.deliveries() if outbox else [])
            if query.get("webhook") in (None, delivery.webhook.id)
            and query.get("state") in (None, delivery.state)
        )
        return {
            "deliveries": [_delivery_json(one) for one in islice(found, query["limit"])],
            "dropped": outbox.dropped if outbox else 0,
        }

    def _topics(self, contract: Contract, wanted: list[str] | None) -> tuple[str, ...]:
        """Return the topics of a webhook: the wanted ones, or all of the vendor. Raise Problem."""
        rules = contract.vendor.webhooks
        if rules is None:
            having = [name for name, one in self._contracts.items() if one.vendor.webhooks]
            hint = f"; these vendors have some: {', '.join(having)}" if having else ""
            raise Problem("invalid", f"{contract.vendor.name} has no webhooks{hint}")
        for topic in wanted or ():
            if topic not in rules.topics:
                hint = alternatives(topic, rules.topics)
                raise Problem("invalid", f"{contract.vendor.name} has no topic {topic[:50]}{hint}")
        return tuple(topic for topic in rules.topics if wanted is None or topic in wanted)

    def _webhook_json(self, sandbox: Sandbox, webhook: Webhook) -> dict[str, Any]:
        rules = self._contracts[webhook.vendor].vendor.webhooks
        by_key = rules is not None and rules.signed_by == "key"
        return {
            "id": webhook.id,
            "vendor": webhook.vendor,
            "topics": list(webhook.topics),
            "url": redact_target(webhook.url),
            "client_id": webhook.client_id,
            "client_secret": webhook.client_secret,
            "public_key": public_key(sandbox.catalog.seed) if by_key else None,
            "created": iso_timestamp(webhook.created),
        }


def _delivery_json(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as JSON with the schema `Delivery` of specs/control.yaml."""
    return {
        "id": delivery.id,
        "webhook": delivery.webhook.id,
        "vendor": delivery.webhook.vendor,
        "topic": delivery.topic,
        "time": iso_timestamp(delivery.time),
        "state": delivery.state,
        "next_attempt": iso_timestamp(delivery.due) if delivery.due else None,
        "attempts": [_attempt_json(attempt) for attempt in delivery.attempts],
    }


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    entry = attempt.entry
    return {
        "time": iso_timestamp(attempt.time),
        "status": attempt.status,
        "error": attempt.error,
        "milliseconds": round(attempt.seconds * 1000, 3),
        "request": f"{entry.sandbox}.{entry.serial}",
    }


def _client_id(seed: int) -> str:
    """Return the default id of the app."""
    digest = hashlib.sha256(f"webhooks client {seed}".encode()).hexdigest()
    return f"{digest[:24]}-{digest[24:32]}"
