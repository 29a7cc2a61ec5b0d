"""The webhooks of a sandbox: the addresses that vendors call when its records change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, Unpack
from urllib.parse import quote, urlencode

from mockserver.client.models import Pattern, Request
from mockserver.client.transport import ControlApi

__tracebackhide__ = True  # pytest shows the caller's line, not these


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that a vendor calls. `public_key` is None if the vendor signs with the `client_secret`."""

    id: str
    vendor: str
    topics: Sequence[str]
    url: str
    client_id: str
    client_secret: str
    public_key: str | None
    created: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver. If there was no answer, `status` is 0 and `error` says why.

    `request` is the id of the call in the journal.
    """

    time: datetime
    status: int
    error: str
    milliseconds: float
    request: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call to a webhook. `state` is `waiting`, `delivered`, `failed` or `dropped`.

    `next_attempt` is a time of the sandbox's clock, or None if the next attempt is made as soon as possible,
    or not at all.
    """

    id: str
    webhook: str
    vendor: str
    topic: str
    time: datetime
    state: str
    next_attempt: datetime | None
    attempts: tuple[Attempt, ...]

    @classmethod
    def of(cls, delivery: Mapping[str, Any]) -> Self:
        """Make a Delivery from the control API's JSON."""
        following = delivery["next_attempt"]
        return cls(**{
            **delivery,
            "time": datetime.fromisoformat(delivery["time"]),
            "next_attempt": following and datetime.fromisoformat(following),
            "attempts": tuple(
                Attempt(**{**attempt, "time": datetime.fromisoformat(attempt["time"])})
                for attempt in delivery["attempts"]
            ),
        })  # fmt: skip


class Webhooks:
    """The webhooks of one sandbox. Iterate over them to get each `Webhook`."""

    def __init__(self, request: ControlApi, path: str, wait_for: Callable[..., list[Request]]) -> None:
        self._request, self._path, self._wait_for = request, path, wait_for

    def __iter__(self) -> Iterator[Webhook]:
        return map(_webhook, self._request("GET", f"{self._path}/webhooks")["webhooks"])

    def create(
        self, vendor: str, url: str, topics: Sequence[str] | None = None, *,
        client_id: str | None = None, client_secret: str | None = None,
    ) -> Webhook:  # fmt: skip
        """Register an address that a vendor calls, by default about all of its topics.

        `client_id` and `client_secret` are those of the app. Raise Refused if the vendor has no
        webhooks, or if the server may not call the address.
        """
        body = {
            "vendor": vendor, "url": url, "topics": topics, "client_id": client_id,
            "client_secret": client_secret,
        }  # fmt: skip
        sent = {name: value for name, value in body.items() if value is not None}
        return _webhook(self._request("POST", f"{self._path}/webhooks", sent))

    def delete(self, webhook: Webhook | str) -> None:
        """Delete a webhook. Its pending deliveries are dropped."""
        id = webhook if isinstance(webhook, str) else webhook.id
        self._request("DELETE", f"{self._path}/webhooks/{quote(id, '')}")

    def deliveries(self, webhook: Webhook | str | None = None, state: str | None = None) -> list[Delivery]:
        """Return the latest deliveries, of one webhook or in one state if you like, the latest one first."""
        id = webhook.id if isinstance(webhook, Webhook) else webhook
        filters = {"webhook": id, "state": state, "limit": 1000}
        query = urlencode({name: value for name, value in filters.items() if value is not None})
        found = self._request("GET", f"{self._path}/deliveries?{query}")["deliveries"]
        return [Delivery.of(one) for one in found]

    def wait_for(self, *, count: int = 1, seconds: float = 5, **pattern: Unpack[Pattern]) -> list[Request]:
        """Return the calls to webhooks that match a pattern, as soon as there are `count` of them.

        Otherwise, this is like `wait_for` of the sandbox.
        """
        pattern["direction"] = "outgoing"
        return self._wait_for(count=count, seconds=seconds, **pattern)


def _webhook(webhook: Mapping[str, Any]) -> Webhook:
    return Webhook(**{**webhook, "created": datetime.fromisoformat(webhook["created"])})
