"""Every blueprint there is."""

from collections.abc import Iterator
from typing import Any

import azure.functions as func

from triggers.application import Application
from triggers.documentation import DOCUMENTATION_ROUTES
from triggers.following import FOLLOWING_ROUTES
from triggers.health import HEALTH_ROUTES
from triggers.http import Door, Route, blueprint_of
from triggers.inspection import INSPECTION_ROUTES
from triggers.jobs import JOB_ROUTES
from triggers.maintenance import MAINTENANCE_ROUTES
from triggers.metrics import METRICS_ROUTES
from triggers.monitor import MONITOR_ROUTES
from triggers.ogc import OGC_ROUTES
from triggers.poison_queues import poison_blueprint
from triggers.queues import queue_blueprint
from triggers.schema_admin import SCHEMA_ROUTES
from triggers.timers import timer_blueprint

ROUTES: tuple[Route[Application, Any], ...] = (
    *JOB_ROUTES,
    *FOLLOWING_ROUTES,
    *INSPECTION_ROUTES,
    *SCHEMA_ROUTES,
    *HEALTH_ROUTES,
    *METRICS_ROUTES,
    *MONITOR_ROUTES,
    *MAINTENANCE_ROUTES,
    *DOCUMENTATION_ROUTES,
    *OGC_ROUTES,
)


def blueprints(application: Application) -> Iterator[func.Blueprint]:
    """HTTP routes, queue triggers and timers, bound to the application."""
    yield blueprint_of(ROUTES, application, door_of(application))
    yield queue_blueprint(application)
    yield poison_blueprint(application)
    yield timer_blueprint(application)


def door_of(application: Application) -> Door:
    """As the settings say."""
    return Door(
        mode=application.auth_mode,
        max_body_bytes=application.max_body_bytes,
        public_url=application.public_url,
        tracer=application.tracer,
    )
