"""Shows what happened to a job, and why."""

from interfaces.trail import EventFilter, TrailRepository
from schema.errors import JobNotFoundError
from schema.json_types import JSONObject
from schema.trail import Entity, EventPage, EventRecord, EventView


class EventViewer:
    """Reads only."""

    def __init__(self, trail: TrailRepository) -> None:
        self._trail = trail

    def page(self, wanted: EventFilter) -> EventPage:
        """Up to ``wanted.limit`` events behind ``wanted.after``; raises ``JobNotFoundError``."""
        ahead = EventFilter(wanted.job_id, wanted.limit + 1, wanted.after, wanted.run, wanted.entity)
        found = self._trail.events(ahead)
        if found is None:
            raise JobNotFoundError(wanted.job_id)
        events = found.events[: wanted.limit]
        last = events[-1].event_id if events else wanted.after
        return EventPage(
            job_id=wanted.job_id,
            events=[_view(event) for event in events],
            next_cursor=str(last) if last else None,
            complete=found.ended and len(found.events) <= wanted.limit,
        )


def _view(event: EventRecord) -> EventView:
    return EventView(**event.model_dump(), reason=reason_of(event))


def reason_of(event: EventRecord) -> str:
    """Why it happened, in short."""
    details = event.details or {}
    if "code" in details:
        return _of_error(details)
    if (event.entity, event.event) == (Entity.STAGE, "opened") and "expected" in details:
        return f"{details['expected']} tasks of type {_types(details)}"
    return _REASONS.get((event.entity, event.event), event.event)


def _types(details: JSONObject) -> str:
    types = details.get("task_types")
    return " or ".join(map(str, types)) if isinstance(types, list) else str(details.get("task_type"))


def _of_error(error: JSONObject) -> str:
    """A cancellation's message is the reason that its caller gave."""
    message = str(error.get("message") or "")
    if error["code"] == "JOB_CANCELLED":
        return message
    return f"{error['code']}: {message}"


_REASONS = {
    (Entity.JOB, "submitted"): "submitted",
    (Entity.JOB, "started"): "its first stage was opened",
    (Entity.JOB, "completed"): "its last stage was settled",
    (Entity.JOB, "failed"): "failed",
    (Entity.JOB, "cancelled"): "cancelled",
    (Entity.JOB, "retried"): "resumed on request",
    (Entity.JOB, "rerun"): "started anew on request",
    (Entity.STAGE, "opened"): "planned",
    (Entity.STAGE, "last_task_finished"): "none of its tasks was unfinished",
    (Entity.STAGE, "settled"): "the results of its tasks were put together",
    (Entity.STAGE, "failed"): "its run failed",
    (Entity.STAGE, "cancelled"): "its job was cancelled",
    (Entity.STAGE, "retried"): "taken up again",
    (Entity.TASK, "released"): "another task of its stage made room",
    (Entity.TASK, "claimed"): "a worker took it",
    (Entity.TASK, "completed"): "its handler returned a result",
    (Entity.TASK, "failed"): "failed",
    (Entity.TASK, "attempt_failed"): "its attempt failed and another follows",
    (Entity.TASK, "lease_expired"): "its worker was not heard of for its lease",
    (Entity.TASK, "skipped"): "its stage or run had ended before it began",
    (Entity.TASK, "cancelled"): "its stage or run had ended",
    (Entity.TASK, "stage_retried"): "its stage was taken up again",
}
