"""The use cases put together over any repositories and the fake queue, and a host that delivers messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from interfaces.callbacks import CallbackRepository
from interfaces.handler import Handler
from interfaces.repositories import (
    DeadLetterRepository,
    JobRepository,
    OutboxRepository,
    RetentionRepository,
    StageRepository,
    SweepRepository,
    TaskRepository,
)
from interfaces.tracing import NO_TRACER, Tracer
from orchestration.controlling import JobControl
from orchestration.driving import JobDriver
from orchestration.intake import Delivery, MessageIntake
from orchestration.leases import LeaseKeeper
from orchestration.payloads import MAX_INLINE_BYTES, Payloads
from orchestration.planning import StagePlanner
from orchestration.poison import PoisonHandler
from orchestration.relay import OutboxRelay
from orchestration.running import TaskRunner
from orchestration.submission import Caller, SubmitJob
from orchestration.sweeping import Sweeper
from registration import JobCatalog, TaskCatalog, verify_catalogs
from schema.errors import MessageError, ServiceUnavailableError
from schema.json_types import JSONObject
from schema.messages import JobQueueMessage, TaskQueueMessage
from schema.policies import Priority
from schema.queues import JOB_QUEUE, POISON_SUFFIX
from schema.records import JobRecord, Submission
from schema.workflow import JobRegistration, TaskInfo
from tests.fakes.alerts import FakeAlertSink
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.callbacks import FakeCallbackRepository
from tests.fakes.calls import InlineCalls
from tests.fakes.clock import FakeClock
from tests.fakes.database import FakeDatabase
from tests.fakes.dead_letters import FakeDeadLetterRepository
from tests.fakes.faults import ProcessDiedError
from tests.fakes.jobs import FakeJobRepository
from tests.fakes.outbox import FakeOutboxRepository
from tests.fakes.payloads import FakePayloadStore
from tests.fakes.queues import FakeQueueRepository, QueuedMessage
from tests.fakes.retention import FakeRetentionRepository
from tests.fakes.sandbox import FakeSandbox
from tests.fakes.stages import FakeStageRepository
from tests.fakes.sweeps import FakeSweepRepository
from tests.fakes.tasks import FakeTaskRepository

MAX_DEQUEUE_COUNT = 5

Registrations = Iterable[JobRegistration[Any]]
Handlers = Iterable[tuple[TaskInfo[Any, Any], Handler[Any, Any]]]


@dataclass
class Repositories:
    jobs: JobRepository
    stages: StageRepository
    tasks: TaskRepository
    outbox: OutboxRepository
    dead_letters: DeadLetterRepository
    sweeps: SweepRepository
    retention: RetentionRepository
    callbacks: CallbackRepository


def fake_repositories(database: FakeDatabase) -> Repositories:
    return Repositories(
        FakeJobRepository(database),
        FakeStageRepository(database),
        FakeTaskRepository(database),
        FakeOutboxRepository(database),
        FakeDeadLetterRepository(database),
        FakeSweepRepository(database),
        FakeRetentionRepository(database),
        FakeCallbackRepository(database),
    )


class StillLeaseKeeper(LeaseKeeper):
    """Beats only when a test says so: no thread."""

    def _start_thread(self) -> None:
        pass


class System:
    """One process and its host. The relay sends one message at a time and forgets each at once."""

    def __init__(
        self,
        registrations: Registrations,
        handlers: Handlers,
        repositories: Repositories,
        queue: FakeQueueRepository,
        clock: FakeClock,
        *,
        payload_limit: int = MAX_INLINE_BYTES,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self.repositories = repositories
        self.queue = queue
        self.clock = clock
        self.blobs = FakeBlobRepository()
        self.payload_store = FakePayloadStore()
        self.payloads = Payloads(self.payload_store, payload_limit)
        self.alerts = FakeAlertSink()
        self.job_catalog, self.task_catalog = _catalogs(registrations, handlers)
        self.planner = StagePlanner(self.job_catalog, self.task_catalog)
        self.relay = OutboxRelay(repositories.outbox, queue, concurrency=1, batch=1, tracer=tracer)
        self.keeper = StillLeaseKeeper(repositories.tasks, clock)
        self.submitter = SubmitJob(self.job_catalog, repositories.jobs, self.relay)
        self.driver = JobDriver(
            catalog=self.job_catalog,
            planner=self.planner,
            jobs=repositories.jobs,
            stages=repositories.stages,
            relay=self.relay,
            payloads=self.payloads,
            clock=clock,
            tracer=tracer,
        )
        self.runner = TaskRunner(
            catalog=self.task_catalog,
            tasks=repositories.tasks,
            stages=repositories.stages,
            keeper=self.keeper,
            calls=InlineCalls(),
            payloads=self.payloads,
            relay=self.relay,
            blobs=self.blobs,
            sandbox=FakeSandbox(),
            clock=clock,
            worker="worker-1",
            tracer=tracer,
        )
        self.intake = MessageIntake(repositories.dead_letters)
        self.control = JobControl(repositories.jobs, repositories.stages, self.relay)
        self.poison = PoisonHandler(
            jobs=repositories.jobs,
            tasks=repositories.tasks,
            stages=repositories.stages,
            letters=repositories.dead_letters,
            relay=self.relay,
            alerts=self.alerts,
            tracer=tracer,
        )
        self.sweeper = Sweeper(repositories.sweeps, self.relay)

    def submit(
        self, job_type: str, parameters: JSONObject, priority: Priority = Priority.NORMAL
    ) -> Submission:
        return self.submitter(job_type, parameters, Caller("corr-1", priority=priority))

    def deliver(self, message: QueuedMessage) -> BaseException | None:
        """As the host does it: a message that failed is shown again, and goes to the poison queue after five
        times; there it is shown for ever."""
        received = self.queue.take(message)
        try:
            self._hand_over(received)
        except (MessageError, ServiceUnavailableError, ProcessDiedError) as exc:
            if received.dequeue_count < MAX_DEQUEUE_COUNT or received.queue.endswith(POISON_SUFFIX):
                self.queue.give_back(received)
            else:
                self.queue.give_up(received)
            return exc
        self.queue.discard(received)
        return None

    def run_until_quiet(self) -> None:
        """Deliver whatever is visible until nothing is; raises what a delivery fails with."""
        for _ in range(10_000):
            self.relay.drain()
            if not (visible := self.queue.visible()):
                return
            if (failure := self.deliver(visible[0])) is not None:
                raise failure
        raise AssertionError("the system did not come to rest")

    def _hand_over(self, received: QueuedMessage) -> None:
        source = received.queue.removesuffix(POISON_SUFFIX)
        delivery = Delivery(source, received.message_id, received.body, received.dequeue_count)
        if received.queue != source:
            self.poison.handle(delivery)
        elif source == JOB_QUEUE:
            self.intake.process(delivery, JobQueueMessage, self.driver.handle)
        else:
            self.intake.process(delivery, TaskQueueMessage, self.runner.handle)

    def job(self, job_id: str) -> JobRecord:
        job = self.repositories.jobs.get(job_id)
        if job is None:
            raise AssertionError(f"there is no job {job_id}")
        return job

    def close(self) -> None:
        self.relay.close()


class FakeSystem(System):
    """The same over a fake database, whose faults and tables it shows."""

    def __init__(
        self,
        registrations: Registrations = (),
        handlers: Handlers = (),
        *,
        payload_limit: int = MAX_INLINE_BYTES,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        clock = FakeClock()
        self.database = FakeDatabase(clock)
        super().__init__(
            registrations,
            handlers,
            fake_repositories(self.database),
            FakeQueueRepository(clock),
            clock,
            payload_limit=payload_limit,
            tracer=tracer,
        )


def _catalogs(registrations: Registrations, handlers: Handlers) -> tuple[JobCatalog, TaskCatalog]:
    jobs, tasks = JobCatalog(), TaskCatalog()
    for registration in registrations:
        jobs.register(registration)
    for info, handler in handlers:
        tasks.register(info, handler)
    verify_catalogs(jobs, tasks)
    return jobs, tasks
