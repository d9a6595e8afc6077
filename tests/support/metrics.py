"""What the database could tell, for tests of those who pass it on."""

from typing import Any

from interfaces.metrics import Count, DatabaseMetrics, Durations


def database_metrics(**changes: Any) -> DatabaseMetrics:
    """Something of everything."""
    values: dict[str, Any] = {
        "schema_version": 1,
        "jobs": [Count(("hello_world", "processing"), 2)],
        "tasks": [Count(("greeting", "queued"), 5), Count(("greeting", "processing"), 3)],
        "jobs_ended": [Count(("hello_world", "completed"), 7)],
        "job_durations": [Durations("hello_world", {0.5: 1.5, 0.95: 9.5, 0.99: 9.9})],
        "tasks_ended": [Count(("greeting", "completed"), 40)],
        "task_durations": [Durations("greeting", {0.5: 0.25, 0.95: 0.5, 0.99: 0.75})],
        "retries": [
            Count(("attempt_failed",), 1),
            Count(("lease_expired",), 0),
            Count(("stage_retried",), 0),
        ],
        "events_window_seconds": 1800.0,
        "oldest_queued_task_seconds": 0.0,
        "outbox_messages": 4,
        "outbox_lag_seconds": 12.5,
        "sweep_repairs": [Count(("expired_leases",), 1)],
        "last_sweep_age_seconds": 30.0,
        "dead_letters": [Count(("unhandled",), 1)],
    }
    return DatabaseMetrics(**{**values, **changes})
