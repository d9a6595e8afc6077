"""A state machine that does to the protocol what networks, hosts and power cuts do.

Each step is one thing that happens: a submission, a delivery, a timer. Any of them may meet one fault:
the process dies before, at or after one of its database calls, the database or the queue is away, or other
processes get their turns in between. Everything runs in one thread, so that each failure can be replayed.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import partial
from hashlib import sha256

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic_core import from_json

from orchestration.submission import Caller
from schema.errors import (
    DatabaseUnavailableError,
    JobNotFoundError,
    JobStateConflictError,
    ServiceUnavailableError,
)
from schema.policies import Priority
from schema.queues import POISON_SUFFIX, TASK_QUEUE
from schema.states import FINAL_JOB_STATES, JobStatus
from tests.fakes.faults import Faults, Moment, ProcessDiedError
from tests.fakes.queues import FakeQueueRepository, QueuedMessage
from tests.property.invariants import check_always, check_settled, unfinished
from tests.property.job_types import JOB_TYPES, Recorder, allowed_ends
from tests.property.strategies import FAULTS, LATE_FAULTS, PICKS, REQUESTS, Fault, Meanwhile, Request
from tests.support.system import System
from tests.support.worlds import World

_CALLER = Caller("corr-1")
_MOST_JOBS = 2
_MOST_GIVEN_UP = 2
_MOST_ROUNDS = 300
_SHORT_ROUNDS = 20
_TO_THE_NEXT_REPAIR = 301
_TO_THE_LATEST_REPAIR = 10_000
_FITTING: Mapping[str, Set[JobStatus]] = {
    "cancel": {JobStatus.QUEUED, JobStatus.PROCESSING},
    "retry": {JobStatus.FAILED, JobStatus.CANCELLED},
    "rerun": FINAL_JOB_STATES,
}
_CONTROLS = tuple(_FITTING)


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
        self.submitted: dict[str, frozenset[JobStatus]] = {}
        self.cancelled: set[str] = set()
        self.unexpected: list[BaseException] = []
        self.in_delivery: QueuedMessage | None = None

    def make_world(self, faults: Faults) -> World:
        raise NotImplementedError

    @initialize(request=REQUESTS)
    def submit_one(self, request: Request) -> None:
        self._submit(request, Priority.NORMAL, None)

    @precondition(lambda self: self._active_jobs() < _MOST_JOBS)
    @rule(request=REQUESTS, priority=st.sampled_from(Priority), fault=FAULTS)
    def submit(self, request: Request, priority: Priority, fault: Fault | Meanwhile | None) -> None:
        self._submit(request, priority, fault)

    @rule(told=st.sampled_from([*_CONTROLS, "retry"]), pick=PICKS, fault=FAULTS)
    def control(self, told: str, pick: int, fault: Fault | Meanwhile | None) -> None:
        with self._meeting(fault):
            self._control(told, pick)

    @precondition(lambda self: self.queue.visible())
    @rule(pick=PICKS, fault=FAULTS)
    def deliver(self, pick: int, fault: Fault | Meanwhile | None) -> None:
        visible = self.queue.visible()
        message = visible[pick % len(visible)]
        with self._meeting(fault):
            self._deliver(message)
        if isinstance(fault, Fault) and fault.lost and not _is_poison(message):
            self.queue.discard(message)

    @precondition(lambda self: self.queue.visible() and self._may_give_up())
    @rule(pick=PICKS, fault=FAULTS)
    def give_up(self, pick: int, fault: Fault | Meanwhile | None) -> None:
        """As the host does with a message that it has delivered too often."""
        message = self._given_up(pick)
        with self._meeting(fault):
            self._deliver(message)

    @precondition(lambda self: self._visible_tasks())
    @rule(picks=st.lists(PICKS, min_size=1, max_size=3))
    def claim_and_die(self, picks: list[int]) -> None:
        """As kill -9 in the handler: the task is claimed, and nobody hears of it again."""
        for pick in picks:
            self._die_after_the_claim(pick)

    @rule(seconds=st.sampled_from([0, 2, 31, 61]), count=st.integers(0, 10), fault=LATE_FAULTS)
    def go_on(self, seconds: int, count: int, fault: Fault | Meanwhile | None) -> None:
        """As on a good day, but for one fault somewhere."""
        self.world.pass_time(seconds)
        with self._meeting(fault):
            self.system.relay.drain()
            for _ in range(count):
                self._deliver_any(0)

    @rule(seconds=st.sampled_from([1, 121, 301, 700]), fault=FAULTS)
    def wait_and_sweep(self, seconds: int, fault: Fault | Meanwhile | None) -> None:
        self.world.pass_time(seconds)
        with self._meeting(fault):
            self.system.sweeper()

    @precondition(lambda self: self.queue.visible())
    @rule(pick=PICKS, lost=st.booleans())
    def lose_or_duplicate(self, pick: int, lost: bool) -> None:
        visible = self.queue.visible()
        message = visible[pick % len(visible)]
        if lost and not _is_poison(message):
            self.queue.discard(message)
        else:
            self.queue.duplicate(message)

    @invariant()
    def the_protocol_holds(self) -> None:
        assert self.unexpected == []
        check_always(self.world.snapshot(), self.recorder)

    def teardown(self) -> None:
        """Without further faults everything comes to its end."""
        try:
            for place in range(_MOST_ROUNDS):
                if self._at_rest():
                    break
                self._work_off(_TO_THE_NEXT_REPAIR if place < _SHORT_ROUNDS else _TO_THE_LATEST_REPAIR)
            check_always(self.world.snapshot(), self.recorder)
            check_settled(self.world.snapshot(), self._allowed())
            self._each_message_given_up_was_judged()
        finally:
            self.system.close()

    def _at_rest(self) -> bool:
        seen = self.world.snapshot()
        waiting = len(self.queue.messages) + seen.outbox + len(unfinished(seen))
        return waiting == 0 and self._active_jobs() == 0

    def _active_jobs(self) -> int:
        return sum(job.status not in FINAL_JOB_STATES for job in self.world.snapshot().jobs)

    def _work_off(self, seconds: int) -> None:
        self.system.relay.drain()
        while self.queue.visible():
            failure = self.system.deliver(self.queue.visible()[0])
            assert failure is None, failure
        self.world.pass_time(seconds)
        self.system.sweeper()

    def _allowed(self) -> dict[str, set[JobStatus]]:
        """The ends that each job may have come to, by what was done to its last run."""
        runs = {job.job_id: job.run for job in self.world.snapshot().jobs}
        allowed: dict[str, set[JobStatus]] = {job_id: {*self.submitted[job_id]} for job_id in runs}
        for message in self.queue.given_up:
            named = from_json(message.body)
            if named["run"] == runs[named["job_id"]]:
                allowed[named["job_id"]] |= {JobStatus.FAILED, JobStatus.COMPLETED_WITH_ERRORS}
        for job_id in self.cancelled & runs.keys():
            allowed[job_id] |= {JobStatus.CANCELLED}
        return allowed

    def _each_message_given_up_was_judged(self) -> None:
        judged = {row["digest"] for row in self.world.dead_letters() if row["verdict"] is not None}
        assert {sha256(message.body).hexdigest() for message in self.queue.given_up} <= judged

    def _submit(self, request: Request, priority: Priority, fault: Fault | Meanwhile | None) -> None:
        registration, parameters = request
        job = self.system.submitter.validate(registration.job_type, parameters, _CALLER)
        model = registration.parameters.model_validate(parameters)
        self.submitted[job.job_id] = allowed_ends(registration, model)
        with self._meeting(fault):
            self.system.submit(registration.job_type, parameters, priority)

    def _control(self, told: str, pick: int, job_id: str | None = None) -> None:
        """Cancel, retry or run again; where no job's state allows it, nothing happens."""
        jobs = {job.job_id: job.status for job in self.world.snapshot().jobs}
        fitting = sorted(job_id for job_id, status in jobs.items() if status in _FITTING[told])
        candidates = fitting or sorted(self.submitted)
        job_id = job_id or candidates[pick % len(candidates)]
        try:
            if told == "cancel":
                self.cancelled.add(job_id)
                job = self.system.control.cancel(job_id, "as it happens", "corr-2")
                assert job.status is JobStatus.CANCELLED
            elif told == "retry":
                self.system.control.retry(job_id, "corr-2")
            else:
                self.system.control.rerun(job_id, "corr-2")
        except (JobStateConflictError, JobNotFoundError):
            return

    def _given_up(self, pick: int) -> QueuedMessage:
        """A visible message in its poison queue, moved there if it was not."""
        visible = self.queue.visible()
        message = visible[pick % len(visible)]
        return message if _is_poison(message) else self.queue.give_up(message)

    def _deliver(self, message: QueuedMessage) -> None:
        self.in_delivery = message
        failure = self.system.deliver(message)
        assert failure is None or isinstance(failure, _SURVIVED), failure

    def _visible_tasks(self) -> list[QueuedMessage]:
        return [message for message in self.queue.visible() if message.queue == TASK_QUEUE]

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
        turns: dict[str, Callable[[int], object]] = {
            "deliver": self._deliver_any,
            "deliver again": self._deliver_again,
            "die after the claim": self._die_after_the_claim,
            "lease runs out": lambda _: self.world.pass_time(121),
            "take over": self._take_over,
            "relay": lambda _: self.system.relay.drain(),
            "sweep": lambda _: self.system.sweeper(),
            "heartbeat": self._beat,
            "stop and go on": self._stop_and_go_on,
            "wake up late": self._wake_up_late,
            "give up": self._give_up_any,
        }
        if turn in _CONTROLS:
            self._control(turn, pick)
        else:
            turns[turn](pick)

    def _deliver_again(self, _: int) -> None:
        if self.in_delivery is not None:
            self._deliver(self.queue.duplicate(self.in_delivery))

    def _die_after_the_claim(self, pick: int) -> None:
        if visible := self._visible_tasks():
            self.faults.arm(ProcessDiedError(), Moment.COMMITTED)
            self._deliver(visible[pick % len(visible)])
            self.faults.disarm()

    def _take_over(self, _: int) -> None:
        self.world.pass_time(121)
        self.system.sweeper()
        self.world.pass_time(31)

    def _beat(self, _: int) -> None:
        self.world.pass_time(31)
        self.system.keeper.beat()

    def _stop_and_go_on(self, pick: int) -> None:
        """A cancellation that the one whose turn it was hears of, and that is taken back."""
        job_id = None if self.in_delivery is None else from_json(self.in_delivery.body)["job_id"]
        self._control("cancel", pick, job_id)
        self._beat(pick)
        self._control("retry", pick, job_id)

    def _wake_up_late(self, pick: int) -> None:
        """The one whose turn it was beats after its lease ran out and others had their turns."""
        self.world.pass_time(121)
        self._die_after_the_claim(pick)
        self._beat(pick)

    def _give_up_any(self, pick: int) -> None:
        if self.queue.visible() and self._may_give_up():
            self._deliver(self._given_up(pick))

    def _may_give_up(self) -> bool:
        """Seldom, for little of interest happens to what is given up."""
        return len(self.queue.given_up) < _MOST_GIVEN_UP


def _is_poison(message: QueuedMessage) -> bool:
    return message.queue.endswith(POISON_SUFFIX)


_SURVIVED = (ServiceUnavailableError, ProcessDiedError)
