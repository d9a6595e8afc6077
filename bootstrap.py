"""Builds the application from its settings: which adapter for which interface."""

import json
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from config import PostgresAuth, Settings
from interfaces.callbacks import CallbackSender
from interfaces.queues import QueueRepository
from interfaces.tracing import NO_TRACER, Tracer
from orchestration.bounded_calls import BoundedCalls
from orchestration.callback_rules import CallbackRules
from orchestration.callbacks import CallbackDelivery, Signer, job_body
from orchestration.controlling import JobControl
from orchestration.diagnosing import EnumDiagnostic
from orchestration.driving import JobDriver
from orchestration.health import HealthChecks
from orchestration.health_checks import health_checks
from orchestration.intake import MessageIntake
from orchestration.leases import LeaseKeeper
from orchestration.measuring import Measuring
from orchestration.ogc.api import OgcApi, subscriber_body
from orchestration.payloads import Payloads
from orchestration.planning import StagePlanner
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
from registration import JobCatalog, TaskCatalog, initialize_catalogs
from repositories.alerts import WebhookAlerts
from repositories.callbacks import PostgresCallbackRepository
from repositories.dead_letters import PostgresDeadLetterRepository
from repositories.function_checks import PostgresFunctionInspector
from repositories.guarded_blobs import GuardedBlobRepository, new_breaker
from repositories.identity import AzureIdentity
from repositories.inspection import PostgresInspectionRepository
from repositories.job_search import PostgresJobSearchRepository
from repositories.jobs import PostgresJobRepository
from repositories.metrics import PostgresMetricsRepository
from repositories.migrations import SchemaRepository
from repositories.outbox import PostgresOutboxRepository
from repositories.payloads import BlobPayloadStore
from repositories.postgres import Database, PostgresAddress
from repositories.retention import PostgresRetentionRepository
from repositories.stages import StageCompletionRepository
from repositories.storage_blob import StorageBlobRepository
from repositories.storage_connection import StorageConnection
from repositories.storage_queue import StorageQueueRepository
from repositories.sweeps import PostgresSweepRepository
from repositories.tasks import PostgresTaskRepository
from repositories.trail import PostgresTrailRepository
from repositories.webhooks import WebhookSender
from schema.callback_urls import AllowedHosts
from schema.callbacks import CallbackForm
from triggers.application import Application

_HOST_JSON = Path(__file__).parent / "host.json"
_ENTRA_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"


class SystemClock:
    """Implements ``interfaces.clock.Clock``."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return monotonic()

    def pause(self, seconds: float) -> None:
        sleep(seconds)


@dataclass(frozen=True)
class Parts:
    """What the use cases are made of. ``queue`` may be a trial's own instead of ``storage_queue``."""

    clock: SystemClock
    job_catalog: JobCatalog
    task_catalog: TaskCatalog
    identity: AzureIdentity
    database: Database
    storage: StorageConnection
    storage_queue: StorageQueueRepository
    queue: QueueRepository
    blobs: StorageBlobRepository
    guarded_blobs: GuardedBlobRepository
    jobs: PostgresJobRepository
    stages: StageCompletionRepository
    tasks: PostgresTaskRepository
    sweeps: PostgresSweepRepository
    inspection: PostgresInspectionRepository
    schema: SchemaRepository
    letters: PostgresDeadLetterRepository
    callbacks: PostgresCallbackRepository
    sender: CallbackSender
    payloads: Payloads
    payload_store: BlobPayloadStore
    relay: OutboxRelay
    keeper: LeaseKeeper
    calls: BoundedCalls
    tracer: Tracer

    def close(self) -> None:
        self.calls.close()
        self.keeper.close()
        self.relay.close()
        self.storage_queue.close()
        self.blobs.close()
        self.storage.close()
        self.database.close()
        self.identity.close()
        self.tracer.close()


def _as_they_are(parts: Parts) -> Parts:
    return parts


