"""Metrics: counts and durations of the calls of one server, for Prometheus."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Sample = tuple[str, dict[str, str], float]  # name, labels, value
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0)  # upper bounds, in seconds
STORE_BUCKETS = (0.0001, 0.00025, *BUCKETS)


class DemoCounts(Protocol):
    """The counts of a public demo: its sandboxes, and its refusals by quota."""

    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def refused(self) -> Mapping[str, int]: ...


class Family(NamedTuple):
    """A metric as plain data, which a process can send to another."""

    name: str
    documentation: str
    type: str
    samples: list[Sample]


class StoreCounts(Protocol):
    """The counts of the store that keeps the sandboxes (see `mockserver.server.copies.store_counts`)."""

    @property
    def appends(self) -> int: ...
    @property
    def conflicts(self) -> int: ...
    @property
    def seconds(self) -> "Histogram": ...
    @property
    def reachable(self) -> bool: ...
    @property
    def generations(self) -> int: ...
    @property
    def sandboxes(self) -> int: ...
    @property
    def turns(self) -> Mapping[str, int]: ...


class Histogram:
    """The number of durations in each bucket, and the total of all in seconds."""

    __slots__ = ("bounds", "buckets", "seconds")

    def __init__(self, bounds: tuple[float, ...] = BUCKETS) -> None:
        self.bounds, self.buckets, self.seconds = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.buckets[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds


class Metrics:
    """The metrics of one server.

    `sandboxes` returns the number of sandboxes, `removed` the number of those that were removed, by reason,
    and `listeners` the number of clients that wait for news of calls. `demo` has the counts of a public demo,
    and `store` those of the store, if there is one.

    Counting uses plain Python because it happens for every call. prometheus-client is imported only when
    metrics are requested. If this server is one of several workers, `of_all` returns the metrics of all of
    them. It may wait for them.
    """

    of_all: Callable[[], Iterable[Family]] | None = None

    def __init__(
        self,
        sandboxes: Callable[[], int],
        removed: Callable[[], Mapping[str, int]] = dict,
        listeners: Callable[[], int] = int,
        demo: DemoCounts | None = None,
    ) -> None:
        self._sandboxes, self._removed, self._listeners = sandboxes, removed, listeners
        self._demo = demo
        self.store: StoreCounts | None = None
        self._histograms: defaultdict[tuple[str, str, int], Histogram] = defaultdict(Histogram)

    def count(self, vendor: str, operation: str, status: int, seconds: float) -> None:
        """Count a call. `operation` is an empty string if the spec has no operation for the call."""
        self._histograms[vendor, operation, status].add(seconds)

    def text(self) -> tuple[str, bytes]:
        """Return (content type, text) of the metrics in the text format of Prometheus."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry, of_all = CollectorRegistry(), self.of_all
        registry.register(_Collector((lambda: map(_metric, of_all())) if of_all else self._families))
        return CONTENT_TYPE_LATEST, generate_latest(registry)

    def own(self) -> list[Family]:
        """Return the metrics of this server alone."""
        return [
            Family(
                metric.name,
                metric.documentation,
                metric.type,
                [(sample.name, sample.labels, sample.value) for sample in metric.samples],
            )
            for metric in self._families()
        ]

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
        for vendor, histograms in by_vendor.items():
            seconds.add_metric([vendor], *_buckets_and_total(histograms))
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
        if self.store:
            yield from self._store_families(self.store)

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

    def _store_families(self, store: StoreCounts) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        name = "mockserver_store"
        yield GaugeMetricFamily(f"{name}_up", "1 if the store can be used now", value=int(store.reachable))
        yield CounterMetricFamily(f"{name}_appends", "Turns appended to the store", value=store.appends)
        yield CounterMetricFamily(
            f"{name}_conflicts",
            "Turns that were refused because another server was faster, and run again",
            value=store.conflicts,
        )
        seconds = HistogramMetricFamily(
            f"{name}_append_seconds", "Time until a turn is kept, of one turn at a time", labels=[]
        )
        seconds.add_metric([], *_buckets_and_total([store.seconds]))
        yield seconds
        turns = CounterMetricFamily(
            f"{name}_turns_lost",
            "Turns that the store had kept and has lost, by the server that had answered them",
            labels=["answered"],
        )
        for answered, number in store.turns.items():
            turns.add_metric([answered], number)
        yield turns
        yield CounterMetricFamily(
            f"{name}_sandboxes_damaged", "Sandboxes that have lost turns", value=store.sandboxes
        )
        yield CounterMetricFamily(
            f"{name}_generations_lost", "Times that the store had lost everything", value=store.generations
        )


def _buckets_and_total(histograms: Sequence[Histogram]) -> tuple[list[tuple[str, float]], float]:
    """Return the sum of histograms as prometheus-client wants it."""
    counts = accumulate(map(sum, zip(*(histogram.buckets for histogram in histograms), strict=True)))
    bounds = [*map(str, histograms[0].bounds), "+Inf"]
    return [*zip(bounds, counts, strict=True)], sum(histogram.seconds for histogram in histograms)


def _metric(family: Family) -> "Metric":
    from prometheus_client.core import Metric

    metric = Metric(family.name, family.documentation, family.type)
    for sample in family.samples:
        metric.add_sample(*sample)
    return metric


class _Collector:
    """Provides the method `collect`, which prometheus-client calls."""

    def __init__(self, families: Callable[[], Any]) -> None:
        self.collect = families
