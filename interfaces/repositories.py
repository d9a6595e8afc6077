"""What the orchestration asks of the database. Each method is one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from schema.callbacks import Subscription
from schema.records import (
    AttemptOutcome,
    Claim,
    Control,
    DeadLetter,
    DeadLetterRecord,
    Finish,
    FinishJob,
    Heartbeat,
    JobRecord,
    LeaseState,
    NewJob,
    NextStep,
    OpenStage,
    OutboxRecord,
    StageRecord,
    StageSettlement,
    StageSummary,
    Submission,
    SweepReport,
    TaskRecord,
    Verdict,
)
from schema.results import ErrorDetail


class JobRepository(Protocol):
    """Jobs: made once, read often, ended once a run."""

    def submit(self, job: NewJob, subscription: Subscription | None = None) -> Submission:
        """Insert the job unless it exists; a new one comes with the outbox row that plans stage 1.

        Callbacks are added to its current run in the same transaction, whether it is new or not: each once,
        due at once where their news is there already, and due again where they could not be delivered. Raises
        ``TooManyCallbacksError`` where the run would have more than ``MAX_CALLBACKS``: nothing is stored.
        """
        ...

    def get(self, job_id: str) -> JobRecord | None: ...

    def finish(self, finish: FinishJob) -> bool:
        """End a run that is still active; false where it was not."""
        ...

    def cancel(self, job_id: str, reason: str, actor: str | None = None) -> Control | None:
        """Stop the job with all of it that has not started; ``refused`` where it ended otherwise already.

        ``None`` for an unknown job, here and below. ``actor`` is who the audit trail says did it; without
        one it names the process.
        """
        ...

    def retry(self, job_id: str, correlation_id: str, actor: str | None = None) -> Control | None:
        """Resume a failed or cancelled job where it stopped; there only what did not complete runs again."""
        ...

    def rerun(self, job_id: str, correlation_id: str, actor: str | None = None) -> Control | None:
        """Start the next run of a job that has ended; ``refused`` while one is under way."""
        ...

    def fail(self, job_id: str, run: int, error: ErrorDetail) -> bool:
        """Fail an active run with its stage and all of it that has not started; false where it was over."""
        ...


class StageRepository(Protocol):
    """Stages: opened whole, closed by whoever finishes last, settled once."""

    def get(self, job_id: str, run: int, stage: int) -> StageRecord | None: ...

    def list(self, job_id: str, run: int) -> Sequence[StageRecord]: ...

    def summaries(self, job_id: str, run: int) -> Sequence[StageSummary]:
        """The run's stages in order, with the counts of their tasks as of now."""
        ...

    def open(self, stage: OpenStage) -> bool:
        """Insert the stage with all its tasks and the first messages; false if it is there already
        or the run is not active. A stage of no tasks starts out closing."""
        ...

    def close(self, job_id: str, run: int, stage: int) -> Sequence[OutboxRecord]:
        """Close the stage if nothing in it is unfinished. Of all callers exactly one gets the message."""
        ...

    def settle(self, settlement: StageSettlement, following: NextStep) -> bool:
        """Make a closing stage final and take the next step together; false if it was not closing."""
        ...

    def task_results(self, job_id: str, run: int, stage: int) -> Iterator[TaskRecord]:
        """All tasks of the stage in their order, read in pages."""
        ...


class TaskRepository(Protocol):
    """Tasks: claimed, kept alive, finished; every write of a worker by its lease token."""

    def claim(self, task_id: str, attempt: int, worker: str, lease_token: UUID) -> Claim: ...

    def finish(self, task_id: str, lease_token: UUID, outcome: AttemptOutcome) -> Finish:
        """Store how the attempt ended, release the next held-back task, close the stage if it was the last.

        The messages that follow from it are claimed for the caller, who sends them at once.
        """
        ...

    def fail(self, task_id: str, error: ErrorDetail) -> Finish | None:
        """Fail a task that has not ended; a worker that runs it loses the lease. ``None``: it had ended."""
        ...

    def heartbeat(self, beats: Sequence[Heartbeat]) -> Mapping[UUID, LeaseState]:
        """Extend leases and store progress; tells, by lease token, which are lost or to be cancelled."""
        ...

    def get(self, task_id: str) -> TaskRecord | None: ...

    def find(self, job_id: str, run: int, stage: int, index: str) -> TaskRecord | None: ...


class OutboxRepository(Protocol):
    """Messages that must be sent, written with the state they follow from."""

    def claim(self, limit: int) -> Sequence[OutboxRecord]:
        """Take up to ``limit`` unclaimed rows for one minute: the urgent first, then the oldest."""
        ...

    def delete(self, outbox_ids: Sequence[int]) -> None: ...


class DeadLetterRepository(Protocol):
    """Messages nobody could use."""

    def record(self, letter: DeadLetter) -> None:
        """Put the message on record, once for each queue and message id."""
        ...

    def judge(self, letter: DeadLetter, verdict: Verdict) -> None:
        """Add the verdict to the message's record, made under another id before it came to the poison queue;
        without one, put it on record now."""
        ...

    def list(self, limit: int, before: int | None = None) -> Sequence[DeadLetterRecord]:
        """Newest first; ``before`` is the number of the last one of the previous page."""
        ...

    def get(self, dead_letter_id: int) -> DeadLetterRecord | None: ...

    def mark_replayed(self, dead_letter_id: int) -> None: ...

    def mark_disposed(self, dead_letter_id: int) -> None: ...


class RetentionRepository(Protocol):
    """Removes what is past its time, in small batches."""

    def expired_jobs(self, age: timedelta, limit: int, max_tasks: int | None = None) -> Sequence[str]:
        """Ids of jobs that ended longer ago, oldest first; no more than have ``max_tasks`` tasks together,
        but one at least."""
        ...

    def remove_jobs(self, job_ids: Sequence[str]) -> tuple[int, int]:
        """Remove those jobs that are still ended, with all that is theirs; counts jobs and events."""
        ...

    def remove_records(self, age: timedelta, limit: int, *, dry_run: bool) -> tuple[int, int]:
        """Remove (or count) dead letters and sweeps last touched longer ago."""
        ...

    def count_expired(self, age: timedelta, limit: int) -> tuple[int, int]:
        """How many jobs would go with how many events; counts no further than ``limit`` jobs."""
        ...


class SweepRepository(Protocol):
    """Repairs of what dead processes and lost messages leave behind."""

    def sweep(self, limit: int) -> SweepReport:
        """One ordered pass, at most ``limit`` repairs of each kind, on record in ``sweeps``."""
        ...
