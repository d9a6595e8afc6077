"""Queue triggers: a job message drives a job, a task message runs a task."""

import azure.functions as func

from orchestration.intake import Delivery
from schema.messages import JobQueueMessage, TaskQueueMessage, body_of
from schema.queues import JOB_QUEUE, TASK_QUEUE
from triggers.application import Application

_CONNECTION = "AzureWebJobsStorage"


def queue_blueprint(application: Application) -> func.Blueprint:
    """A raised error leaves the message to the host: it comes again, and at last goes to the poison queue.

    Bodies are asked for as bytes: one that is no text would else never reach the app, and so no record.
    """
    blueprint = func.Blueprint()

    @blueprint.function_name("process_job_message")
    @blueprint.queue_trigger(  # pyright: ignore[reportUnknownMemberType] -- untyped kwargs
        arg_name="msg", queue_name=JOB_QUEUE, connection=_CONNECTION, data_type=func.DataType.BINARY
    )
    def process_job_message(msg: func.QueueMessage) -> None:  # pyright: ignore[reportUnusedFunction] -- registered
        application.intake.process(delivery_of(msg, JOB_QUEUE), JobQueueMessage, application.driver.handle)

    @blueprint.function_name("process_task_message")
    @blueprint.queue_trigger(  # pyright: ignore[reportUnknownMemberType] -- untyped kwargs
        arg_name="msg", queue_name=TASK_QUEUE, connection=_CONNECTION, data_type=func.DataType.BINARY
    )
    def process_task_message(msg: func.QueueMessage) -> None:  # pyright: ignore[reportUnusedFunction] -- registered
        application.intake.process(delivery_of(msg, TASK_QUEUE), TaskQueueMessage, application.runner.handle)

    return blueprint


def delivery_of(msg: func.QueueMessage, queue: str) -> Delivery:
    """The message as the app sees it, of the queue that it was sent to."""
    return Delivery(queue, msg.id or "", body_of(msg.get_body()), msg.dequeue_count or 1)