def bootstrap(
    settings: Settings,
    catalogs: tuple[JobCatalog, TaskCatalog] | None = None,
    queue: QueueRepository | None = None,
    adapt: Callable[[Parts], Parts] = _as_they_are,
) -> Application:
    """The whole application. Opens nothing: connections are made when first used.

    Trials bring ``catalogs`` of their own, or a ``queue`` instead of Azure's; ``adapt`` lets them put
    something in front of any part.
    """
    catalogs = catalogs or initialize_catalogs(development=settings.development_job_types)
    parts = adapt(_parts(settings, catalogs, queue))
    planner = StagePlanner(parts.job_catalog, parts.task_catalog)
    submit = SubmitJob(parts.job_catalog, parts.jobs, parts.relay, _callback_rules(settings))
    viewer = JobViewer(parts.job_catalog, parts.jobs, parts.stages, parts.clock)
    control = JobControl(parts.jobs, parts.stages, parts.relay)
    callbacks = _callbacks(parts, settings)
    health = _health(parts)
    measuring = Measuring(PostgresMetricsRepository(parts.database), parts.queue, parts.clock)
    poison = _poison(parts, settings)

    def close() -> None:
        callbacks.close()
        measuring.close()
        health.close()
        parts.close()

    return Application(
        submit=submit,
        dry_run=DryRun(parts.job_catalog, submit, planner),
        jobs=viewer,
        events=EventViewer(PostgresTrailRepository(parts.database)),
        results=ResultReader(parts.jobs, parts.payload_store),
        job_types=JobTypeViewer(parts.job_catalog, parts.task_catalog),
        control=control,
        ogc=_ogc(parts, viewer, submit, control),
        driver=_driver(parts, planner),
        runner=_runner(parts, _worker_name(settings)),
        intake=MessageIntake(parts.letters, _host_queues().get("maxDequeueCount", 5)),
        poison=poison,
        poison_desk=_poison_desk(parts, poison),
        callbacks=callbacks,
        retention=_retention(parts, settings),
        relay=parts.relay,
        sweeper=Sweeper(parts.sweeps, parts.relay),
        inspection=parts.inspection,
        enums=EnumDiagnostic(parts.inspection),
        functions=PostgresFunctionInspector(parts.database),
        tracer=parts.tracer,
        health=health,
        measuring=measuring,
        schema=parts.schema,
        queue=parts.queue,
        clock=parts.clock,
        allow_schema_reset=settings.allow_schema_reset,
        auth_mode=settings.auth_mode,
        public_url=settings.public_url,
        max_body_bytes=settings.max_body_bytes,
        close=close,
    )


def _parts(
    settings: Settings, catalogs: tuple[JobCatalog, TaskCatalog], queue: QueueRepository | None
) -> Parts:
    clock = SystemClock()
    identity = AzureIdentity(settings.storage_client_id)
    database = Database(_postgres_address(settings, identity), settings.postgres_pool_size)
    tasks = PostgresTaskRepository(database)
    storage = _storage_connection(settings, identity)
    storage_queue = StorageQueueRepository(storage)
    payload_store = BlobPayloadStore(storage, settings.payload_container)
    blobs = StorageBlobRepository(storage, settings.read_containers, (settings.silver_container,))
    outbox = PostgresOutboxRepository(database)
    tracer = _tracer(settings, clock)
    concurrency = settings.outbox_send_concurrency
    return Parts(
        clock=clock,
        job_catalog=catalogs[0],
        task_catalog=catalogs[1],
        identity=identity,
        database=database,
        storage=storage,
        storage_queue=storage_queue,
        queue=queue or storage_queue,
        blobs=blobs,
        guarded_blobs=GuardedBlobRepository(blobs, new_breaker("blob storage")),
        jobs=PostgresJobRepository(database),
        stages=StageCompletionRepository(database),
        tasks=tasks,
        sweeps=PostgresSweepRepository(database, timedelta(seconds=settings.unclaimed_after_seconds)),
        inspection=PostgresInspectionRepository(database),
        schema=SchemaRepository(database),
        letters=PostgresDeadLetterRepository(database),
        callbacks=PostgresCallbackRepository(database),
        sender=WebhookSender(AllowedHosts(settings.callback_allowed_hosts)),
        payloads=Payloads(payload_store),
        payload_store=payload_store,
        relay=OutboxRelay(outbox, queue or storage_queue, concurrency, tracer=tracer),
        keeper=LeaseKeeper(tasks, clock),
        calls=BoundedCalls(),
        tracer=tracer,
    )


def _callback_rules(settings: Settings) -> CallbackRules:
    allowed = AllowedHosts(settings.callback_allowed_hosts)
    return CallbackRules(allowed, can_sign=bool(settings.callback_secrets))


def _ogc(parts: Parts, viewer: JobViewer, submit: SubmitJob, control: JobControl) -> OgcApi:
    search = PostgresJobSearchRepository(parts.database)
    return OgcApi.over(
        parts.job_catalog,
        parts.jobs,
        parts.payloads,
        parts.blobs,
        search,
        viewer=viewer,
        submit=submit,
        control=control,
    )


