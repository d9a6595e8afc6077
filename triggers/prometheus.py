"""The metrics and their text, as Prometheus reads it.

Imported where metrics are asked for, so that an app nobody watches does not load the library.
"""

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from interfaces.metrics import Count, DatabaseMetrics, Durations
from orchestration.measuring import SystemMetrics
from schema.version import VERSION

# Not CONTENT_TYPE_LATEST: every version of Prometheus reads this one, and names and labels are plain.
MEDIA_TYPE = "text/plain; version=0.0.4"

Value = tuple[tuple[str, ...], float]
"""The values of a metric's labels, and its own."""

GAUGE, SUMMARY = "gauge", "summary"
_QUANTILE = "quantile"


@dataclass(frozen=True)
class Definition:
    """``values`` takes the metric from what was measured; it has none where its source did not answer."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    values: Callable[[SystemMetrics], Iterable[Value]]


def rendered(metrics: SystemMetrics) -> bytes:
    """All metrics as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(metrics))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, metrics: SystemMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        for definition in DEFINITIONS:
            yield _family(definition, definition.values(self._metrics))


def _family(definition: Definition, values: Iterable[Value]) -> Metric:
    kind = SummaryMetricFamily if definition.kind == SUMMARY else GaugeMetricFamily
    family = kind(definition.name, definition.meaning, labels=definition.labels)
    for labels, value in values:
        named = dict(zip(definition.labels, labels, strict=True))
        family.samples.append(Sample(definition.name, named, value))
    return family


def _counts(part: Callable[[DatabaseMetrics], Sequence[Count]]) -> Callable[[SystemMetrics], Iterable[Value]]:
    def values(metrics: SystemMetrics) -> Iterable[Value]:
        found = () if metrics.database is None else part(metrics.database)
        return [(count.labels, count.number) for count in found]

    return values


def _number(part: Callable[[DatabaseMetrics], float | None]) -> Callable[[SystemMetrics], Iterable[Value]]:
    def values(metrics: SystemMetrics) -> Iterable[Value]:
        found = None if metrics.database is None else part(metrics.database)
        return [] if found is None else [((), found)]

    return values


def _quantiles(
    part: Callable[[DatabaseMetrics], Sequence[Durations]],
) -> Callable[[SystemMetrics], Iterable[Value]]:
    def values(metrics: SystemMetrics) -> Iterable[Value]:
        for durations in () if metrics.database is None else part(metrics.database):
            for quantile, seconds in durations.quantiles.items():
                yield (durations.kind, str(quantile)), seconds

    return values


def _queue_messages(metrics: SystemMetrics) -> Iterable[Value]:
    return [((depth.queue,), depth.approximate_messages) for depth in metrics.queues]


def _queue_ages(metrics: SystemMetrics) -> Iterable[Value]:
    return [((depth.queue,), max(0.0, depth.oldest_age_seconds or 0.0)) for depth in metrics.queues]


def _up(metrics: SystemMetrics) -> Iterable[Value]:
    return [((component,), float(up)) for component, up in metrics.up.items()]


def _build(_: SystemMetrics) -> Iterable[Value]:
    return [((VERSION, platform.python_version()), 1)]


DEFINITIONS = (
    Definition("geojobs_up", GAUGE, ("component",), "1 where the component answered, else 0.", _up),
    Definition("geojobs_build_info", GAUGE, ("version", "python"), "Always 1.", _build),
    Definition(
        "geojobs_schema_version",
        GAUGE,
        (),
        "The newest migration of the database.",
        _number(lambda found: found.schema_version),
    ),
    Definition(
        "geojobs_jobs",
        GAUGE,
        ("job_type", "status"),
        "Unfinished jobs.",
        _counts(lambda found: found.jobs),
    ),
    Definition(
        "geojobs_jobs_ended_last_hour",
        GAUGE,
        ("job_type", "status"),
        "Jobs that ended in the last hour.",
        _counts(lambda found: found.jobs_ended),
    ),
    Definition(
        "geojobs_job_duration_seconds",
        SUMMARY,
        ("job_type", _QUANTILE),
        "From the start to the end of jobs that ended in the last hour.",
        _quantiles(lambda found: found.job_durations),
    ),
    Definition(
        "geojobs_tasks",
        GAUGE,
        ("task_type", "status"),
        "Unfinished tasks.",
        _counts(lambda found: found.tasks),
    ),
    Definition(
        "geojobs_tasks_ended_last_hour",
        GAUGE,
        ("task_type", "status"),
        "Tasks that ended in the last hour, of those in the newest 50,000 events.",
        _counts(lambda found: found.tasks_ended),
    ),
    Definition(
        "geojobs_task_duration_seconds",
        SUMMARY,
        ("task_type", _QUANTILE),
        "How long the last attempts took of tasks that ended in the last hour, of the newest 50,000 events.",
        _quantiles(lambda found: found.task_durations),
    ),
    Definition(
        "geojobs_retries_last_hour",
        GAUGE,
        ("event",),
        "Tasks queued again in the last hour, by the event that did it, of the newest 50,000 events.",
        _counts(lambda found: found.retries),
    ),
    Definition(
        "geojobs_events_window_seconds",
        GAUGE,
        (),
        "How much of the last hour the newest 50,000 events cover; 3600 where it is all.",
        _number(lambda found: found.events_window_seconds),
    ),
    Definition(
        "geojobs_oldest_queued_task_age_seconds",
        GAUGE,
        (),
        "How long the task has been due that waits longest for a worker; 0 where none does.",
        _number(lambda found: found.oldest_queued_task_seconds),
    ),
    Definition(
        "geojobs_queue_messages",
        GAUGE,
        ("queue",),
        "Messages in the queue, hidden ones too, as the storage counts them (about).",
        _queue_messages,
    ),
    Definition(
        "geojobs_queue_oldest_message_age_seconds",
        GAUGE,
        ("queue",),
        "Age of the message at the front of the queue; 0 where none is visible.",
        _queue_ages,
    ),
    Definition(
        "geojobs_outbox_messages",
        GAUGE,
        (),
        "Messages not sent yet, counted up to 50,000.",
        _number(lambda found: found.outbox_messages),
    ),
    Definition(
        "geojobs_outbox_lag_seconds",
        GAUGE,
        (),
        "Age of the oldest message not sent yet; 0 where there is none.",
        _number(lambda found: found.outbox_lag_seconds),
    ),
    Definition(
        "geojobs_sweep_repairs_last_hour",
        GAUGE,
        ("repair",),
        "What sweeps of the last hour repaired, by kind.",
        _counts(lambda found: found.sweep_repairs),
    ),
    Definition(
        "geojobs_last_sweep_age_seconds",
        GAUGE,
        (),
        "Since the last sweep finished; not there before the first one.",
        _number(lambda found: found.last_sweep_age_seconds),
    ),
    Definition(
        "geojobs_dead_letters",
        GAUGE,
        ("verdict",),
        "Messages nobody could use, neither replayed nor disposed of, by verdict; none: not judged.",
        _counts(lambda found: found.dead_letters),
    ),
)
