"""How failures are met: by task type (retry) and by stage (failure)."""

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetryPolicy(_Policy):
    """Exponential back-off: attempt k waits ``min(cap, base * factor ** (k - 1))`` seconds,
    less up to ``jitter`` (a share) of it.

    ``attempts`` counts the first one too. Throttled attempts wait ``factor`` times longer.
    """

    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    base_seconds: Annotated[float, Field(ge=0)] = 2.0
    factor: Annotated[float, Field(ge=1, le=100)] = 2.0
    cap_seconds: Annotated[float, Field(ge=0)] = 300.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.5


class FailureMode(StrEnum):
    """``fail_fast``: one failed task fails the job. ``tolerate``: a share of tasks may fail."""

    FAIL_FAST = "fail_fast"
    TOLERATE = "tolerate"


class FailurePolicy(_Policy):
    """``min_success_rate`` is a percentage (0-100) and counts only where failures are tolerated."""

    mode: FailureMode = FailureMode.FAIL_FAST
    min_success_rate: Annotated[float, Field(ge=0, le=100)] = 100.0


class ErrorClass(StrEnum):
    """What kind of failure an attempt met; it decides whether and when there is another attempt.

    ``deferred`` is no failure of the task: it waits, and the attempt does not count.
    """

    RETRYABLE = "retryable"
    THROTTLED = "throttled"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
    LOST = "lost"
    TIMED_OUT = "timed_out"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"


class PriorityName(StrEnum):
    """How callers write a ``Priority``."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Priority(IntEnum):
    """How urgent a job is; the lower the number, the sooner its messages are sent."""

    HIGH = 0
    NORMAL = 1
    LOW = 2
