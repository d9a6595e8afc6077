"""What the orchestration asks of the database. Each method is one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from schema.records import (
    AttemptOutcome,
    Claim,
    DeadLetter,
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
)


class JobRepository(Protocol):
    """Jobs: made once, read often, ended once a run."""

    def submit(self, job: NewJob) -> Submission:
        """Insert the job unless it exists; a new one comes with the outbox row that plans stage 1."""
        ...

    def get(self, job_id: str) -> JobRecord | None: ...

    def finish(self, finish: FinishJob) -> bool:
        """End a run that is still active; false where it was not."""
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

    def heartbeat(self, beats: Sequence[Heartbeat]) -> Mapping[UUID, LeaseState]:
        """Extend leases and store progress; tells, by lease token, which are lost or to be cancelled."""
        ...

    def get(self, task_id: str) -> TaskRecord | None: ...

    def find(self, job_id: str, run: int, stage: int, index: str) -> TaskRecord | None: ...


class OutboxRepository(Protocol):
    """Messages that must be sent, written with the state they follow from."""

    def claim(self, limit: int) -> Sequence[OutboxRecord]:
        """Take up to ``limit`` unclaimed rows, oldest first, for one minute."""
        ...

    def delete(self, outbox_ids: Sequence[int]) -> None: ...


class DeadLetterRepository(Protocol):
    """Messages nobody could use."""

    def record(self, letter: DeadLetter) -> None:
        """Put the message on record, once for each queue and message id."""
        ...


class SweepRepository(Protocol):
    """Repairs of what dead processes and lost messages leave behind."""

    def sweep(self, limit: int) -> SweepReport:
        """One ordered pass, at most ``limit`` repairs of each kind, on record in ``sweeps``."""
        ...
