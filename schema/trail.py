"""The audit trail of a job: its rows, and how the API shows them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schema.api import ApiModel
from schema.json_types import JSONObject
from schema.records import Record


class Entity(StrEnum):
    """What an event is about."""

    JOB = "job"
    STAGE = "stage"
    TASK = "task"


class EventRecord(Record):
    """One transition as it is on record."""

    event_id: int
    at: datetime
    run: int
    stage: int | None = None
    task_id: str | None = None
    attempt: int | None = None
    entity: Entity
    from_status: str | None = None
    event: str
    to_status: str
    actor: str
    correlation_id: str | None = None
    details: JSONObject | None = None


class EventView(ApiModel):
    event_id: int = Field(description="grows; unique in the deployment")
    at: datetime = Field(description="when it happened, by the database's clock")
    run: int = Field(description="the run of the job that it belongs to")
    stage: int | None = Field(None, description="the stage it happened in")
    task_id: str | None = Field(None, description="the task it is about; null for jobs and stages")
    attempt: int | None = Field(None, description="the attempts that the task had begun; null for others")
    entity: Entity = Field(description="what it is about")
    from_status: str | None = Field(None, description="the state before; null where there was none")
    event: str = Field(description="what happened")
    to_status: str = Field(description="the state after")
    actor: str = Field(
        description="who did it: `user:` and a name where the caller is known, else the process that did"
    )
    reason: str = Field(description="why, in short; for a failure the error's code and message")
    correlation_id: str | None = Field(None, description="of the request that it follows from")
    details: JSONObject | None = Field(None, description="an error, or what a stage was opened with")


class EventPage(ApiModel):
    """Events of a job, oldest first."""

    job_id: str = Field(description="the job")
    events: Sequence[EventView] = Field(description="in the order of their ids")
    next_cursor: str | None = Field(
        None,
        description="continues behind the last event known, also where none has come yet; null without any",
    )
    complete: bool = Field(
        description="whether this is the end: the job has ended, nothing of it runs, no event comes after"
    )
