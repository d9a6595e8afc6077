"""Queue triggers on the poison queues: what the host gave up on is judged and put on record."""

import azure.functions as func

from schema.queues import JOB_QUEUE, POISON_SUFFIX, TASK_QUEUE
from triggers.application import Application
from triggers.queues import delivery_of

_CONNECTION = "AzureWebJobsStorage"


def poison_blueprint(application: Application) -> func.Blueprint:
    """A raised error leaves the message to the host, which shows it again after ten minutes."""
    blueprint = func.Blueprint()

    @blueprint.function_name("judge_poison_job_message")
    @blueprint.queue_trigger(  # pyright: ignore[reportUnknownMemberType] -- untyped kwargs
        arg_name="msg",
        queue_name=JOB_QUEUE + POISON_SUFFIX,
        connection=_CONNECTION,
        data_type=func.DataType.BINARY,
    )
    def judge_poison_job_message(msg: func.QueueMessage) -> None:  # pyright: ignore[reportUnusedFunction] -- registered
        application.poison.handle(delivery_of(msg, JOB_QUEUE))

    @blueprint.function_name("judge_poison_task_message")
    @blueprint.queue_trigger(  # pyright: ignore[reportUnknownMemberType] -- untyped kwargs
        arg_name="msg",
        queue_name=TASK_QUEUE + POISON_SUFFIX,
        connection=_CONNECTION,
        data_type=func.DataType.BINARY,
    )
    def judge_poison_task_message(msg: func.QueueMessage) -> None:  # pyright: ignore[reportUnusedFunction] -- registered
        application.poison.handle(delivery_of(msg, TASK_QUEUE))

    return blueprint
