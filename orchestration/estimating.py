"""How long a job will still take, guessed from what it did so far."""

from collections.abc import Sequence
from datetime import datetime

from schema.records import JobRecord, StageSummary
from schema.states import FINAL_JOB_STATES


def estimated_seconds_left(job: JobRecord, stages: Sequence[StageSummary], now: datetime) -> float | None:
    """Seconds until the job's last stage ends.

    The stage under way goes on at the pace of its tasks so far, of those of this round where it runs again;
    one in which none has ended yet is taken to be as long as the mean of those before it, and so is each
    stage that is still to come, this one counted in. ``None`` where nothing tells: no task has ended and no
    stage came before, or this one took longer already; and for a job that has ended.
    """
    if job.status in FINAL_JOB_STATES or not stages:
        return None
    *earlier, current = stages
    lengths = [_seconds(stage.resumed_at or stage.opened_at, stage.closed_at or now) for stage in earlier]
    elapsed = _seconds(current.round_began_at, current.closed_at or now)
    left = _left(current, elapsed, lengths)
    if left is None:
        return None
    lengths.append(elapsed + left)
    to_come = max(0, job.total_stages - current.stage)
    return round(left + to_come * sum(lengths) / len(lengths), 1)


def _seconds(begun: datetime, ended: datetime) -> float:
    """How long it took; clocks may differ a little."""
    return max(0.0, (ended - begun).total_seconds())


def _left(stage: StageSummary, elapsed: float, earlier: Sequence[float]) -> float | None:
    remaining = max(0, stage.expected - stage.completed - stage.failed)
    if stage.closed_at is not None or remaining == 0:
        return 0.0
    if stage.ended_lately > 0:
        return elapsed * remaining / stage.ended_lately
    guess = sum(earlier) / len(earlier) if earlier else 0.0
    return guess - elapsed if guess > elapsed else None
