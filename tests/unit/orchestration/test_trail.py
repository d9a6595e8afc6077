"""The audit trail as the API shows it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from interfaces.trail import EventFilter, Trail
from orchestration.trail import EventViewer, reason_of
from schema.errors import JobNotFoundError
from schema.states import TRANSITIONS
from schema.trail import Entity, EventPage, EventRecord

JOB_ID = "a" * 64
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def event(event_id: int = 1, entity: str = "job", name: str = "submitted", **values: Any) -> EventRecord:
    known = {"at": AT, "run": 1, "to_status": "queued", "actor": "geojobs test"}
    return EventRecord(event_id=event_id, entity=Entity(entity), event=name, **{**known, **values})


class FakeTrail:
    """Implements ``interfaces.trail.TrailRepository`` for one job."""

    def __init__(self, events: list[EventRecord], *, ended: bool = False) -> None:
        self.events_of_job = events
        self.ended = ended

    def events(self, wanted: EventFilter) -> Trail | None:
        if wanted.job_id != JOB_ID:
            return None
        behind = [one for one in self.events_of_job if one.event_id > wanted.after]
        return Trail(behind[: wanted.limit], self.ended)


def page(events: int, limit: int = 10, after: int = 0, *, ended: bool = False) -> EventPage:
    trail = FakeTrail([event(number) for number in range(1, events + 1)], ended=ended)
    return EventViewer(trail).page(EventFilter(JOB_ID, limit, after))


def test_an_unknown_job_is_an_error() -> None:
    with pytest.raises(JobNotFoundError):
        EventViewer(FakeTrail([])).page(EventFilter("b" * 64, 10))


def test_a_page_continues_behind_its_last_event() -> None:
    shown = page(5, limit=2)
    assert ([one.event_id for one in shown.events], shown.next_cursor) == ([1, 2], "2")
    assert [one.event_id for one in page(5, limit=2, after=2).events] == [3, 4]


def test_there_is_a_cursor_while_events_may_come() -> None:
    assert page(2).next_cursor == "2"
    assert page(2, after=2).next_cursor == "2"
    assert page(0).next_cursor is None


@pytest.mark.parametrize(("events", "limit", "complete"), [(2, 2, True), (3, 2, False), (0, 2, True)])
def test_the_last_page_of_a_job_that_has_ended_is_complete(events: int, limit: int, complete: bool) -> None:
    assert page(events, limit, ended=True).complete is complete


def test_the_trail_of_a_job_that_runs_is_never_complete() -> None:
    assert not page(2, ended=False).complete


@pytest.mark.parametrize("entity", [*Entity])
def test_every_event_has_a_reason_in_words(entity: Entity) -> None:
    names = {move.event for move in TRANSITIONS if move.entity == entity}
    first = {Entity.JOB: {"submitted"}, Entity.STAGE: {"opened"}, Entity.TASK: set[str]()}
    plain = {"submitted", "failed", "cancelled"}
    reasons = {name: reason_of(event(1, entity, name)) for name in names | first[entity]}
    assert [name for name, reason in reasons.items() if reason == name and name not in plain] == []


def test_a_failures_reason_is_its_error() -> None:
    details = {"code": "LEASE_EXPIRED", "message": "attempt 1 was not heard of", "error_class": "lost"}
    found = event(1, "task", "lease_expired", details=details)
    assert reason_of(found) == "LEASE_EXPIRED: attempt 1 was not heard of"


def test_a_cancellations_reason_is_that_of_its_caller() -> None:
    details = {"code": "JOB_CANCELLED", "message": "no longer needed", "stage": 1}
    assert reason_of(event(1, "job", "cancelled", details=details)) == "no longer needed"


def test_a_stage_is_opened_for_its_tasks() -> None:
    details = {"expected": 3, "task_type": "work"}
    assert reason_of(event(1, "stage", "opened", details=details)) == "3 tasks of type work"


def test_a_stage_is_opened_for_tasks_of_several_types() -> None:
    details = {"expected": 3, "task_type": "work", "task_types": ["rest", "work"]}
    assert reason_of(event(1, "stage", "opened", details=details)) == "3 tasks of type rest or work"
