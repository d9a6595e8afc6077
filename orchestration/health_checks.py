"""What makes each part of the system healthy, degraded or unhealthy."""

import platform
from collections.abc import Mapping
from datetime import datetime, timedelta

from interfaces.blobs import BlobRepository
from interfaces.callbacks import CallbackRepository
from interfaces.catalogs import JobCatalog, TaskCatalog
from interfaces.clock import Clock
from interfaces.inspection import DatabaseState, InspectionRepository
from interfaces.queues import QueueDepth, QueueRepository
from interfaces.schema import SchemaRepository
from interfaces.tracing import Export, Tracer
from orchestration.health import Check, Finding
from schema.api import HealthState
from schema.json_types import JSONObject
from schema.queues import POISON_SUFFIX
from schema.version import VERSION

SWEEP_EXPECTED_WITHIN = timedelta(minutes=3)


class DatabaseCheck:
    """The schema's version, and whether the sweep runs: regularly, which is not expected of a process just
    started, to its end, and with all its repairs."""

    def __init__(self, inspection: InspectionRepository, schema: SchemaRepository, clock: Clock) -> None:
        self._inspection = inspection
        self._schema = schema
        self._clock = clock
        self._started = clock.monotonic()

    def __call__(self) -> Finding:
        state = self._inspection.state()
        newest = self._schema.newest()
        details: JSONObject = {
            "server_version": state.server_version,
            "schema_version": state.schema_version,
            "newest_migration": newest,
            "last_sweep_finished_at": state.last_sweep.isoformat() if state.last_sweep else None,
            "last_sweep_error": state.sweep_error,
            "pool": {**state.pool},
        }
        if state.schema_version is None:
            return Finding(HealthState.UNHEALTHY, "the database has no schema: apply the migrations", details)
        if problem := self._problem(state, newest):
            return Finding(HealthState.DEGRADED, problem, details)
        return Finding(details=details)

    def _problem(self, state: DatabaseState, newest: int) -> str | None:
        if state.schema_version != newest:
            return f"the schema is at version {state.schema_version}, the app brings {newest}"
        if state.sweep_error is not None:
            return f"repairs of the last sweep failed: {state.sweep_error}"
        if state.unfinished_since is not None and not self._is_recent(state.unfinished_since):
            return f"a sweep has not finished since {state.unfinished_since.isoformat(timespec='seconds')}"
        up_for = timedelta(seconds=self._clock.monotonic() - self._started)
        if up_for > SWEEP_EXPECTED_WITHIN and not self._is_recent(state.last_sweep):
            return f"no sweep has finished in the last {SWEEP_EXPECTED_WITHIN.seconds // 60} minutes"
        return None

    def _is_recent(self, moment: datetime | None) -> bool:
        return moment is not None and moment > self._clock.now() - SWEEP_EXPECTED_WITHIN


def check_queues(queue: QueueRepository) -> Finding:
    """Degraded while messages that nobody could use wait in a poison queue."""
    depths = queue.depths()
    details: JSONObject = {
        depth.queue: {
            "approximate_messages": depth.approximate_messages,
            "oldest_age_seconds": depth.oldest_age_seconds,
        }
        for depth in depths
    }
    poisoned = sum(depth.approximate_messages for depth in depths if _is_poison(depth))
    if poisoned:
        return Finding(HealthState.DEGRADED, f"about {poisoned} messages in the poison queues", details)
    return Finding(details=details)


def check_blobs(blobs: BlobRepository) -> Finding:
    blobs.ping()
    return Finding()


def check_callbacks(callbacks: CallbackRepository) -> Finding:
    """Never worse than healthy: a receiver that is away is not this system's illness."""
    backlog = callbacks.backlog()
    since = backlog.due_since.isoformat() if backlog.due_since else None
    return Finding(details={"due": backlog.due, "due_since": since, "given_up": backlog.failed})


def check_catalogs(jobs: JobCatalog, tasks: TaskCatalog) -> Finding:
    return Finding(details={"job_types": [*sorted(jobs.names())], "task_types": [*sorted(tasks.names())]})


def check_telemetry(tracer: Tracer) -> Finding:
    """Degraded while traces are lost, which disturbs nothing else."""
    exports = tracer.exports()
    details: JSONObject = {
        "export": " and ".join(export.destination for export in exports) or "off",
        **{export.destination: _export_details(export) for export in exports},
    }
    away = " and ".join(export.destination for export in exports if not export.working)
    if away:
        return Finding(HealthState.DEGRADED, f"traces do not reach {away}", details)
    return Finding(details=details)


def health_checks(
    *,
    inspection: InspectionRepository,
    schema: SchemaRepository,
    queue: QueueRepository,
    blobs: BlobRepository,
    callbacks: CallbackRepository,
    jobs: JobCatalog,
    tasks: TaskCatalog,
    clock: Clock,
    tracer: Tracer,
) -> Mapping[str, Check]:
    """Every check by its component's name."""
    started = clock.monotonic()

    def check_host() -> Finding:
        return Finding(
            details={
                "version": VERSION,
                "python": platform.python_version(),
                "uptime_seconds": round(clock.monotonic() - started, 1),
            }
        )

    return {
        "database": DatabaseCheck(inspection, schema, clock),
        "queues": lambda: check_queues(queue),
        "blob_storage": lambda: check_blobs(blobs),
        "callbacks": lambda: check_callbacks(callbacks),
        "catalogs": lambda: check_catalogs(jobs, tasks),
        "host": check_host,
        "telemetry": lambda: check_telemetry(tracer),
    }


def _export_details(export: Export) -> JSONObject:
    return {
        "exported_spans": export.exported_spans,
        "lost_spans": export.lost_spans,
        "last_error": export.last_error,
        "last_error_at": export.last_error_at.isoformat() if export.last_error_at else None,
    }


def _is_poison(depth: QueueDepth) -> bool:
    return depth.queue.endswith(POISON_SUFFIX)
