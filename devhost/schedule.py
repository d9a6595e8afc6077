"""NCRONTAB schedules in UTC, and where a timer stands in its own."""

import json
import logging
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from croniter import croniter
from croniter.croniter import CroniterError
from pydantic import TypeAdapter

from devhost.errors import StartError

_log = logging.getLogger(__name__)

_FIELDS = 6
_MONITORED_FROM = timedelta(minutes=1)
_RECORDS = TypeAdapter(dict[str, dict[str, str]])
_START_OF_TIME = datetime(1, 1, 1, tzinfo=UTC)


class Schedule:
    """Six fields, seconds first, or five without seconds; day of month and day of week must both fit."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        if len(fields) == _FIELDS - 1:
            fields = ["0", *fields]
        self.expression = " ".join(fields)
        try:
            self._check(fields)
        except (CroniterError, ValueError) as exc:
            raise StartError(f"the schedule {expression!r} is not valid: {exc}") from exc

    def next_after(self, moment: datetime) -> datetime:
        found: datetime = croniter(
            self.expression, moment, ret_type=datetime, day_or=False, second_at_beginning=True
        ).get_next()
        return found

    def is_monitored(self, now: datetime) -> bool:
        """Whether it is kept on record: one that recurs more often than each minute is not."""
        first = self.next_after(now)
        return self.next_after(first) - first >= _MONITORED_FROM

    def _check(self, fields: list[str]) -> None:
        if len(fields) != _FIELDS or "%" in self.expression:
            raise ValueError("it must have six fields, seconds first")
        self.next_after(datetime.now(UTC))


@dataclass(frozen=True)
class TimerStatus:
    """``last`` is when the timer last ran, ``next`` when it should run next."""

    last: datetime
    next: datetime
    last_updated: datetime

    @classmethod
    def initial(cls, schedule: Schedule, now: datetime) -> "TimerStatus":
        return cls(_START_OF_TIME, schedule.next_after(now), now)

    def after_run(self, schedule: Schedule, started: datetime, *, scheduled: bool) -> "TimerStatus":
        """The status after a run. One that was woken a little early still counts for its own time."""
        counted = max(started, self.next) if scheduled else started
        return TimerStatus(counted, schedule.next_after(counted), counted)

    def for_function(self) -> dict[str, str]:
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


class TimerRecords:
    """Where the monitored timers of an app stand, kept in a file, so that a missed run is made up for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def load(self, name: str, schedule: Schedule) -> TimerStatus | None:
        """The timer's status; ``None`` where there is none, or it is that of another schedule."""
        with self._lock:
            kept = self._read().get(name)
        try:
            if kept is None or kept["schedule"] != schedule.expression:
                return None
            times = {key: datetime.fromisoformat(kept[key]) for key in ("last", "next", "last_updated")}
        except (KeyError, TypeError, ValueError):
            return None
        return TimerStatus(**times)

    def save(self, name: str, schedule: Schedule, status: TimerStatus) -> None:
        """Replace the timer's status; where that fails, a missed run is not noticed, and nothing else."""
        entry = {key: moment.isoformat() for key, moment in asdict(status).items()}
        with self._lock:
            records = self._read()
            records[name] = {"schedule": schedule.expression, **entry}
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                scratch = self._path.with_suffix(".new")
                scratch.write_text(json.dumps(records), "utf-8")
                scratch.replace(self._path)
            except OSError as exc:
                _log.warning("timer status could not be kept", extra={"reason": exc.strerror})

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            return _RECORDS.validate_json(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
