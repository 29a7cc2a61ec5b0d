"""The journal's entry of one attempt to call a webhook."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import asdict

from mockserver.sandbox.journal.entry import Entry, HeaderPairs, KeptEntry, Summary
from mockserver.sandbox.journal.redaction import (
    MAX_KEPT_BODY,
    readable_body,
    redact_header_values,
    redact_headers,
    redact_target,
    strike_body,
)
from mockserver.sandbox.webhooks.webhook import Delivery
from mockserver.server.recording.call_codec import Kind

BYTES_OF_AN_ENTRY = 1500  # without its texts


class DeliveryEntry(KeptEntry, kw_only=True, gc=False):
    """An attempt to deliver. It is outgoing: the mock is the client.

    `status` is 0 if there was no answer. `delivery` is the id of the delivery, `attempt` the number of the
    attempt. `error` says why there was no answer. The sizes are those of bodies that are not kept as they
    were.
    """

    direction = "outgoing"

    time: datetime
    vendor: str
    topic: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    evidence: str
    delivery: str
    attempt: int
    status: int
    error: str
    seconds: float
    response_headers: HeaderPairs = ()
    response_body: bytes = b""
    request_size: int | None = None
    response_size: int | None = None

    def _summary(self) -> Summary:
        return self._entry(True)

    def _entry(self, with_answer: bool) -> Entry:
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        content_type = self.headers.get("Content-Type", "")
        answer = self.response_body
        return Entry(
            serial=self.serial,
            sandbox=self.sandbox,
            arrived=self.arrived,
            time=self.time,
            direction="outgoing",
            vendor=self.vendor,
            operation=self.topic,
            method="POST",
            target=redact_target(self.url),
            request_headers=redact_headers(headers),
            request_body=readable_body(self.body, content_type, self.request_size),
            request_size=len(self.body) if self.request_size is None else self.request_size,
            status=self.status,
            response_headers=redact_headers(self.response_headers),
            response_body=readable_body(answer, size=self.response_size),
            response_size=len(answer) if self.response_size is None else self.response_size,
            milliseconds=round(self.seconds * 1000, 3),
            evidence=self.evidence,
            notes=tuple(self._notes()),
        )

    def _notes(self) -> list[str]:
        """Say which attempt of which delivery this is, and why there was no answer."""
        notes = [f"attempt {self.attempt} of delivery {self.delivery}"]
        return [*notes, f"no answer: {self.error}"] if self.error else notes


def delivery_entry(sandbox: str, delivery: Delivery, time: datetime, **answer: Any) -> DeliveryEntry:
    """Return the entry of the latest attempt of a delivery in the journal `sandbox`."""
    weight = BYTES_OF_AN_ENTRY + len(delivery.body) + len(answer.get("response_body", b""))
    return DeliveryEntry(
        sandbox=sandbox, weight=weight, time=time, vendor=delivery.webhook.vendor, topic=delivery.topic,
        url=delivery.webhook.url, headers=delivery.headers, body=delivery.body, delivery=delivery.id,
        **answer,
    )  # fmt: skip


class KeptDelivery(Struct, array_like=True, frozen=True, gc=False):
    """A DeliveryEntry as it is kept. It has the same fields."""

    weight: int
    time: datetime
    vendor: str
    topic: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    evidence: str
    delivery: str
    attempt: int
    status: int
    error: str
    seconds: float
    response_headers: HeaderPairs
    response_body: bytes
    request_size: int
    response_size: int


_encode, _decode = Encoder().encode, Decoder(KeptDelivery).decode


def encode_delivery(entry: DeliveryEntry) -> bytes:
    """Return the bytes of an attempt without its secrets."""
    body, content_type = entry.body[:MAX_KEPT_BODY], entry.headers.get("Content-Type", "")
    size, answer_size = entry.request_size, entry.response_size
    return _encode(
        KeptDelivery(
            entry.weight, entry.time, entry.vendor, entry.topic, redact_target(entry.url),
            redact_header_values(entry.headers), strike_body(body, content_type), entry.evidence,
            entry.delivery, entry.attempt, entry.status, entry.error, entry.seconds,
            redact_headers(entry.response_headers), strike_body(entry.response_body[:MAX_KEPT_BODY]),
            len(entry.body) if size is None else size,
            len(entry.response_body) if answer_size is None else answer_size,
        )
    )  # fmt: skip


def decode_delivery(data: bytes, contracts: Mapping[str, Any], own_credential: str) -> DeliveryEntry:
    """Return the entry of an attempt."""
    return DeliveryEntry(sandbox="", **asdict(_decode(data)))


DELIVERY = Kind(b"delivery/1", DeliveryEntry, encode_delivery, decode_delivery)
