"""Recovers ids from messages that cannot be parsed: as JSON where it is JSON, else by their pattern."""

import re
from typing import NamedTuple

from pydantic_core import from_json

from schema.identity import JOB_ID_PATTERN, TASK_ID_PATTERN

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_JOB_ID_ANYWHERE = re.compile(rf"(?<![0-9a-f]){JOB_ID_PATTERN.pattern}(?![0-9a-f])")
_TASK_ID_ANYWHERE = re.compile(rf"(?<![0-9a-f]){TASK_ID_PATTERN.pattern}(?![0-9a-f])")


class SalvagedIds(NamedTuple):
    job_id: str | None = None
    task_id: str | None = None
    correlation_id: str | None = None


def salvaged_ids(text: str) -> SalvagedIds:
    """The ids that the text names, each ``None`` where there is none."""
    fields = _fields(text)
    return SalvagedIds(
        _whole(JOB_ID_PATTERN, fields.get("job_id")) or _anywhere(_JOB_ID_ANYWHERE, text),
        _whole(TASK_ID_PATTERN, fields.get("task_id")) or _anywhere(_TASK_ID_ANYWHERE, text),
        _whole(_CORRELATION_ID, fields.get("correlation_id")),
    )


def _fields(text: str) -> dict[str, object]:
    try:
        value = from_json(text, allow_partial=True)
    except ValueError:
        return {}
    return dict(value) if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownArgumentType] -- Any


def _whole(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _anywhere(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[0] if found else None
