"""Delivers the messages of real queues to an application in this process, until a job is over."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from orchestration.submission import Caller
from repositories.storage_connection import StorageConnection
from schema.json_types import JSONObject
from schema.messages import JobQueueMessage, TaskQueueMessage
from schema.queues import JOB_QUEUE, TASK_QUEUE
from schema.records import JobRecord
from schema.states import FINAL_JOB_STATES
from triggers.application import Application

_DEADLINE_SECONDS = 60


class LocalHost:
    """One message at a time; ``before_stage`` is called once before a stage's first task runs."""

    def __init__(self, application: Application, storage: StorageConnection) -> None:
        self._application = application
        self._service = storage.queue_service()

    def run(
        self,
        job_type: str,
        parameters: JSONObject,
        before_stage: dict[int, Callable[[], object]] | None = None,
    ) -> JobRecord:
        """Submit the job, deliver until it is over, and return it."""
        pending = dict(before_stage or {})
        job_id = self._application.submit(job_type, parameters, Caller("test")).job.job_id
        end = monotonic() + _DEADLINE_SECONDS
        while monotonic() < end:
            job = self._application.submit(job_type, parameters, Caller("test")).job
            if job.status in FINAL_JOB_STATES:
                return job
            self._application.relay.drain()
            self._deliver(JOB_QUEUE, JobQueueMessage, self._application.driver.handle)
            current = self._application.submit(job_type, parameters, Caller("test")).job
            if (action := pending.pop(current.stage, None)) is not None:
                action()
            self._deliver(TASK_QUEUE, TaskQueueMessage, self._application.runner.handle)
        raise AssertionError(f"job {job_id} was not over in time")

    def _deliver(self, queue: str, model: Any, handle: Callable[[Any], None]) -> None:
        client: QueueClient = self._service.get_queue_client(
            queue, message_decode_policy=TextBase64DecodePolicy()
        )
        for message in client.receive_messages(messages_per_page=32, max_messages=32):
            handle(model.model_validate_json(message.content))
            client.delete_message(message)
