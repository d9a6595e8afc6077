"""Cancels, resumes and re-runs jobs on request."""

import logging
from collections.abc import Callable

from interfaces.repositories import JobRepository, StageRepository
from orchestration.relay import OutboxRelay
from schema.errors import DatabaseUnavailableError, JobNotFoundError, JobStateConflictError
from schema.records import Control, ControlOutcome, JobRecord

_log = logging.getLogger(__name__)


class JobControl:
    """Each call is one compare-and-set: what it races with either comes first or changes nothing.

    All raise ``JobNotFoundError``, and ``JobStateConflictError`` where the job's state does not allow it.
    ``actor`` is who asked for it, where that is known, for the audit trail.
    """

    def __init__(self, jobs: JobRepository, stages: StageRepository, relay: OutboxRelay) -> None:
        self._jobs = jobs
        self._stages = stages
        self._relay = relay

    def cancel(self, job_id: str, reason: str, correlation_id: str, actor: str | None = None) -> JobRecord:
        """Stop the job: what has not started never will, what runs is told to stop. Again is no error."""
        return self._done(
            "cancel",
            job_id,
            correlation_id,
            lambda: self._jobs.cancel(job_id, reason, actor),
            "queued or processing",
        )

    def retry(self, job_id: str, correlation_id: str, actor: str | None = None) -> JobRecord:
        """Resume the job at the stage where it stopped; there only what did not complete runs again."""
        return self._done(
            "retry",
            job_id,
            correlation_id,
            lambda: self._jobs.retry(job_id, correlation_id, actor),
            "failed or cancelled",
        )

    def rerun(self, job_id: str, correlation_id: str, actor: str | None = None) -> JobRecord:
        """Start the job's next run from stage 1; earlier runs stay on record."""
        return self._done(
            "rerun",
            job_id,
            correlation_id,
            lambda: self._jobs.rerun(job_id, correlation_id, actor),
            "ended",
        )

    def _done(
        self, name: str, job_id: str, correlation_id: str, call: Callable[[], Control | None], allowed: str
    ) -> JobRecord:
        control = call()
        if control is None:
            raise JobNotFoundError(job_id)
        facts = {"job_id": job_id, "run": control.job.run, "correlation_id": correlation_id}
        if control.outcome is ControlOutcome.REFUSED:
            raise JobStateConflictError(
                f"{name} needs a job that is {allowed}; this one is {control.job.status.value}"
            )
        _log.info("job was told", extra={**facts, "told": name, "status": control.job.status.value})
        self._relay.dispatch(control.outbox)
        try:
            # A retry's last task may have ended meanwhile, and not have seen that its stage is open again.
            self._relay.dispatch(self._stages.close(job_id, control.job.run, control.job.stage))
            self._relay.drain()
        except DatabaseUnavailableError:
            # The job is told: the caller must not hear otherwise. The timers do what is left.
            _log.warning("the rest was left to the timers", extra=facts, exc_info=True)
        return control.job
