"""Builds the application from its settings: which use case gets which parts."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from config import Settings
from interfaces.queues import QueueRepository
from orchestration.callback_rules import CallbackRules
from orchestration.callbacks import CallbackDelivery, Signer, job_body
from orchestration.controlling import JobControl
from orchestration.diagnosing import EnumDiagnostic
from orchestration.driving import JobDriver
from orchestration.health import HealthChecks
from orchestration.health_checks import health_checks
from orchestration.intake import MessageIntake
from orchestration.measuring import Measuring
from orchestration.ogc.api import OgcApi, subscriber_body
from orchestration.planning import StagePlanner
from orchestration.poison import PoisonHandler
from orchestration.poison_desk import PoisonDesk
from orchestration.results import ResultReader
from orchestration.retention import Retention
from orchestration.running import TaskRunner
from orchestration.settling import StageSettling
from orchestration.submission import SubmitJob
from orchestration.sweeping import Sweeper
from orchestration.trail import EventViewer
from orchestration.trying import StageTrial
from orchestration.viewing import DryRun, JobTypeViewer, JobViewer
from parts import Parts, open_parts, worker_name
from registration import JobCatalog, TaskCatalog, initialize_catalogs
from repositories.alerts import WebhookAlerts
from repositories.function_checks import PostgresFunctionInspector
from repositories.job_search import PostgresJobSearchRepository
from repositories.metrics import PostgresMetricsRepository
from repositories.retention import PostgresRetentionRepository
from repositories.trail import PostgresTrailRepository
from schema.callback_urls import AllowedHosts
from schema.callbacks import CallbackForm
from triggers.application import Application

_HOST_JSON = Path(__file__).parent / "host.json"


class Closing(Protocol):
    """Owns what must be given back."""

    def close(self) -> None: ...


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
    return _application(adapt(open_parts(settings, catalogs, queue)), settings)


def _application(parts: Parts, settings: Settings) -> Application:
    planner = StagePlanner(parts.job_catalog, parts.task_catalog)
    submit = SubmitJob(parts.job_catalog, parts.jobs, parts.relay, _callback_rules(settings))
    viewer = JobViewer(parts.job_catalog, parts.jobs, parts.stages, parts.clock)
    control = JobControl(parts.jobs, parts.stages, parts.relay)
    results = ResultReader(parts.jobs, parts.payload_store)
    callbacks = _callbacks(parts, settings, results)
    health = _health(parts)
    measuring = Measuring(PostgresMetricsRepository(parts.database), parts.queue, parts.clock)
    poison = _poison(parts, settings)
    return Application(
        submit=submit,
        dry_run=_dry_run(parts, submit, planner),
        jobs=viewer,
        events=EventViewer(PostgresTrailRepository(parts.database)),
        results=results,
        job_types=JobTypeViewer(parts.job_catalog, parts.task_catalog),
        control=control,
        ogc=_ogc(parts, results, viewer=viewer, submit=submit, control=control),
        driver=_driver(parts, planner),
        runner=_runner(parts, worker_name(settings)),
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
        close=partial(_close, callbacks, measuring, health, parts),
    )


def _close(*owners: Closing) -> None:
    """Those that use others before those that are used."""
    for owner in owners:
        owner.close()


def _callback_rules(settings: Settings) -> CallbackRules:
    allowed = AllowedHosts(settings.callback_allowed_hosts)
    known = bool(settings.public_url) or not settings.deployed_as
    return CallbackRules(allowed, can_sign=bool(settings.callback_secrets), absolute_links=known)


def _ogc(
    parts: Parts, results: ResultReader, *, viewer: JobViewer, submit: SubmitJob, control: JobControl
) -> OgcApi:
    search = PostgresJobSearchRepository(parts.database)
    return OgcApi.over(
        parts.job_catalog,
        parts.jobs,
        results,
        parts.blobs,
        search,
        viewer=viewer,
        submit=submit,
        control=control,
    )


def _callbacks(parts: Parts, settings: Settings, results: ResultReader) -> CallbackDelivery:
    secrets = settings.callback_secrets
    signer = Signer(secrets) if secrets else None
    ogc_body = subscriber_body(parts.job_catalog, parts.jobs, results, parts.blobs)
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


def _dry_run(parts: Parts, submit: SubmitJob, planner: StagePlanner) -> DryRun:
    trial = StageTrial(
        parts.job_catalog,
        parts.task_catalog,
        StageSettling(parts.job_catalog, planner, parts.payloads, parts.clock),
        blobs=parts.guarded_blobs,
        sandbox=parts.sandbox,
        clock=parts.clock,
    )
    return DryRun(parts.job_catalog, submit, planner, trial)


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
        sandbox=parts.sandbox,
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


def _host_queues() -> dict[str, Any]:
    return json.loads(_HOST_JSON.read_text("utf-8"))["extensions"]["queues"]
