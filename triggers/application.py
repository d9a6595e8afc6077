"""Everything a trigger may call, as ``bootstrap`` puts it together."""

from collections.abc import Callable
from dataclasses import dataclass

from interfaces.clock import Clock
from interfaces.inspection import FunctionInspector, InspectionRepository
from interfaces.queues import QueueRepository
from interfaces.schema import SchemaRepository
from interfaces.tracing import Tracer
from orchestration.callbacks import CallbackDelivery
from orchestration.controlling import JobControl
from orchestration.diagnosing import EnumDiagnostic
from orchestration.driving import JobDriver
from orchestration.health import HealthChecks
from orchestration.intake import MessageIntake
from orchestration.measuring import Measuring
from orchestration.ogc.api import OgcApi
from orchestration.poison import PoisonHandler
from orchestration.poison_desk import PoisonDesk
from orchestration.relay import OutboxRelay
from orchestration.results import ResultReader
from orchestration.retention import Retention
from orchestration.running import TaskRunner
from orchestration.submission import SubmitJob
from orchestration.sweeping import Sweeper
from orchestration.trail import EventViewer
from orchestration.viewing import DryRun, JobTypeViewer, JobViewer
from schema.access import AuthMode


@dataclass(frozen=True)
class Application:
    submit: SubmitJob
    dry_run: DryRun
    jobs: JobViewer
    events: EventViewer
    results: ResultReader
    job_types: JobTypeViewer
    control: JobControl
    ogc: OgcApi
    driver: JobDriver
    runner: TaskRunner
    intake: MessageIntake
    poison: PoisonHandler
    poison_desk: PoisonDesk
    callbacks: CallbackDelivery
    retention: Retention
    relay: OutboxRelay
    sweeper: Sweeper
    inspection: InspectionRepository
    enums: EnumDiagnostic
    functions: FunctionInspector
    tracer: Tracer
    health: HealthChecks
    measuring: Measuring
    schema: SchemaRepository
    queue: QueueRepository
    clock: Clock
    allow_schema_reset: bool
    auth_mode: AuthMode
    public_url: str | None
    max_body_bytes: int
    close: Callable[[], None]
