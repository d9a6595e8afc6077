"""A queue message carries ids only, and is under 1 KB whatever they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schema.identity import task_id_of
from schema.messages import MAX_MESSAGE_BYTES, JobQueueMessage, TaskQueueMessage, body_of

JOB_ID = "0123456789abcdef" * 4
HEX = "0123456789abcdef"
FIELDS: dict[str, Any] = {"job_id": JOB_ID, "run": 1, "stage": 1, "correlation_id": "corr-1"}
TASK = {**FIELDS, "task_id": task_id_of(JOB_ID, 1, 1, "0"), "attempt": 1}


@given(
    index=st.text(st.characters(codec="utf-8"), min_size=1, max_size=1_000),
    run=st.integers(1, 2**31 - 1).map(lambda run: min(run, 10**9 - 1)),
    stage=st.integers(1, 9_999),
    attempt=st.integers(1, 2**31 - 1),
    correlation_id=st.text(st.sampled_from("aZ9._:-"), min_size=1, max_size=64),
    trace=st.text(HEX, min_size=48, max_size=48),
)
def test_a_message_is_under_1_kb(
    *, index: str, run: int, stage: int, attempt: int, correlation_id: str, trace: str
) -> None:
    message = TaskQueueMessage(
        job_id=JOB_ID,
        run=run,
        stage=stage,
        correlation_id=correlation_id,
        traceparent=f"00-{trace[:32]}-{trace[32:]}-01",
        task_id=task_id_of(JOB_ID, run, stage, index),
        attempt=attempt,
    )
    body = message.model_dump_json(exclude_none=True).encode()
    assert len(body) <= MAX_MESSAGE_BYTES
    assert TaskQueueMessage.model_validate_json(body) == message


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": JOB_ID.upper()},
        {"job_id": JOB_ID + "\n"},
        {"run": 0},
        {"run": None},
        {"stage": 0},
        {"correlation_id": ""},
        {"correlation_id": "a" * 65},
        {"correlation_id": "a b"},
        {"correlation_id": "a\n"},
        {"traceparent": "00-abc-def-01"},
        {"schema_version": 2},
        {"parameters": {"n": 1}},
    ],
)
def test_a_message_with_a_wrong_field_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        JobQueueMessage.model_validate({**FIELDS, **change})


@pytest.mark.parametrize("change", [{"task_id": "task"}, {"task_id": None}, {"attempt": 0}])
def test_a_task_message_with_a_wrong_field_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TaskQueueMessage.model_validate({**TASK, **change})


@pytest.mark.parametrize(("model", "other"), [(JobQueueMessage, TASK), (TaskQueueMessage, FIELDS)])
def test_the_two_kinds_are_not_taken_for_each_other(
    model: type[JobQueueMessage | TaskQueueMessage], other: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(other)


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b"eyJhIjogMX0=", b'{"a": 1}'),
        (b" eyJhIjogMX0=\r\n", b'{"a": 1}'),
        (b"//79", b"\xff\xfe\xfd"),
        (b"", b""),
        (b'{"a": 1}', b'{"a": 1}'),
        (b"no base64", b"no base64"),
        (b"eyJhIjogMX0", b"eyJhIjogMX0"),
        ("\N{SNOWMAN}".encode(), "\N{SNOWMAN}".encode()),
    ],
)
def test_a_message_is_read_whether_it_is_base64_or_not(content: bytes, body: bytes) -> None:
    assert body_of(content) == body
