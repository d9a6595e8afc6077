"""The metrics of a host that works, and of one whose queues are away."""

from uuid import uuid4

from prometheus_client.parser import text_string_to_metric_families

from schema.queues import ALL_QUEUES
from tests.acceptance.hosting import Host, eventually

Samples = dict[tuple[str, frozenset[str]], float]


def samples(host: Host) -> Samples:
    """Values by the metric's name and those of its labels."""
    answer = host.http.get("metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Samples, name: str, *labels: str) -> float | None:
    return found.get((name, frozenset(labels)))


def test_a_jobs_work_is_seen_while_it_runs_and_after(trial_host: Host) -> None:
    salt = uuid4().hex
    job_id = trial_host.submit("trial_fast", act="hold", tasks=3, salt=salt)
    try:
        eventually(lambda: (value(samples(trial_host), "geojobs_tasks", "trial", "processing") or 0) >= 3)
        assert (value(samples(trial_host), "geojobs_jobs", "trial_fast", "processing") or 0) >= 1
    finally:
        trial_host.let_go(salt)
    trial_host.wait(job_id)
    eventually(
        lambda: (
            (value(samples(trial_host), "geojobs_jobs_ended_last_hour", "trial_fast", "completed") or 0) >= 1
        )
    )
    found = samples(trial_host)
    assert (value(found, "geojobs_task_duration_seconds", "trial", "0.5") or -1) >= 0
    assert (value(found, "geojobs_job_duration_seconds", "trial_fast", "0.99") or -1) >= 0


def test_sweeps_are_seen(trial_host: Host) -> None:
    trial_host.sweep()
    eventually(lambda: (value(samples(trial_host), "geojobs_last_sweep_age_seconds") or 1e9) < 90)
    assert value(samples(trial_host), "geojobs_sweep_repairs_last_hour", "expired_leases") is not None


def test_every_queue_is_seen(host: Host) -> None:
    def all_queues() -> bool:
        found = samples(host)
        return all(value(found, "geojobs_queue_messages", queue) is not None for queue in ALL_QUEUES)

    eventually(all_queues)
    assert value(samples(host), "geojobs_up", "database") == 1
