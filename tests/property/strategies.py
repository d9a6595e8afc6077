"""What may happen, and to which jobs: the values that hypothesis draws for the machine."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from schema.results import OrchestrationAction
from schema.workflow import JobRegistration
from tests.fakes.faults import Moment
from tests.property.job_types import DECIDED, FAN_OUTS, Behaviour


@dataclass(frozen=True)
class Fault:
    """``what`` happens at the ``call``-th call that reaches the ``moment``; ``lost``: with the message."""

    what: str
    moment: Moment
    call: int
    lost: bool


@dataclass(frozen=True)
class Meanwhile:
    """What other processes do before the ``call``-th database call of this one."""

    turns: tuple[tuple[str, int], ...]
    call: int


_MOMENTS = st.sampled_from(Moment)
PICKS = st.integers(0, 50)
_TURNS = st.tuples(
    st.sampled_from(
        [
            "deliver",
            "deliver again",
            "die after the claim",
            "lease runs out",
            "take over",
            "relay",
            "sweep",
            "heartbeat",
            "cancel",
            "retry",
            "rerun",
            "stop and go on",
            "wake up late",
            "give up",
        ]
    ),
    PICKS,
)
_KINDS = st.sampled_from(["die", "die", "database away", "die at the queue", "queue away"])


def _faults(calls: st.SearchStrategy[int]) -> st.SearchStrategy[Fault | Meanwhile | None]:
    return st.one_of(
        st.none(),
        st.builds(Fault, _KINDS, _MOMENTS, calls, st.booleans()),
        st.builds(Meanwhile, st.lists(_TURNS, min_size=1, max_size=5).map(tuple), calls),
    )


FAULTS = _faults(st.integers(1, 6))
LATE_FAULTS = _faults(st.integers(1, 40))

_ACTIONS = st.sampled_from(
    [OrchestrationAction.CREATE_TASKS] * 3 + [OrchestrationAction.COMPLETE_JOB, OrchestrationAction.FAIL_JOB]
)
_BEHAVIOURS = st.sampled_from([*[Behaviour.FINE] * 6, *Behaviour])
_BATCHES = st.lists(_BEHAVIOURS, max_size=6) | st.lists(_BEHAVIOURS, min_size=3, max_size=6)
_FAN_OUTS = st.tuples(
    st.sampled_from(FAN_OUTS),
    st.builds(lambda tasks: {"tasks": tasks}, _BATCHES),
)
_DECISIONS = st.tuples(
    st.just(DECIDED),
    st.fixed_dictionaries(
        {
            "first": _ACTIONS,
            "items": st.integers(0, 3),
            "retries": st.integers(0, 3),
            "second": _ACTIONS,
            "third": _ACTIONS,
        }
    ),
)
REQUESTS = st.one_of(_FAN_OUTS, _FAN_OUTS, _FAN_OUTS, _DECISIONS)

Request = tuple[JobRegistration[Any], dict[str, Any]]
