"""How long a job will still take, guessed from what it did so far."""

from collections.abc import Sequence
from datetime import datetime

from schema.records import JobRecord, StageSummary
from schema.states import FINAL_JOB_STATES


def estimated_seconds_left(job: JobRecord, stages: Sequence[StageSummary], now: datetime) -> float | None:
    """Seconds until the job's last stage ends.

    The stage under way goes on at the pace of its tasks so far; one in which none has ended yet is taken to
    be as long as the mean of those before it, and so is each stage that is still to come, this one counted
    in. ``None`` where nothing tells yet, and for a job that has ended.
    """
    if job.status in FINAL_JOB_STATES or not stages:
        return None
    *earlier, current = stages
    lengths = [_seconds(stage, now) for stage in earlier]
    elapsed = _seconds(current, now)
    left = _left(current, elapsed, lengths)
    if left is None:
        return None
    lengths.append(elapsed + left)
    to_come = max(0, job.total_stages - current.stage)
    return round(left + to_come * sum(lengths) / len(lengths), 1)


def _seconds(stage: StageSummary, now: datetime) -> float:
    """How long it took, or takes until now; clocks may differ a little."""
    begun = stage.resumed_at or stage.opened_at
    return max(0.0, ((stage.closed_at or now) - begun).total_seconds())


def _left(stage: StageSummary, elapsed: float, earlier: Sequence[float]) -> float | None:
    remaining = max(0, stage.expected - stage.completed - stage.failed)
    if stage.closed_at is not None or remaining == 0:
        return 0.0
    if stage.ended_lately > 0:
        return elapsed * remaining / stage.ended_lately
    if not earlier:
        return None
    return max(0.0, sum(earlier) / len(earlier) - elapsed)
