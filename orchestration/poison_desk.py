"""What operators do about messages nobody could use: see them, judge them now, send one again, let one go."""

from collections.abc import Sequence

from pydantic import ValidationError

from interfaces.queues import QueueRepository
from interfaces.repositories import DeadLetterRepository, JobRepository, TaskRepository
from orchestration.intake import Delivery
from orchestration.poison import PoisonHandler
from schema.errors import DeadLetterNotFoundError, JobStateConflictError
from schema.messages import JobQueueMessage, QueueMessage, TaskQueueMessage
from schema.queues import JOB_QUEUE, POISON_SUFFIX, TASK_QUEUE
from schema.records import DeadLetterRecord, Verdict
from schema.states import FINAL_JOB_STATES, FINAL_TASK_STATES

_BATCH = 32
_MAX_PROCESSED = 1_000


class PoisonDesk:
    """The poison queues' triggers do all this by themselves; this is for those who do not want to wait."""

    def __init__(
        self,
        *,
        letters: DeadLetterRepository,
        jobs: JobRepository,
        tasks: TaskRepository,
        queue: QueueRepository,
        handler: PoisonHandler,
    ) -> None:
        self._letters = letters
        self._jobs = jobs
        self._tasks = tasks
        self._queue = queue
        self._handler = handler

    def list(self, limit: int, before: int | None = None) -> Sequence[DeadLetterRecord]:
        """Newest first."""
        return self._letters.list(limit, before)

    def process(self) -> dict[Verdict, int]:
        """Judge what is in the poison queues now, up to 1,000 messages; counts by verdict."""
        counts: dict[Verdict, int] = {}
        for source in (JOB_QUEUE, TASK_QUEUE):
            while messages := self._queue.receive(source + POISON_SUFFIX, _BATCH):
                for message in messages:
                    delivery = Delivery(source, message.message_id, message.body, message.dequeue_count)
                    verdict = self._handler.handle(delivery)
                    self._queue.delete(message)
                    counts[verdict] = counts.get(verdict, 0) + 1
                if sum(counts.values()) >= _MAX_PROCESSED:
                    break
        return counts

    def replay(self, dead_letter_id: int) -> QueueMessage:
        """Send a message again for the work that the dead letter names, as its state asks for now.

        Raises ``DeadLetterNotFoundError``, and ``JobStateConflictError`` where there is nothing left to send.
        """
        letter = self._letter(dead_letter_id)
        message = self._due(letter) or _intact(letter)
        if message is None:
            raise JobStateConflictError(
                f"dead letter {dead_letter_id} names no work that waits; retry or re-run its job instead"
            )
        self._queue.send(message)
        self._letters.mark_replayed(dead_letter_id)
        return message

    def dispose(self, dead_letter_id: int) -> None:
        """Note that nothing is to be done about it; its row stays until retention takes it."""
        self._letters.mark_disposed(self._letter(dead_letter_id).dead_letter_id)

    def _letter(self, dead_letter_id: int) -> DeadLetterRecord:
        letter = self._letters.get(dead_letter_id)
        if letter is None:
            raise DeadLetterNotFoundError(dead_letter_id)
        return letter

    def _due(self, letter: DeadLetterRecord) -> QueueMessage | None:
        task = self._tasks.get(letter.task_id) if letter.task_id else None
        if task is not None:
            if task.status in FINAL_TASK_STATES:
                return None
            return TaskQueueMessage(
                job_id=task.job_id,
                run=task.run,
                stage=task.stage,
                task_id=task.task_id,
                attempt=task.attempt + 1,
                correlation_id=letter.correlation_id or task.job_id,
            )
        job = self._jobs.get(letter.job_id) if letter.job_id else None
        if job is None or job.status in FINAL_JOB_STATES:
            return None
        return JobQueueMessage(
            job_id=job.job_id, run=job.run, stage=job.stage, correlation_id=job.correlation_id
        )


def _intact(letter: DeadLetterRecord) -> QueueMessage | None:
    model = TaskQueueMessage if letter.queue == TASK_QUEUE else JobQueueMessage
    try:
        return model.model_validate_json(letter.body)
    except ValidationError:
        return None
