"""A queue message stays under 1 KB, however long the ids in it are."""

import base64

import pytest

from schema.identity import task_id_of
from schema.messages import MAX_MESSAGE_BYTES, JobQueueMessage, QueueMessage, TaskQueueMessage

_LONGEST_RUN, _LONGEST_STAGE, _LARGEST_INTEGER = 10**9 - 1, 9_999, 2**31 - 1
_JOB_ID = "f" * 64
_SHARED = {
    "job_id": _JOB_ID,
    "correlation_id": "c" * 64,
    "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
}
_LONGEST: tuple[QueueMessage, ...] = (
    JobQueueMessage.model_validate({**_SHARED, "run": _LARGEST_INTEGER, "stage": _LARGEST_INTEGER}),
    TaskQueueMessage.model_validate(
        {
            **_SHARED,
            "run": _LONGEST_RUN,
            "stage": _LONGEST_STAGE,
            "task_id": task_id_of(_JOB_ID, _LONGEST_RUN, _LONGEST_STAGE, "i" * 1_000),
            "attempt": _LARGEST_INTEGER,
        }
    ),
)


@pytest.mark.parametrize("message", _LONGEST, ids=lambda message: type(message).__name__)
def test_the_longest_message_fits_encoded_as_it_travels(message: QueueMessage) -> None:
    text = message.model_dump_json(exclude_none=True)
    assert len(base64.b64encode(text.encode())) <= MAX_MESSAGE_BYTES


@pytest.mark.parametrize("message", _LONGEST, ids=lambda message: type(message).__name__)
def test_a_message_holds_ids_only(message: QueueMessage) -> None:
    protocol = {
        "schema_version",
        "job_id",
        "run",
        "stage",
        "task_id",
        "attempt",
        "correlation_id",
        "traceparent",
    }
    assert set(type(message).model_fields) <= protocol
