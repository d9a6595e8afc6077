"""Random kills under load, with a bad queue, for as long as asked; then everything must come to its end."""

import random
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any, LiteralString
from uuid import uuid4

import httpx

from tests.acceptance.hosting import eventually
from tests.faults.jobs import LEASE_SECONDS, STURDY
from tests.faults.trial import Trial, id_of
from tests.faults.troubled_queue import Noted

SWEEP_SECONDS = 1.0
TROUBLE = {"TRIAL_DOUBLED": "0.1", "TRIAL_DROPPED": "0.03", "TRIAL_DELAYED": "0.1"}
TASKS, STAGES, WORK_MS = 40, 2, 40

_UNDER_WAY = 8
_SHORTEST_LIFE, _LONGEST_LIFE = 0.2, 2.0
_END_SECONDS = 90.0

_ACTIVE: LiteralString = "select count(*) from app.jobs where status in ('queued', 'processing')"
_LOST_JOBS: LiteralString = """
select count(*) from unnest(%s::text[]) as wanted (job_id)
  left join app.jobs j using (job_id) where j.status is distinct from 'completed'
"""
_LOST_TASKS: LiteralString = """
select (select coalesce(sum((parameters ->> 'tasks')::integer * (parameters ->> 'stages')::integer), 0)
          from app.jobs)
     - (select count(*) from app.tasks t join trial.effects e using (task_id) where t.status = 'completed')
"""
_DOUBLED: LiteralString = """
select (select count(*) from (
            select 1 from app.job_events where entity = 'task' and event = 'completed'
             group by task_id having count(*) > 1) t)
     + (select count(*) from (
            select 1 from app.job_events where entity = 'stage' and event in ('opened', 'settled')
             group by job_id, run, stage, event having count(*) > 1) s)
     + (select count(*) from (
            select 1 from trial.executions group by task_id, attempt having count(*) > 1) a)
"""
_RECOVERIES: LiteralString = """
select c.actor, l.at as lost_at, n.at as again_at
  from app.job_events l
  join app.job_events c on c.task_id = l.task_id and c.attempt = l.attempt and c.event = 'claimed'
  left join app.job_events n on n.task_id = l.task_id and n.attempt = l.attempt + 1 and n.event = 'claimed'
 where l.event = 'lease_expired'
"""


_SWEEP_GAP: LiteralString = """
select extract(epoch from max(gap)) from (
    select finished_at - lag(started_at) over (order by started_at) as gap
      from app.sweeps where finished_at is not null) g
"""


@dataclass(frozen=True)
class Recovery:
    """From a worker's death until the sweep took its tasks from it, and until they were claimed again.

    ``max_seconds_between_sweeps`` is what a sweep each second came to on a loaded machine.
    """

    tasks: int
    median_seconds: float
    max_seconds: float
    median_seconds_until_claimed_again: float
    max_seconds_until_claimed_again: float
    max_seconds_between_sweeps: float
    lease_seconds: float = LEASE_SECONDS
    sweep_seconds: float = SWEEP_SECONDS


@dataclass(frozen=True)
class Report:
    seconds: float
    seed: int
    hosts: int
    kills: int
    jobs: int
    tasks: int
    messages_sent: int
    messages_doubled: int
    messages_dropped: int
    messages_delayed: int
    executions: int
    executions_in_vain: int
    effects: int
    lost: int
    doubled: int
    recovery: Recovery | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Soak:
    """Two hosts or more of one app; one at a time is killed and started again."""

    hosts: list[Trial]
    seed: int
    kills: list[tuple[int, datetime]] = field(default_factory=list[tuple[int, datetime]])
    jobs: list[str] = field(default_factory=list[str])

    def run(self, seconds: float) -> Report:
        chance = random.Random(self.seed)  # noqa: S311 -- no secret hangs on it
        begun = monotonic()
        while monotonic() < begun + seconds:
            self._keep_busy()
            life = chance.uniform(_SHORTEST_LIFE, _LONGEST_LIFE)
            over = monotonic() + life
            eventually(lambda moment=over: monotonic() >= moment, life + 5)
            self._kill(chance.choice(self.hosts))
        took = monotonic() - begun
        eventually(lambda: self._value(_ACTIVE) == 0, _END_SECONDS, every=0.2)
        return self._report(took)

    def _keep_busy(self) -> None:
        while self._value(_ACTIVE) < _UNDER_WAY:
            body = {"tasks": TASKS, "stages": STAGES, "work_ms": WORK_MS, "salt": uuid4().hex}
            eventually(lambda job=body: self._submitted(job))
            self.jobs.append(id_of(STURDY, body))

    def _submitted(self, body: dict[str, Any]) -> bool:
        try:
            return self.hosts[0].http.post(f"jobs/submit/{STURDY}", json=body).is_success
        except httpx.TransportError:
            return False

    def _kill(self, host: Trial) -> None:
        self.kills.append((host.process.process.pid, datetime.now(UTC)))
        host.kill()
        host.restart()

    def _value(self, statement: LiteralString, *values: object) -> Any:
        return self.hosts[0].value(statement, *values)

    def _report(self, seconds: float) -> Report:
        noted = sum((host.messages() for host in self.hosts), Counter[Noted]())
        executions = self._value("select count(*) from trial.executions")
        tasks = self._value("select count(*) from app.tasks")
        return Report(
            seconds=round(seconds, 1),
            seed=self.seed,
            hosts=len(self.hosts),
            kills=len(self.kills),
            jobs=len(self.jobs),
            tasks=tasks,
            messages_sent=noted[Noted.SENT],
            messages_doubled=noted[Noted.DOUBLED],
            messages_dropped=noted[Noted.DROPPED],
            messages_delayed=noted[Noted.DELAYED],
            executions=executions,
            executions_in_vain=executions - tasks,
            effects=self._value("select count(*) from trial.effects"),
            lost=self._value(_LOST_JOBS, self.jobs) + self._value(_LOST_TASKS),
            doubled=self._value(_DOUBLED),
            recovery=self._recovery(),
        )

    def _recovery(self) -> Recovery | None:
        killed = dict(self.kills)
        times: list[tuple[float, float]] = []
        for row in self.hosts[0].rows(_RECOVERIES):
            died = killed.get(int(row["actor"].rpartition(":")[2]))
            if died is not None and row["again_at"] is not None:
                since = [(row[name] - died).total_seconds() for name in ("lost_at", "again_at")]
                times.append((since[0], since[1]))
        if not times:
            return None
        lost = sorted(seconds for seconds, _ in times)
        again = sorted(seconds for _, seconds in times)
        return Recovery(
            tasks=len(times),
            median_seconds=round(lost[len(lost) // 2], 2),
            max_seconds=round(lost[-1], 2),
            median_seconds_until_claimed_again=round(again[len(again) // 2], 2),
            max_seconds_until_claimed_again=round(again[-1], 2),
            max_seconds_between_sweeps=round(float(self._value(_SWEEP_GAP)), 2),
        )
