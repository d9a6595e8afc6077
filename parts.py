"""Opens what the settings ask for: one adapter for each interface."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

from config import PostgresAuth, Settings
from interfaces.callbacks import CallbackSender
from interfaces.queues import QueueRepository
from interfaces.tracing import NO_TRACER, Tracer
from orchestration.bounded_calls import BoundedCalls
from orchestration.leases import LeaseKeeper
from orchestration.payloads import Payloads
from orchestration.relay import OutboxRelay
from registration import JobCatalog, TaskCatalog
from repositories.callbacks import PostgresCallbackRepository
from repositories.dead_letters import PostgresDeadLetterRepository
from repositories.guarded_blobs import GuardedBlobRepository, new_breaker
from repositories.identity import AzureIdentity
from repositories.inspection import PostgresInspectionRepository
from repositories.jobs import PostgresJobRepository
from repositories.migrations import SchemaRepository
from repositories.outbox import PostgresOutboxRepository
from repositories.payloads import BlobPayloadStore
from repositories.postgres import Database, PostgresAddress
from repositories.sandbox import ChildSandbox
from repositories.stages import StageCompletionRepository
from repositories.storage_blob import StorageBlobRepository
from repositories.storage_connection import StorageConnection
from repositories.storage_queue import StorageQueueRepository
from repositories.sweeps import PostgresSweepRepository
from repositories.tasks import PostgresTaskRepository
from repositories.webhooks import WebhookSender
from schema.callback_urls import AllowedHosts

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
    sandbox: ChildSandbox
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
        self.sandbox.close()
        self.calls.close()
        self.keeper.close()
        self.relay.close()
        self.storage_queue.close()
        self.blobs.close()
        self.storage.close()
        self.database.close()
        self.identity.close()
        self.tracer.close()


def open_parts(
    settings: Settings, catalogs: tuple[JobCatalog, TaskCatalog], queue: QueueRepository | None
) -> Parts:
    """One of each; connections are made when first used. ``queue`` is a trial's own instead of Azure's."""
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
        sandbox=ChildSandbox(settings.raster_processes, settings.raster_temp_folder),
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


def _tracer(settings: Settings, clock: SystemClock) -> Tracer:
    if not settings.insights and not settings.traces_by_otlp:
        return NO_TRACER
    from repositories.telemetry import open_tracer  # noqa: PLC0415 -- its libraries cost those who trace only

    return open_tracer(
        clock,
        service=settings.website_site_name or settings.container_app_name,
        instance=worker_name(settings),
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
        read_role=settings.postgres_read_role,
        application_name=f"geojobs {worker_name(settings)}",
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


def worker_name(settings: Settings) -> str:
    """What this process calls itself in rows, events and traces."""
    return f"{settings.deployed_as or platform.node()}:{os.getpid()}"[:60]
