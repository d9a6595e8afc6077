"""What travels through the queues: ids only, so that a message is a hint and never the truth.

Source of the field list and of the 1 KB limit: the protocol in ``docs/protocol.md``.
"""

import base64
import binascii
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schema.identity import JOB_ID_PATTERN, TASK_ID_PATTERN

MAX_MESSAGE_BYTES = 1024

CorrelationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Traceparent = Annotated[str, Field(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]


class _QueueMessage(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    job_id: str = Field(pattern=f"^{JOB_ID_PATTERN.pattern}$")
    run: int = Field(ge=1)
    stage: int = Field(ge=1)
    correlation_id: CorrelationId
    traceparent: Traceparent | None = None

    def ids(self) -> dict[str, str | int]:
        """What it is about, for logs and traces."""
        return {
            "job_id": self.job_id,
            "run": self.run,
            "stage": self.stage,
            "correlation_id": self.correlation_id,
        }


class JobQueueMessage(_QueueMessage):
    """Something is to be done for this stage of this job; the database says what."""


class TaskQueueMessage(_QueueMessage):
    """This attempt of this task may be claimed."""

    task_id: str = Field(pattern=f"^{TASK_ID_PATTERN.pattern}$")
    attempt: int = Field(ge=1)

    def ids(self) -> dict[str, str | int]:
        return {**super().ids(), "task_id": self.task_id, "attempt": self.attempt}


QueueMessage = JobQueueMessage | TaskQueueMessage


def body_of(content: bytes) -> bytes:
    """What a message says, given its text: messages travel in base64, and one that is none is taken as it is.

    The host is told not to decode (``messageEncoding`` in ``host.json``): what it cannot decode it would move
    to the poison queue, and hide there for ever, without a word to the app. No JSON object is base64.
    """
    try:
        return base64.b64decode(content.strip(), validate=True)
    except (binascii.Error, ValueError):
        return content
