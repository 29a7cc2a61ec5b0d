"""Metrics: counts and durations of the calls of one server, for Prometheus."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from prometheus_client.core import Metric

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0)  # upper bounds, in seconds


class DemoCounts(Protocol):
    """The counts of a public demo: its sandboxes, and its refusals by quota."""

    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def refused(self) -> Mapping[str, int]: ...


class Histogram:
    """The number of calls in each bucket, and the total duration of all calls in seconds."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets, self.seconds = [0] * (len(BUCKETS) + 1), 0.0


class Metrics:
    """The metrics of one server.

    `sandboxes` returns the number of sandboxes, `removed` the number of those that were removed, by reason,
    and `listeners` the number of clients that wait for news of calls. `demo` has the counts of a public demo.

    Counting uses plain Python because it happens for every call. prometheus-client is imported only when
    metrics are requested.
    """

    def __init__(
        self,
        sandboxes: Callable[[], int],
        removed: Callable[[], Mapping[str, int]] = dict,
        listeners: Callable[[], int] = int,
        demo: DemoCounts | None = None,
    ) -> None:
        self._sandboxes, self._removed, self._listeners = sandboxes, removed, listeners
        self._demo = demo
        self._histograms: defaultdict[tuple[str, str, int], Histogram] = defaultdict(Histogram)

    def count(self, vendor: str, operation: str, status: int, seconds: float) -> None:
        """Count a call. `operation` is an empty string if the spec has no operation for the call."""
        histogram = self._histograms[vendor, operation, status]
        histogram.buckets[bisect_left(BUCKETS, seconds)] += 1
        histogram.seconds += seconds

    def text(self) -> tuple[str, bytes]:
        """Return (content type, text) of the metrics in the text format of Prometheus."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Collector(self._families))
        return CONTENT_TYPE_LATEST, generate_latest(registry)

    def _families(self) -> "Iterator[Metric]":
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        labels = ["vendor", "operation", "status"]
        calls = CounterMetricFamily("mockserver_requests", "Requests answered", labels=labels)
        by_vendor: defaultdict[str, list[Histogram]] = defaultdict(list)
        for (vendor, operation, status), histogram in sorted(self._histograms.items()):
            calls.add_metric([vendor, operation, str(status)], sum(histogram.buckets))
            by_vendor[vendor].append(histogram)
        yield calls
        seconds = HistogramMetricFamily("mockserver_request_seconds", "Time to answer", labels=["vendor"])
        bounds = [*map(str, BUCKETS), "+Inf"]
        for vendor, histograms in by_vendor.items():
            counts = accumulate(map(sum, zip(*(histogram.buckets for histogram in histograms), strict=True)))
            total = sum(histogram.seconds for histogram in histograms)
            seconds.add_metric([vendor], [*zip(bounds, counts, strict=True)], total)
        yield seconds
        yield GaugeMetricFamily("mockserver_sandboxes", "Sandboxes that exist", value=self._sandboxes())
        yield GaugeMetricFamily(
            "mockserver_listeners",
            "Clients that wait for news of calls: event streams and waits",
            value=self._listeners(),
        )
        removed = CounterMetricFamily(
            "mockserver_sandboxes_removed",
            "Sandboxes removed because they expired, or to make room for others",
            labels=["reason"],
        )
        for reason, number in self._removed().items():
            removed.add_metric([reason], number)
        yield removed
        if self._demo:
            yield from self._demo_families(self._demo)

    def _demo_families(self, demo: DemoCounts) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        counts = demo.counts
        name = "mockserver_demo_sandboxes"
        yield GaugeMetricFamily(name, "Sandboxes of visitors that exist", value=counts["sandboxes"])
        yield CounterMetricFamily(f"{name}_created", "Sandboxes that visitors made", value=counts["created"])
        yield CounterMetricFamily(
            f"{name}_evicted", "Idle sandboxes of visitors that made room for others", value=counts["evicted"]
        )
        refused = CounterMetricFamily(
            "mockserver_demo_refusals", "Requests refused because of a quota", labels=["quota"]
        )
        for quota, number in sorted(demo.refused.items()):
            refused.add_metric([quota], number)
        yield refused


class _Collector:
    """Provides the method `collect`, which prometheus-client calls."""

    def __init__(self, families: Callable[[], Any]) -> None:
        self.collect = families
