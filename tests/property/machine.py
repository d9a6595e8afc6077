"""A state machine that does to the protocol what networks, hosts and power cuts do.

Each step is one thing that happens: a submission, a delivery, a timer. Any of them may meet one fault:
the process dies before, at or after one of its database calls, the database or the queue is away, or other
processes get their turns in between. Everything runs in one thread, so that each failure can be replayed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestration.submission import Caller
from schema.errors import DatabaseUnavailableError, ServiceUnavailableError
from schema.results import OrchestrationAction
from schema.states import FINAL_JOB_STATES, JobStatus
from schema.workflow import JobRegistration
from tests.fakes.faults import Faults, Moment, ProcessDiedError
from tests.fakes.queues import FakeQueueRepository, QueuedMessage
from tests.property.invariants import check_always, check_settled
from tests.property.job_types import (
    DECIDED,
    JOB_TYPES,
    STRICT,
    TOLERANT,
    Behaviour,
    Recorder,
    expected_status,
)
from tests.support.system import System
from tests.support.worlds import World

_CALLER = Caller("corr-1")
_MOST_JOBS = 2
_MOST_ROUNDS = 300
_TO_THE_NEXT_REPAIR = 301


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
_PICKS = st.integers(0, 50)
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
        ]
    ),
    _PICKS,
)
_KINDS = st.sampled_from(["die", "die", "database away", "die at the queue", "queue away"])


def _faults(calls: st.SearchStrategy[int]) -> st.SearchStrategy[Fault | Meanwhile | None]:
    return st.one_of(
        st.none(),
        st.builds(Fault, _KINDS, _MOMENTS, calls, st.booleans()),
        st.builds(Meanwhile, st.lists(_TURNS, min_size=1, max_size=5).map(tuple), calls),
    )


_FAULTS = _faults(st.integers(1, 6))
_LATE_FAULTS = _faults(st.integers(1, 40))

_ACTIONS = st.sampled_from(
    [OrchestrationAction.CREATE_TASKS] * 3 + [OrchestrationAction.COMPLETE_JOB, OrchestrationAction.FAIL_JOB]
)
_BEHAVIOURS = st.sampled_from([*[Behaviour.FINE] * 2, *Behaviour])
_FAN_OUTS = st.tuples(
    st.sampled_from([STRICT, TOLERANT]),
    st.builds(lambda tasks: {"tasks": tasks}, st.lists(_BEHAVIOURS, max_size=6)),
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
_REQUESTS = st.one_of(_FAN_OUTS, _DECISIONS)

Request = tuple[JobRegistration[Any], dict[str, Any]]


class ProtocolMachine(RuleBasedStateMachine):
    """``make_world`` gives the database; the queue and the clock are always fakes."""

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.world = self.make_world(self.faults)
        self.recorder = Recorder()
        self.queue = FakeQueueRepository(self.world.clock)
        self.system = System(
            JOB_TYPES, self.recorder.handlers(), self.world.use, self.queue, self.world.clock
        )
        self.expected: dict[str, JobStatus] = {}
        self.unexpected: list[BaseException] = []
        self.in_delivery: QueuedMessage | None = None

    def make_world(self, faults: Faults) -> World:
        raise NotImplementedError

    @initialize(request=_REQUESTS)
    def submit_one(self, request: Request) -> None:
        self._submit(request, None)

    @precondition(lambda self: self._active_jobs() < _MOST_JOBS)
    @rule(request=_REQUESTS, fault=_FAULTS)
    def submit(self, request: Request, fault: Fault | Meanwhile | None) -> None:
        self._submit(request, fault)

    @precondition(lambda self: self.queue.visible())
    @rule(pick=_PICKS, fault=_FAULTS)
    def deliver(self, pick: int, fault: Fault | Meanwhile | None) -> None:
        visible = self.queue.visible()
        message = visible[pick % len(visible)]
        with self._meeting(fault):
            self._deliver(message)
        if isinstance(fault, Fault) and fault.lost:
            self.queue.delete(message)

    @rule(seconds=st.sampled_from([0, 2, 31, 61]), count=st.integers(0, 10), fault=_LATE_FAULTS)
    def go_on(self, seconds: int, count: int, fault: Fault | Meanwhile | None) -> None:
        """As on a good day, but for one fault somewhere."""
        self.world.pass_time(seconds)
        with self._meeting(fault):
            self.system.relay.drain()
            for _ in range(count):
                self._deliver_any(0)

    @rule(seconds=st.sampled_from([1, 121, 301, 700]), fault=_FAULTS)
    def wait_and_sweep(self, seconds: int, fault: Fault | Meanwhile | None) -> None:
        self.world.pass_time(seconds)
        with self._meeting(fault):
            self.system.sweeper()

    @precondition(lambda self: self.queue.visible())
    @rule(pick=_PICKS, lost=st.booleans())
    def lose_or_duplicate(self, pick: int, lost: bool) -> None:
        visible = self.queue.visible()
        message = visible[pick % len(visible)]
        if lost:
            self.queue.delete(message)
        else:
            self.queue.duplicate(message)

    @invariant()
    def the_protocol_holds(self) -> None:
        assert self.unexpected == []
        check_always(self.world.snapshot(), self.recorder)

    def teardown(self) -> None:
        """Without further faults everything comes to its end."""
        try:
            for _ in range(_MOST_ROUNDS):
                if self._at_rest():
                    break
                self._work_off()
            check_always(self.world.snapshot(), self.recorder)
            check_settled(self.world.snapshot(), self.expected)
        finally:
            self.system.close()

    def _at_rest(self) -> bool:
        messages = len(self.queue.messages) + self.world.snapshot().outbox
        return messages == 0 and self._active_jobs() == 0

    def _active_jobs(self) -> int:
        return sum(job.status not in FINAL_JOB_STATES for job in self.world.snapshot().jobs)

    def _work_off(self) -> None:
        self.system.relay.drain()
        while self.queue.visible():
            failure = self.system.deliver(self.queue.visible()[0])
            assert failure is None, failure
        self.world.pass_time(_TO_THE_NEXT_REPAIR)
        self.system.sweeper()

    def _submit(self, request: Request, fault: Fault | Meanwhile | None) -> None:
        registration, parameters = request
        with self._meeting(fault):
            self.system.submit(registration.job_type, parameters)
        job = self.system.submitter.validate(registration.job_type, parameters, _CALLER)
        if self.world.use.jobs.get(job.job_id) is not None:
            model = registration.parameters.model_validate(parameters)
            self.expected[job.job_id] = expected_status(model, tolerant=registration is TOLERANT)

    def _deliver(self, message: QueuedMessage) -> None:
        self.in_delivery = message
        failure = self.system.deliver(message)
        assert failure is None or isinstance(failure, _SURVIVED), failure

    def _deliver_any(self, pick: int) -> None:
        if visible := self.queue.visible():
            self._deliver(visible[pick % len(visible)])

    @contextmanager
    def _meeting(self, fault: Fault | Meanwhile | None) -> Iterator[None]:
        if isinstance(fault, Fault):
            self._arm(fault)
        elif fault is not None:
            turns = partial(self._others_turns, fault.turns)
            self.faults.arm(turns, Moment.BEGIN, fault.call)
        try:
            yield
        except _SURVIVED:
            pass
        finally:
            self.queue.outage = False
            self.faults.disarm()
            self.queue.faults.disarm()

    def _arm(self, fault: Fault) -> None:
        if fault.what == "queue away":
            self.queue.outage = True
        elif fault.what == "die at the queue":
            self.queue.faults.arm(ProcessDiedError(), fault.moment, fault.call)
        elif fault.what == "die":
            self.faults.arm(ProcessDiedError(), fault.moment, fault.call)
        else:
            self.faults.arm(DatabaseUnavailableError("the database is away"), fault.moment, fault.call)

    def _others_turns(self, turns: tuple[tuple[str, int], ...]) -> None:
        try:
            for turn, pick in turns:
                self._turn(turn, pick)
        except BaseException as exc:
            self.unexpected.append(exc)  # the one whose turn was interrupted may take it for its own
            raise

    def _turn(self, turn: str, pick: int) -> None:
        if turn == "deliver":
            self._deliver_any(pick)
        elif turn == "deliver again" and self.in_delivery is not None:
            self._deliver(self.queue.duplicate(self.in_delivery))
        elif turn == "die after the claim":
            self.faults.arm(ProcessDiedError(), Moment.COMMITTED)
            self._deliver_any(pick)
            self.faults.disarm()
        elif turn == "lease runs out":
            self.world.pass_time(121)
        elif turn == "take over":
            self.world.pass_time(121)
            self.system.sweeper()
            self.world.pass_time(31)
        elif turn == "heartbeat":
            self.system.keeper.beat()
        elif turn == "sweep":
            self.system.sweeper()
        else:
            self.system.relay.drain()


_SURVIVED = (ServiceUnavailableError, ProcessDiedError)
