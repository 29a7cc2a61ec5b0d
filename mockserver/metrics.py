"""Counts and durations of the calls of one server, in the words of Prometheus."""

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)


class Metrics:
    """One server's metrics. `sandboxes` tells how many sandboxes there are when somebody asks."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, sandboxes: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "mockserver_requests", "Requests answered", ["vendor", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "mockserver_request_seconds",
            "Time to answer",
            ["vendor"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        gauge = Gauge("mockserver_sandboxes", "Sandboxes that exist", registry=self._registry)
        gauge.set_function(sandboxes)

    def count(self, vendor: str, status: int, seconds: float) -> None:
        self._calls.labels(vendor, status).inc()
        self._seconds.labels(vendor).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)