def _callbacks(parts: Parts, settings: Settings) -> CallbackDelivery:
    secrets = settings.callback_secrets
    signer = Signer(secrets) if secrets else None
    ogc_body = subscriber_body(parts.job_catalog, parts.jobs, parts.payloads, parts.blobs)
    bodies = {CallbackForm.JOB: job_body, CallbackForm.OGC: ogc_body}
    return CallbackDelivery(parts.callbacks, parts.sender, signer, bodies, parts.clock)


def _poison(parts: Parts, settings: Settings) -> PoisonHandler:
    url = settings.alert_callback_url
    return PoisonHandler(
        jobs=parts.jobs,
        tasks=parts.tasks,
        stages=parts.stages,
        letters=parts.letters,
        relay=parts.relay,
        alerts=WebhookAlerts(url.get_secret_value() if url else None),
        tracer=parts.tracer,
    )


def _poison_desk(parts: Parts, handler: PoisonHandler) -> PoisonDesk:
    return PoisonDesk(
        letters=parts.letters, jobs=parts.jobs, tasks=parts.tasks, queue=parts.queue, handler=handler
    )


def _retention(parts: Parts, settings: Settings) -> Retention:
    repository = PostgresRetentionRepository(parts.database)
    return Retention(repository, parts.payload_store, timedelta(days=settings.retention_days))


def _driver(parts: Parts, planner: StagePlanner) -> JobDriver:
    return JobDriver(
        catalog=parts.job_catalog,
        planner=planner,
        jobs=parts.jobs,
        stages=parts.stages,
        relay=parts.relay,
        payloads=parts.payloads,
        clock=parts.clock,
        tracer=parts.tracer,
    )


def _runner(parts: Parts, worker: str) -> TaskRunner:
    return TaskRunner(
        catalog=parts.task_catalog,
        tasks=parts.tasks,
        stages=parts.stages,
        keeper=parts.keeper,
        calls=parts.calls,
        payloads=parts.payloads,
        relay=parts.relay,
        blobs=parts.guarded_blobs,
        clock=parts.clock,
        worker=worker,
        tracer=parts.tracer,
    )


def _health(parts: Parts) -> HealthChecks:
    checks = health_checks(
        inspection=parts.inspection,
        schema=parts.schema,
        queue=parts.queue,
        blobs=parts.blobs,
        callbacks=parts.callbacks,
        jobs=parts.job_catalog,
        tasks=parts.task_catalog,
        clock=parts.clock,
        tracer=parts.tracer,
    )
    return HealthChecks(checks, parts.clock)


def _tracer(settings: Settings, clock: SystemClock) -> Tracer:
    if not settings.insights and not settings.traces_by_otlp:
        return NO_TRACER
    from repositories.telemetry import open_tracer  # noqa: PLC0415 -- its libraries cost those who trace only

    return open_tracer(
        clock,
        service=settings.website_site_name or settings.container_app_name,
        instance=_worker_name(settings),
        connection_string=settings.insights,
        otlp=settings.traces_by_otlp,
    )


def _postgres_address(settings: Settings, identity: AzureIdentity) -> PostgresAddress:
    return PostgresAddress(
        host=settings.postgres_host,
        port=settings.postgres_port,
        database=settings.postgres_db,
        user=settings.postgres_user,
        password=_postgres_password(settings, identity),
        sslmode=settings.postgres_sslmode,
        statement_timeout_seconds=settings.postgres_statement_timeout_seconds,
        behind_pgbouncer=settings.postgres_pgbouncer,
        application_name=f"geojobs {_worker_name(settings)}",
    )


def _postgres_password(settings: Settings, identity: AzureIdentity) -> Callable[[], str]:
    secret = settings.postgres_password
    if settings.postgres_auth is PostgresAuth.PASSWORD and secret is not None:
        return secret.get_secret_value
    return lambda: identity.token(_ENTRA_SCOPE)


def _storage_connection(settings: Settings, identity: AzureIdentity) -> StorageConnection:
    secret = settings.storage_connection_string
    return StorageConnection(
        connection_string=secret.get_secret_value() if secret else None,
        queue_uri=settings.storage_queue_uri,
        blob_uri=settings.storage_blob_uri,
        identity=identity,
    )


def _host_queues() -> dict[str, Any]:
    return json.loads(_HOST_JSON.read_text("utf-8"))["extensions"]["queues"]


def _worker_name(settings: Settings) -> str:
    return f"{settings.deployed_as or platform.node()}:{os.getpid()}"[:60]
